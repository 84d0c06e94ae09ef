"""A small teacher."""

import torch

from train.teacher.whisper import WhisperEncoder


def encoder() -> WhisperEncoder:
    """What it starts from; the same each time."""
    torch.manual_seed(3)
    return WhisperEncoder(64, 2)
