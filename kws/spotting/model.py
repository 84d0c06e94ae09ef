"""The network and what it says: windows of log-mel frames to posteriors.

A keyword model has only its keywords as classes. "None of them" is the implicit reference class
with logit 0, so the posteriors of the keywords need not sum to one.
"""

from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Self

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval


class SmallCNN(nn.Module):
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
        layers: list[nn.Module] = []
        height, width = bands, frames
        for inputs, outputs in pairwise(channels):
            layers.append(nn.Conv2d(inputs, outputs, kernel_size=3, stride=2, padding=1))
            if batch_norm:
                layers.append(nn.BatchNorm2d(outputs))
            layers.append(nn.ReLU(inplace=True))
            height, width = (height + 1) // 2, (width + 1) // 2
        self.convolutions = nn.Sequential(*layers)
        self.hidden = nn.Linear(channels[-1] * height * width, 256)
        self.output = nn.Linear(256, classes)
        self.dropout = nn.Dropout(dropout)

    def forward(self, windows: Tensor) -> Tensor:
        """Logits, shape (n, classes), of normalised log-mel windows, shape (n, bands, frames)."""
        features = self.convolutions(windows.unsqueeze(1)).flatten(1)
        hidden = torch.relu(self.hidden(self.dropout(features)))
        logits: Tensor = self.output(self.dropout(hidden))
        return logits

    def arguments(self) -> dict[str, int]:
        """What the constructor needs to build this network, folded, again."""
        return {"classes": self.classes, "bands": self.bands, "frames": self.frames}

    def folded(self) -> Self:
        """A copy for inference, batch normalisation folded into the convolutions."""
        plain = type(self)(self.classes, self.bands, self.frames).eval()
        layers = iter(self.convolutions)
        convolutions: list[nn.Conv2d] = []
        for layer in layers:
            if isinstance(layer, nn.Conv2d):
                convolutions.append(layer)
            elif isinstance(layer, nn.BatchNorm2d):
                convolutions[-1] = fuse_conv_bn_eval(convolutions[-1].eval(), layer.eval())
        targets = (layer for layer in plain.convolutions if isinstance(layer, nn.Conv2d))
        for target, source in zip(targets, convolutions, strict=True):
            target.load_state_dict(source.state_dict())
        plain.hidden.load_state_dict(self.hidden.state_dict())
        plain.output.load_state_dict(self.output.state_dict())
        return plain


ARCHITECTURES: Mapping[str, Callable[..., nn.Module]] = {"SmallCNN": SmallCNN}
"""Architectures that a model file may name."""


def posteriors(logits: Tensor, *, reference_class: bool = True) -> Tensor:
    """Posterior probability of each keyword.

    Args:
        logits: shape (..., keywords).
        reference_class: put the implicit class "none" with logit 0 beside the keywords; without
            it, a plain softmax over the keywords.

    Returns:
        Shape (..., keywords), each in [0, 1].
    """
    if not reference_class:
        return logits.softmax(-1)
    none = logits.new_zeros((*logits.shape[:-1], 1))
    return torch.cat((none, logits), -1).softmax(-1)[..., 1:]


def parameter_count(network: nn.Module) -> int:
    """Number of weights and biases."""
    return sum(parameter.numel() for parameter in network.parameters())
