"""Types that cross folders: arrays of audio, and what a source delivers."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Samples = npt.NDArray[np.float32]
"""Mono audio of shape (n,), in [-1, 1]."""
Frames = npt.NDArray[np.float32]
"""Audio of shape (n, channels)."""


@dataclass(frozen=True)
class AudioFormat:
    """What a source delivers.

    Attributes:
        sample_rate: frames per second.
        channels: samples per frame.
    """

    sample_rate: int
    channels: int
