"""A small teacher."""

import torch

from train.teacher.teacher_file import TeacherFile, untrained_teacher
from train.teacher.whisper import WhisperEncoder

ORIGIN = {"Made for tests": "CC0-1.0"}


def encoder() -> WhisperEncoder:
    """What it starts from; the same each time."""
    torch.manual_seed(3)
    return WhisperEncoder(64, 2)


def untrained() -> TeacherFile:
    """What its training starts from."""
    return untrained_teacher(encoder(), ("low", "high"), ORIGIN, seed=1)
