"""Whether the daemon is alive, by what it gets done. Pure."""

from dataclasses import dataclass
from enum import Enum, auto


class Awaited(Enum):
    """What has to come next."""

    SOUND = auto()
    """Of a source that is open and does not wait."""
    DEVICE = auto()
    """A source that was lost, or not there yet."""
    NOTHING = auto()
    """Sound may come or not, as from a pipe."""


@dataclass(frozen=True)
class Work:
    """What has been done so far.

    Attributes:
        windows: that went through the model.
        attempts: calls into the audio system that came back.
        answers: times that the inference thread said that it is there.
        awaited: what has to come next.
    """

    windows: int
    attempts: int
    answers: int
    awaited: Awaited


class Progress:
    """Says whether anything was done since it last was.

    While sound ought to come only windows count: a thread that hangs is dead. While a device is
    waited for, each attempt to get it back counts that came to an end: a missing microphone is
    waited for, a hung call is not.
    """

    def __init__(self) -> None:
        self._before = Work(-1, -1, -1, Awaited.NOTHING)

    def alive(self, now: Work) -> bool:
        """Whether there was progress since the last call that found some."""
        before = self._before
        heard, tried, answered = (
            now.windows > before.windows,
            now.attempts > before.attempts,
            now.answers > before.answers,
        )
        moved = (
            heard
            or {
                Awaited.SOUND: False,
                Awaited.DEVICE: tried and answered,
                Awaited.NOTHING: answered,
            }[now.awaited]
        )
        if moved:
            self._before = now
        return moved
