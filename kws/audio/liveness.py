"""Whether a live source is still what it ought to be. Pure: times in, a verdict out."""

from dataclasses import dataclass
from enum import Enum


class Trouble(Enum):
    """What can be wrong with a source that is open."""

    LOST = "delivers nothing"
    SILENT = "delivers digital silence"


@dataclass(frozen=True)
class Patience:
    """How long a source may be quiet, in seconds.

    Attributes:
        lost_after: it delivers nothing for so long: it is lost.
        silent_after: every sample of so long a time is zero: no microphone in a room is so
            quiet, so it is muted, or not the right one; 0: never.
    """

    lost_after: float = 3.0
    silent_after: float = 60.0


class Watch:
    """Looks at a source again and again.

    A verdict needs two looks: a process that was paused has heard nothing either, but will.

    Args:
        patience: how long it may be quiet.
        started: when the source was started, by any clock in seconds.
    """

    def __init__(self, patience: Patience, started: float) -> None:
        self._patience = patience
        self._started = started
        self._before: Trouble | None = None

    def look(
        self, now: float, last_audio: float | None, last_sound: float | None
    ) -> Trouble | None:
        """The trouble that there is, if it was there at the last look too.

        Args:
            now: by the same clock.
            last_audio: when the source last delivered; None if it never did.
            last_sound: when that was last anything but digital silence.
        """
        found, patience = None, self._patience
        if now - self._or_start(last_audio) > patience.lost_after:
            found = Trouble.LOST
        elif patience.silent_after and now - self._or_start(last_sound) > patience.silent_after:
            found = Trouble.SILENT
        sure = found if found is self._before else None
        self._before = found
        return sure

    def _or_start(self, moment: float | None) -> float:
        return self._started if moment is None else moment
