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

    AUDIO = auto()
    """Of a source that is open and does not wait."""
    DEVICE = auto()
    """A source that was lost, or not there yet."""
    NOTHING = auto()
    """Audio may come or not, as from a pipe."""


@dataclass(frozen=True)
class Work:
    """What has been done so far.

    Attributes:
        windows: that went through the model.
        attempts: calls into the audio system that came back.
        responses: times that the inference thread has responded.
        awaited: what has to come next.
    """

    windows: int
    attempts: int
    responses: int
    awaited: Awaited


class Progress:
    """Finds out whether there was progress since it last found some. Pure.

    While audio should arrive only processed windows count, so that a hung thread is noticed. While
    a device is missing, each finished attempt to open it counts: kws waits for a missing
    microphone, but not for a call that hangs.
    """

    def __init__(self) -> None:
        self._before = Work(-1, -1, -1, Awaited.NOTHING)

    def progressed(self, now: Work) -> bool:
        """Whether there was progress since the last call that found some."""
        before = self._before
        processed, tried, responded = (
            now.windows > before.windows,
            now.attempts > before.attempts,
            now.responses > before.responses,
        )
        moved = (
            processed
            or {
                Awaited.AUDIO: False,
                Awaited.DEVICE: tried and responded,
                Awaited.NOTHING: responded,
            }[now.awaited]
        )
        if moved:
            self._before = now
        return moved


class Watchdog:
    """Monitors an engine.

    Args:
        engine: to monitor.
        sd_notify: notifies the supervisor.
        clock: seconds, monotonic.
    """

    def __init__(self, engine: Engine, sd_notify: SdNotify, clock: Clock) -> None:
        self._engine = engine
        self._sd_notify = sd_notify
        self._clock = clock
        self._progress = Progress()
        self._responses = 0
        self._requested = False
        self._progressed_at = clock()
        self._notified = ""

    @property
    def stalled(self) -> str:
        """Why audio that comes is not processed; empty where it is."""
        seconds = self._clock() - self._progressed_at
        if self._awaited is Awaited.DEVICE or seconds < _STALLED_SECONDS:
            return ""
        return f"no audio was processed for {seconds:.0f} s"

    @property
    def status(self) -> str:
        """The source and its state, in words."""
        state = self._engine.capture.state
        if self._engine.muted:
            return "Muted: no audio is processed"
        if state.reason:
            return f"No audio: {state.reason}"
        if self.stalled:
            return f"Stalled: {self.stalled}"
        if state.last_audio is None:
            return f"Waiting for audio from {state.kind} {state.name!r}"
        return f"Processing audio from {state.kind} {state.name!r}"

    def check(self) -> None:
        """Check for progress, and notify the supervisor; to be called every second."""
        if not self._requested:
            self._requested = True
            self._engine.inference.ask(self._respond)
        state = self._engine.capture.state
        work = Work(self._engine.inference.windows, state.attempts, self._responses, self._awaited)
        progressed = self._progress.progressed(work)
        # Audio that has just come back was not left unprocessed.
        if progressed or work.awaited is Awaited.DEVICE:
            self._progressed_at = self._clock()
        if progressed:
            self._sd_notify.keep_alive()
        if self.status != self._notified:
            self._notified = self.status
            self._sd_notify.status(self._notified)

    def _respond(self) -> None:
        """Called from the inference thread."""
        self._responses += 1
        self._requested = False

    @property
    def _awaited(self) -> Awaited:
        state = self._engine.capture.state
        if not self._engine.live or self._engine.muted:
            return Awaited.NOTHING
        return Awaited.DEVICE if state.reason or state.last_audio is None else Awaited.AUDIO
