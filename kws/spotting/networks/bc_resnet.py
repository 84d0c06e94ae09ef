"""BC-ResNet: few weights, and most of the work done on one row of the image.

Kim, Chang, Lee and Sung, "Broadcasted Residual Learning for Efficient Keyword Spotting",
Interspeech 2021, arXiv 2106.04140.
"""

from collections.abc import Iterator
from typing import Self

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from kws.spotting.networks.base import Network

SUB_BANDS = 5
_BANDS = 40
"""What the strides, the sub-bands and the last kernel divide the image's height by."""
_STAGES = (
    # blocks, channels in widths, stride of the first block along frequency
    (2, 1.0, 1),
    (2, 1.5, 2),
    (4, 2.0, 2),
    (4, 2.5, 1),
)


class SubSpectralNorm(nn.Module):
    """Batch normalisation of each of five sub-bands by itself (Chang et al., arXiv 2103.13620).

    Args:
        channels: of the image.
        bands: of the image, a multiple of five.
    """

    def __init__(self, channels: int, bands: int) -> None:
        super().__init__()
        self._parts = channels * SUB_BANDS, bands // SUB_BANDS
        self.norm = nn.BatchNorm2d(channels * SUB_BANDS)

    def forward(self, image: Tensor) -> Tensor:
        """Of an image of shape (n, channels, bands, frames), which it keeps."""
        parts: Tensor = self.norm(image.reshape(len(image), *self._parts, image.shape[-1]))
        return parts.view(image.shape)

    def folded(self) -> "BandGain":
        """What it does once trained."""
        norm, (parts, height) = self.norm, self._parts
        plain = BandGain(parts // SUB_BANDS, SUB_BANDS * height)
        assert norm.running_mean is not None
        assert norm.running_var is not None
        gain = norm.weight / (norm.running_var + norm.eps).sqrt()
        offset = norm.bias - norm.running_mean * gain
        for target, values in ((plain.gain, gain), (plain.offset, offset)):
            target.data = values.detach().repeat_interleave(height).view(target.shape)
        return plain


class BandGain(nn.Module):
    """A gain and an offset for each channel and band: what folds a sub-spectral normalisation."""

    def __init__(self, channels: int, bands: int) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.ones(channels, bands, 1))
        self.offset = nn.Parameter(torch.zeros(channels, bands, 1))

    def forward(self, image: Tensor) -> Tensor:
        """Of an image of shape (n, channels, bands, frames), which it keeps."""
        return torch.addcmul(self.offset, image, self.gain)


class Convolution(nn.Sequential):
    """A convolution that keeps the size but for its stride, and its batch normalisation.

    Args:
        inputs: channels of the image.
        outputs: channels of the result.
        kernel: along frequency and time.
        stride: along frequency.
        dilation: along time.
        groups: of channels.
        batch_norm: normalise; otherwise add a bias, into which the normalisation folds.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        kernel: tuple[int, int] = (1, 1),
        stride: int = 1,
        dilation: int = 1,
        groups: int = 1,
        *,
        batch_norm: bool,
    ) -> None:
        super().__init__(
            nn.Conv2d(
                inputs,
                outputs,
                kernel,
                stride=(stride, 1),
                padding=(kernel[0] // 2, dilation * (kernel[1] // 2)),
                dilation=(1, dilation),
                groups=groups,
                bias=not batch_norm,
            ),
            *([nn.BatchNorm2d(outputs)] if batch_norm else []),
        )

    def folded(self) -> nn.Sequential:
        """What it does once trained."""
        if len(self) == 1:
            return self
        convolution, norm = self
        assert isinstance(convolution, nn.Conv2d)
        assert isinstance(norm, nn.BatchNorm2d)
        return nn.Sequential(fuse_conv_bn_eval(convolution.eval(), norm.eval()))


class BroadcastedBlock(nn.Module):
    """What two dimensions give, plus what their mean over frequency gives, for every band.

    Args:
        inputs: channels of the image.
        outputs: channels of the result; where they differ, the block has no identity shortcut.
        bands: of the result.
        stride: along frequency.
        dilation: along time.
        batch_norm: normalise.
        dropout: probability of dropping a channel of what is broadcast.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        bands: int,
        stride: int,
        dilation: int,
        *,
        batch_norm: bool,
        dropout: float,
    ) -> None:
        super().__init__()
        self.transition = (
            Convolution(inputs, outputs, batch_norm=batch_norm) if inputs != outputs else None
        )
        self.frequency = nn.Conv2d(
            outputs, outputs, (3, 1), (stride, 1), (1, 0), groups=outputs, bias=False
        )
        self.sub_bands = (SubSpectralNorm if batch_norm else BandGain)(outputs, bands)
        self.time = Convolution(
            outputs, outputs, (1, 3), dilation=dilation, groups=outputs, batch_norm=batch_norm
        )
        self.channels = nn.Conv2d(outputs, outputs, 1, bias=False)
        self.dropout = nn.Dropout2d(dropout)

    def forward(self, image: Tensor) -> Tensor:
        """From shape (n, inputs, bands × stride, frames) to (n, outputs, bands, frames)."""
        inside = image if self.transition is None else torch.relu_(self.transition(image))
        inside = self.sub_bands(self.frequency(inside))
        mean = inside.mean(2, keepdim=True)
        broadcast = self.dropout(self.channels(nn.functional.silu(self.time(mean))))
        total = inside + broadcast
        return torch.relu_(total + image if self.transition is None else total)


class BCResNet(Network):
    """A convolution, twelve broadcasted residual blocks in four stages, and a classifier.

    The paper's BC-ResNet-τ has a width of 8 τ. It counts "silence" and "unknown" among its 12
    classes; here both are the implicit reference class, which has no weights.

    Args:
        classes: number of keywords.
        bands: height of the log-mel image, a multiple of 40.
        frames: width of the log-mel image; the weights fit any.
        width: channels of the first stage, even; 8 for BC-ResNet-1, 16 for BC-ResNet-2.
        batch_norm: normalise after convolutions (for training; `folded` removes it).
        dropout: probability of dropping a channel of what is broadcast (for training).

    Raises:
        ValueError: bands or width are no such number.
    """

    def __init__(
        self,
        classes: int,
        bands: int = 40,
        frames: int = 98,
        *,
        width: int = 16,
        batch_norm: bool = False,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        if bands < 1 or bands % _BANDS:
            raise ValueError(f"bands must be a multiple of {_BANDS} for BCResNet, not {bands}")
        if width < 2 or width % 2:
            raise ValueError(f"width must be an even number of channels, not {width}")
        self.classes, self.bands, self.frames, self.width = classes, bands, frames, width
        inputs, height = 2 * width, bands // 2
        self.head = Convolution(1, inputs, (5, 5), stride=2, batch_norm=batch_norm)
        blocks = []
        for stage, (count, widths, stride) in enumerate(_STAGES):
            outputs = int(widths * width)
            height //= stride
            for block in range(count):
                blocks.append(
                    BroadcastedBlock(
                        inputs,
                        outputs,
                        height,
                        stride if block == 0 else 1,
                        2**stage,
                        batch_norm=batch_norm,
                        dropout=dropout,
                    )
                )
                inputs = outputs
        self.blocks = nn.Sequential(*blocks)
        self.last = nn.Conv2d(inputs, inputs, 5, padding=(0, 2), groups=inputs, bias=False)
        self.wide = Convolution(inputs, 4 * width, batch_norm=batch_norm)
        self.output = nn.Linear(4 * width, classes)

    def forward(self, windows: Tensor) -> Tensor:
        """Logits, shape (n, classes), of normalised log-mel windows, shape (n, bands, frames)."""
        image = self.blocks(torch.relu_(self.head(windows.unsqueeze(1))))
        features = torch.relu_(self.wide(self.last(image))).mean((2, 3))
        logits: Tensor = self.output(features)
        return logits

    def arguments(self) -> dict[str, int]:
        """What the constructor needs to build this network, folded, again."""
        return {
            "classes": self.classes,
            "bands": self.bands,
            "frames": self.frames,
            "width": self.width,
        }

    def folded(self) -> Self:
        """A copy for inference: normalisations folded into convolutions, or into gains of bands."""
        plain = type(self)(self.classes, self.bands, self.frames, width=self.width).eval()
        plain.load_state_dict(dict(_folded_weights(self)))
        return plain


def _folded_weights(part: nn.Module, prefix: str = "") -> Iterator[tuple[str, Tensor]]:
    """Weights of the folded form of a part of the network, by their names in it."""
    if isinstance(part, SubSpectralNorm | Convolution):
        part = part.folded()
    for name, weights in part.named_parameters(recurse=False):
        yield prefix + name, weights.detach()
    for name, inner in part.named_children():
        yield from _folded_weights(inner, f"{prefix}{name}.")
