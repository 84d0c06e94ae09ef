"""The audio of events, kept for a short time and never longer."""

import io
import threading
from collections import OrderedDict
from dataclasses import dataclass

import soundfile

from kws.typing import Clock, Frames

CLIP_S = 1.0
"""Seconds of audio up to the moment of decision."""
_MOST = 1_000


@dataclass(frozen=True)
class Clip:
    """A short piece of audio.

    Attributes:
        frames: shape (n, channels).
        sample_rate: frames per second.
    """

    frames: Frames
    sample_rate: int

    def to_wav(self) -> bytes:
        """As a WAV file: mono, 16 bit."""
        target = io.BytesIO()
        mono = self.frames.mean(axis=1).clip(-1.0, 1.0)
        soundfile.write(target, mono, self.sample_rate, format="WAV", subtype="PCM_16")
        return target.getvalue()


class Clips:
    """Clips by the event that they belong to. Any thread may use it.

    Args:
        keep_s: seconds after which a clip is dropped.
        clock: seconds, monotonic.
    """

    def __init__(self, keep_s: float, clock: Clock) -> None:
        self._keep_s, self._clock = keep_s, clock
        self._kept: OrderedDict[str, tuple[float, Clip]] = OrderedDict()
        self._lock = threading.Lock()

    @property
    def enabled(self) -> bool:
        """Whether any clip is kept."""
        return self._keep_s > 0

    def __len__(self) -> int:
        return len(self._kept)

    def keep(self, event: str, clip: Clip) -> None:
        """Keep a clip under an event's id."""
        with self._lock:
            self._kept[event] = self._clock(), clip
            self._forget()

    def get(self, event: str) -> Clip | None:
        """The clip of an event, while it is kept."""
        with self._lock:
            self._forget()
            kept = self._kept.get(event)
        return kept[1] if kept else None

    def forget_old(self) -> None:
        """Drop what is too old; to be called now and then, since requests may be rare."""
        with self._lock:
            self._forget()

    def _forget(self) -> None:
        oldest = self._clock() - self._keep_s
        while self._kept and (
            len(self._kept) > _MOST or next(iter(self._kept.values()))[0] < oldest
        ):
            self._kept.popitem(last=False)
