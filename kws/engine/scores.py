"""What a stream was heard as, hop by hop, for who wants to look: values, messages, who looks.

Pure but for `Observers`, which any thread may use.
"""

import base64
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from msgspec import UNSET
from torch import Tensor

from kws.protocol.replies import Scores
from kws.typing import Frames

_FRAME_OFFSET, _FRAME_GAIN = 14.0, 12.0
"""A frame's ln power to a byte: (x + offset) * gain; from silence to full scale, in 1/12 neper."""


@dataclass(frozen=True)
class Hop:
    """One decision, and what it was made of.

    Attributes:
        stream: name of the stream.
        t: seconds of that stream's audio at the moment of decision.
        level: root mean square of the sound of this hop, full scale 1.
        posteriors: of each keyword, as the model gave them.
        smoothed: of each keyword, what is compared with the threshold.
        frames: ln power, float32 of shape (bands, frames), new in this hop.
    """

    stream: str
    t: float
    level: float
    posteriors: Mapping[str, float]
    smoothed: Mapping[str, float]
    frames: Tensor

    def message(self, *, frames: bool) -> Scores:
        """As a message; `frames`: with the log-mel frames in it."""
        return Scores(
            stream=self.stream,
            t=round(self.t, 3),
            level_db=round(20 * math.log10(self.level), 1) if self.level > 0 else None,
            posteriors=_rounded(self.posteriors),
            smoothed=_rounded(self.smoothed),
            frames=self._encoded_frames() if frames else UNSET,
        )

    def _encoded_frames(self) -> str:
        levels = (self.frames.T + _FRAME_OFFSET) * _FRAME_GAIN
        values = levels.clamp(0, 255).to(torch.uint8).contiguous().numpy()
        return base64.b64encode(values.tobytes()).decode()


def level(frames: Frames) -> float:
    """Root mean square of frames, shape (n, channels); 0 of none."""
    return float(np.sqrt(np.mean(np.square(frames)))) if frames.size else 0.0


Look = Callable[[Hop], object]


class Observers:
    """Who looks at which stream."""

    def __init__(self) -> None:
        self._looking: dict[str, tuple[Look, ...]] = {}

    def wanted(self, stream: str) -> bool:
        """Whether anybody looks at a stream."""
        return stream in self._looking

    def add(self, stream: str, look: Look) -> None:
        """Let `look` be called with each hop of a stream, from the thread that hears it."""
        self._put(stream, (*self._looking.get(stream, ()), look))

    def remove(self, stream: str, look: Look) -> None:
        """Let it be called no more."""
        self._put(stream, tuple(each for each in self._looking.get(stream, ()) if each != look))

    def show(self, hop: Hop) -> None:
        """Call all who look at this stream."""
        for look in self._looking.get(hop.stream, ()):
            look(hop)

    def _put(self, stream: str, looking: tuple[Look, ...]) -> None:
        # Replaced as a whole: the thread that hears reads without a lock.
        others = {name: each for name, each in self._looking.items() if name != stream}
        self._looking = {**others, stream: looking} if looking else others


def _rounded(posteriors: Mapping[str, float]) -> dict[str, float]:
    return {keyword: round(value, 4) for keyword, value in posteriors.items()}
