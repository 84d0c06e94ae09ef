"""What crosses folders: arrays of audio, audio formats, and the protocols between layers."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from kws.protocol.events import Body, Event

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


class Publisher(Protocol):
    """Takes events: the hub."""

    def publish(self, body: Body) -> Event:
        """Stamp what happened and hand it out. From any thread; never waits."""
        ...


class InferenceTimer(Protocol):
    """Is told what inference takes: the metrics."""

    def inferred(self, seconds: float, windows: int) -> None:
        """The model took so many seconds for a batch of so many windows."""
        ...
