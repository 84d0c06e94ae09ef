"""The watchdog: whether audio is processed, for health and for the supervisor."""

import logging
from dataclasses import dataclass
from enum import Enum, auto

from kws.daemon.sd_notify import SdNotify
from kws.engine.engine import Engine
from kws.typing import Clock

log = logging.getLogger(__name__)

_STALLED_SECONDS = 5.0
"""Audio that comes and is not processed for so long makes the daemon unhealthy."""


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
    """Says whether there was progress since it last found some. Pure.

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


class Watchdog:
    """Watches an engine.

    Args:
        engine: what to watch.
        sd_notify: tells the supervisor.
        clock: seconds, monotonic.
    """

    def __init__(self, engine: Engine, sd_notify: SdNotify, clock: Clock) -> None:
        self._engine = engine
        self._sd_notify = sd_notify
        self._clock = clock
        self._progress = Progress()
        self._answers = 0
        self._asked = False
        self._alive_at = clock()
        self._notified = ""

    @property
    def stalled(self) -> str:
        """Why audio that comes is not processed; empty where it is."""
        seconds = self._clock() - self._alive_at
        if self._awaited is Awaited.DEVICE or seconds < _STALLED_SECONDS:
            return ""
        return f"inference has not moved for {seconds:.0f} s"

    @property
    def status(self) -> str:
        """What the daemon listens to, in words."""
        state = self._engine.capture.state
        if state.reason:
            return f"Deaf: {state.reason}"
        if self.stalled:
            return f"Deaf: {self.stalled}"
        if state.last_audio is None:
            return f"Waiting for sound from {state.kind} {state.name!r}"
        return f"Hears {state.kind} {state.name!r}"

    def check(self) -> None:
        """Look for progress, and tell the supervisor; to be called every second."""
        if not self._asked:
            self._asked = True
            self._engine.inference.ask(self._answer)
        state = self._engine.capture.state
        work = Work(self._engine.inference.windows, state.attempts, self._answers, self._awaited)
        alive = self._progress.alive(work)
        # Audio that has just come back was not left unprocessed.
        if alive or work.awaited is Awaited.DEVICE:
            self._alive_at = self._clock()
        if alive:
            self._sd_notify.alive()
        if self.status != self._notified:
            self._notified = self.status
            self._sd_notify.status(self._notified)

    def _answer(self) -> None:
        """From the inference thread: it is there."""
        self._answers += 1
        self._asked = False

    @property
    def _awaited(self) -> Awaited:
        state = self._engine.capture.state
        if not self._engine.live:
            return Awaited.NOTHING
        return Awaited.DEVICE if state.reason or state.last_audio is None else Awaited.SOUND
