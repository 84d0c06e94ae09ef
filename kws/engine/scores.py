"""The scores of each hop: values, messages, and who gets them.

Pure but for `Observers`, which any thread may use.
"""

import base64
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from msgspec import UNSET

from kws.protocol import replies
from kws.protocol.replies import Scores
from kws.spotting.detection import TurnedDown
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
        turned_down: candidates that became no event since the hop before.
    """

    stream: str
    t: float
    level: float
    posteriors: Mapping[str, float]
    smoothed: Mapping[str, float]
    frames: npt.NDArray[np.float32]
    turned_down: tuple[TurnedDown, ...] = ()

    def message(self, *, frames: bool) -> Scores:
        """As a message; `frames`: with the log-mel frames in it."""
        return Scores(
            stream=self.stream,
            t=round(self.t, 3),
            level_db=round(20 * math.log10(self.level), 1) if self.level > 0 else None,
            posteriors=_rounded(self.posteriors),
            smoothed=_rounded(self.smoothed),
            frames=self._encoded_frames() if frames else UNSET,
            turned_down=tuple(map(_message, self.turned_down)) or UNSET,
        )

    def _encoded_frames(self) -> str:
        levels = (self.frames.T + _FRAME_OFFSET) * _FRAME_GAIN
        values = levels.clip(0, 255).astype(np.uint8)
        return base64.b64encode(values.tobytes()).decode()


def level(frames: Frames) -> float:
    """Root mean square of frames, shape (n, channels); 0 of none."""
    return float(np.sqrt(np.mean(np.square(frames)))) if frames.size else 0.0


Observer = Callable[[Hop], object]


class Observers:
    """Who gets the scores of which stream."""

    def __init__(self) -> None:
        self._observers: dict[str, tuple[Observer, ...]] = {}

    def wanted(self, stream: str) -> bool:
        """Whether anybody wants the scores of a stream."""
        return stream in self._observers

    def add(self, stream: str, observer: Observer) -> None:
        """Call `observer` with each hop of a stream, from the inference thread."""
        self._put(stream, (*self._observers.get(stream, ()), observer))

    def remove(self, stream: str, observer: Observer) -> None:
        """Call it no more."""
        self._put(stream, tuple(e for e in self._observers.get(stream, ()) if e != observer))

    def show(self, hop: Hop) -> None:
        """Call all observers of the hop's stream."""
        for observer in self._observers.get(hop.stream, ()):
            observer(hop)

    def _put(self, stream: str, observers: tuple[Observer, ...]) -> None:
        # Replaced as a whole: the inference thread reads without a lock.
        others = {name: each for name, each in self._observers.items() if name != stream}
        self._observers = {**others, stream: observers} if observers else others


def _message(candidate: TurnedDown) -> replies.TurnedDown:
    score = candidate.score
    return replies.TurnedDown(
        *(candidate.keyword, round(candidate.t, 3), round(candidate.confidence, 4)),
        verdict=candidate.verdict,
        score=None if score is None else round(score, 4),
    )


def _rounded(posteriors: Mapping[str, float]) -> dict[str, float]:
    return {keyword: round(value, 4) for keyword, value in posteriors.items()}
