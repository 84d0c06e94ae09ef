"""Whether a live source delivers: lost, silent, back. Pure: times in, changes out.

Devices, senders and streams all keep their losses in this one state machine.
"""

from dataclasses import dataclass
from enum import Enum

from kws.errors import SilentError


class Trouble(Enum):
    """What can be wrong with a source."""

    LOST = "delivers nothing"
    SILENT = "delivers digital silence"

    @classmethod
    def of(cls, error: Exception) -> "Trouble":
        """The trouble that an error stands for."""
        return cls.SILENT if isinstance(error, SilentError) else cls.LOST


@dataclass(frozen=True)
class IdleTimeouts:
    """How long a source may be idle, in seconds.

    Attributes:
        lost_after: it delivers nothing for so long: it is lost.
        silent_after: every sample of so long a time is zero: no microphone in a room is so
            quiet, so it is muted, or not the right one; 0: never.
    """

    lost_after: float = 3.0
    silent_after: float = 60.0


@dataclass(frozen=True)
class Back:
    """Audio has come back after a loss.

    Attributes:
        seconds: since there was last audio, or since the last sound where it was silent before;
            None if there never was any.
    """

    seconds: float | None


class Liveness:
    """The state of one source, through all its losses. All times are of one clock, in seconds.

    A source delivers until `lose` is called. It is back with its first audio (`delivered`); one
    that was silent, with the first audio that is not digital silence.

    Args:
        timeouts: how long it may be idle.
        started: when it was started.

    Attributes:
        trouble: what is wrong; None while the source delivers.
        reason: the same for people; empty while the source delivers.
        losses: how often it was lost; losing what is lost already is none.
        last_audio: when it last delivered; None if it never did.
        last_sound: when that was last anything but digital silence.
    """

    def __init__(self, timeouts: IdleTimeouts | None = None, started: float = 0.0) -> None:
        self.trouble: Trouble | None = None
        self.reason = ""
        self.losses = 0
        self.last_audio: float | None = None
        self.last_sound: float | None = None
        self._since: float | None = None
        self.start(started, timeouts or IdleTimeouts())

    def start(self, now: float, timeouts: IdleTimeouts) -> None:
        """The source is started, or started again: its idle times count from now on."""
        self._timeouts, self._started = timeouts, now
        self._suspected: Trouble | None = None

    def poll(
        self, now: float, last_audio: float | None, last_sound: float | None
    ) -> Trouble | None:
        """The trouble that there is, if the poll before found the same.

        It takes two: a process that was suspended has received nothing either, but will.

        Args:
            now: the time.
            last_audio: when the source last delivered since its start; None if it did not.
            last_sound: when that was last anything but digital silence.
        """
        found, timeouts = None, self._timeouts
        if now - self._or_start(last_audio) > timeouts.lost_after:
            found = Trouble.LOST
        elif timeouts.silent_after and now - self._or_start(last_sound) > timeouts.silent_after:
            found = Trouble.SILENT
        confirmed = found if found is self._suspected else None
        self._suspected = found
        return confirmed

    def absent(self, reason: str) -> None:
        """The source was not there to begin with, which is no loss."""
        self.trouble, self.reason = Trouble.LOST, reason

    def lose(self, trouble: Trouble, reason: str) -> bool:
        """There is no audio any more.

        Returns:
            Whether that is new; of a source that is lost already only the reason changes, and a
            silent one is silent no longer where it is lost.
        """
        new = self.trouble is None
        if new:
            self.losses += 1
            self._since = self.last_sound if trouble is Trouble.SILENT else self.last_audio
        if self.trouble is not Trouble.LOST:
            self.trouble = trouble
        self.reason = reason
        return new

    def seconds_until(self, moment: float | None) -> float:
        """From the last audio until a moment; 0 without either, or where it is earlier."""
        if self.last_audio is None or moment is None:
            return 0.0
        return max(0.0, moment - self.last_audio)

    def delivered(
        self, first_audio: float | None, last_audio: float | None, last_sound: float | None
    ) -> Back | None:
        """Take note of what the source has delivered since its last start.

        Args:
            first_audio: when its first audio began; None if none came.
            last_audio: when the last came.
            last_sound: when audio last came that was not digital silence.

        Returns:
            That the source is back, where it was lost until now.
        """
        self.last_audio = self.last_audio if last_audio is None else last_audio
        self.last_sound = self.last_sound if last_sound is None else last_sound
        until = last_sound if self.trouble is Trouble.SILENT else first_audio
        if self.trouble is None or until is None:
            return None
        self.trouble, self.reason = None, ""
        return Back(None if self._since is None else until - self._since)

    def _or_start(self, moment: float | None) -> float:
        return self._started if moment is None else moment
