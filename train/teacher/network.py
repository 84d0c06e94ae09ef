"""The teacher's network: an encoder of speech, and a head that pools its frames for each class."""

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from train.teacher.whisper import WhisperEncoder

WINDOW_SAMPLES = 24_000
"""Samples of a window: 1.5 s at 16 kHz."""


class AttentionHead(nn.Module):
    """Two convolutions over time, then a weighted mean of the frames for each class.

    Args:
        inputs: values of a frame.
        classes: logits.
        width: of the convolutions.
        dropout: share of the values that training leaves out.
    """

    def __init__(self, inputs: int, classes: int, width: int = 192, dropout: float = 0.1) -> None:
        super().__init__()
        self.dropout = nn.Dropout(dropout)
        self.conv1 = nn.Conv1d(inputs, width, 3, padding=1)
        self.conv2 = nn.Conv1d(width, width, 3, padding=1)
        self.weight, self.value = nn.Conv1d(width, classes, 1), nn.Conv1d(width, classes, 1)

    def forward(self, frames: Tensor) -> Tensor:
        """Logits of shape (n, classes).

        Args:
            frames: shape (n, frames, inputs).
        """
        hidden = nn.functional.gelu(self.conv1(self.dropout(frames).transpose(1, 2)))
        hidden = self.dropout(nn.functional.gelu(self.conv2(hidden)))
        pooled: Tensor = (self.weight(hidden).softmax(2) * self.value(hidden)).sum(2)
        return pooled


class TeacherNetwork(nn.Module):
    """Posteriors of "none" and of each keyword in a window.

    Args:
        encoder: of speech.
        keywords: how many.
    """

    def __init__(self, encoder: WhisperEncoder, keywords: int) -> None:
        super().__init__()
        self.encoder = encoder
        self.head = AttentionHead(encoder.width, 1 + keywords)

    @property
    def blocks(self) -> int:
        """Blocks of the encoder."""
        return len(self.encoder.blocks)

    def upper(self, hidden: Tensor, blocks: int) -> Tensor:
        """Logits, "none" first, of shape (n, 1 + keywords).

        Args:
            hidden: what the encoder's first `blocks` blocks gave: `WhisperEncoder.lower`.
            blocks: how many these are.
        """
        logits: Tensor = self.head(self.encoder.upper(hidden, blocks))
        return logits

    def forward(self, samples: Tensor) -> Tensor:
        """Logits, "none" first, of shape (n, 1 + keywords).

        Args:
            samples: float32 of shape (n, samples), in [-1, 1], at 16 kHz.
        """
        return self.upper(self.encoder.lower(samples, 0), 0)

    def freeze_below(self, trained: int) -> None:
        """Let only the head and the encoder's last `trained` blocks learn.

        Args:
            trained: blocks; with all of them, what is below learns too.
        """
        self.encoder.requires_grad_(trained >= self.blocks)
        self.encoder.blocks[self.blocks - trained :].requires_grad_(True)
        self.encoder.norm.requires_grad_(trained > 0)

    def learning(self) -> Iterator[tuple[str, nn.Parameter]]:
        """The parameters that learn, with their names."""
        return (each for each in self.named_parameters() if each[1].requires_grad)


@torch.no_grad()
def in_batches(network: TeacherNetwork, windows: Tensor, size: int = 16) -> Tensor:
    """Logits of any number of windows, shape (n, 1 + keywords)."""
    empty = torch.empty(0, network.head.value.out_channels)
    return torch.cat([empty, *(network(batch) for batch in torch.split(windows, size))])
