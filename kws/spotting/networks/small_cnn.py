"""SmallCNN: three strided convolutions and two dense layers."""

from itertools import pairwise, zip_longest
from typing import Self

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from kws.spotting.networks.base import Network


class SparseLinear(nn.Linear):
    """A dense layer that, for a single row of inputs, leaves out those that are zero.

    After a rectifier most are, and then reading the weights, more than a core's cache holds, is
    what takes the time. The weights lie in memory by input, so that an input's are in one place.
    """

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(inputs, outputs)
        self.weight = nn.Parameter(self.weight.detach().t().contiguous().t())

    def forward(self, inputs: Tensor) -> Tensor:
        """Outputs, shape (n, outputs), of inputs, shape (n, inputs)."""
        if self.training or len(inputs) != 1:
            return super().forward(inputs)
        row = inputs[0]
        active = row.nonzero().squeeze(1)
        begin = active.new_zeros(1)
        # What `embedding_bag` of nn.functional calls with mode "sum", without its checks.
        outputs: Tensor = torch.embedding_bag(
            self.weight.t(), active, begin, False, 0, False, row[active]
        )[0]
        return outputs.add_(self.bias)


def _convolution(inputs: int, outputs: int) -> nn.Conv2d:
    """A 3x3 convolution that halves both axes, its weights laid out as a CPU reads them best."""
    layer = nn.Conv2d(inputs, outputs, kernel_size=3, stride=2, padding=1)
    layer.weight = nn.Parameter(layer.weight.detach().contiguous(memory_format=torch.channels_last))
    return layer


class SmallCNN(Network):
    """Three strided 3x3 convolutions and two dense layers; 1,089,540 parameters for 4 classes.

    Args:
        classes: number of keywords.
        bands: height of the log-mel image.
        frames: width of the log-mel image.
        batch_norm: normalise after each convolution (for training; `folded` removes it).
        dropout: probability of dropping a value before each dense layer (for training).
    """

    def __init__(
        self,
        classes: int,
        bands: int = 40,
        frames: int = 98,
        *,
        batch_norm: bool = False,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.classes, self.bands, self.frames = classes, bands, frames
        channels = (1, 16, 32, 64)
        pairs = tuple(pairwise(channels))
        self.convolutions = nn.ModuleList(_convolution(*pair) for pair in pairs)
        self.norms = nn.ModuleList(nn.BatchNorm2d(outputs) for _, outputs in pairs if batch_norm)
        height, width = bands, frames
        for _ in pairs:
            height, width = (height + 1) // 2, (width + 1) // 2
        self.hidden = SparseLinear(channels[-1] * height * width, 256)
        self.output = nn.Linear(256, classes)
        self.dropout = dropout

    def forward(self, windows: Tensor) -> Tensor:
        """Logits, shape (n, classes), of normalised log-mel windows, shape (n, bands, frames)."""
        features = windows.unsqueeze(1).contiguous(memory_format=torch.channels_last)
        for convolution, norm in zip_longest(self.convolutions, self.norms):
            features = convolution(features)
            features = torch.relu_(features if norm is None else norm(features))
        hidden = torch.relu_(self.hidden(self._drop(features.flatten(1))))
        logits: Tensor = self.output(self._drop(hidden))
        return logits

    def _drop(self, features: Tensor) -> Tensor:
        if not self.training:
            return features
        return nn.functional.dropout(features, self.dropout)

    def arguments(self) -> dict[str, int]:
        """What the constructor needs to build this network, folded, again."""
        return {"classes": self.classes, "bands": self.bands, "frames": self.frames}

    def folded(self) -> Self:
        """A copy for inference, batch normalisation folded into the convolutions."""
        plain = type(self)(self.classes, self.bands, self.frames).eval()
        for target, convolution, norm in zip_longest(
            plain.convolutions, self.convolutions, self.norms
        ):
            folded = convolution if norm is None else _fold(convolution, norm)
            target.load_state_dict(folded.state_dict())
        plain.hidden.load_state_dict(self.hidden.state_dict())
        plain.output.load_state_dict(self.output.state_dict())
        return plain


def _fold(convolution: nn.Module, norm: nn.Module) -> nn.Conv2d:
    assert isinstance(convolution, nn.Conv2d)
    assert isinstance(norm, nn.BatchNorm2d)
    return fuse_conv_bn_eval(convolution.eval(), norm.eval())
