"""The daemon's pulse: looks every second whether work gets done, and tells the supervisor."""

import asyncio
import logging
from collections.abc import Callable

from kws.daemon.progress import Awaited, Progress, Work
from kws.daemon.sd_notify import SdNotify
from kws.engine.engine import Hearing

log = logging.getLogger(__name__)

_BEAT_SECONDS = 1.0
_STALLED_SECONDS = 5.0
"""Clip that comes and is not heard for so long makes the daemon unhealthy."""


class Watchdog:
    """Watches what is heard.

    Args:
        hearing: what to watch.
        supervisor: whom to tell.
        clock: seconds, monotonic.
    """

    def __init__(self, hearing: Hearing, supervisor: SdNotify, clock: Callable[[], float]) -> None:
        self._hearing = hearing
        self._supervisor = supervisor
        self._clock = clock
        self._vitals = Progress()
        self._answers = 0
        self._asked = False
        self._alive_at = clock()
        self._said = ""

    @property
    def stalled(self) -> str:
        """Why what comes is not heard; empty where it is."""
        seconds = self._clock() - self._alive_at
        if self._awaited is Awaited.DEVICE or seconds < _STALLED_SECONDS:
            return ""
        return f"inference has not moved for {seconds:.0f} s"

    @property
    def status(self) -> str:
        """What is heard from, in words."""
        state = self._hearing.capture.state
        if state.reason:
            return f"Deaf: {state.reason}"
        if self.stalled:
            return f"Deaf: {self.stalled}"
        if state.last_audio is None:
            return f"Waiting for sound from {state.kind} {state.name!r}"
        return f"Hears {state.kind} {state.name!r}"

    async def beat(self) -> None:
        """Look, for ever."""
        while True:
            if not self._asked:
                self._asked = True
                self._hearing.inference.ask(self._answer)
            state = self._hearing.capture.state
            signs = Work(
                self._hearing.inference.windows, state.attempts, self._answers, self._awaited
            )
            alive = self._vitals.alive(signs)
            # Clip that has just come back was not left unheard.
            if alive or signs.awaited is Awaited.DEVICE:
                self._alive_at = self._clock()
            if alive:
                self._supervisor.alive()
            if self.status != self._said:
                self._said = self.status
                self._supervisor.status(self._said)
            await asyncio.sleep(_BEAT_SECONDS)

    def _answer(self) -> None:
        """From the inference thread: it is there."""
        self._answers += 1
        self._asked = False

    @property
    def _awaited(self) -> Awaited:
        state = self._hearing.capture.state
        if not self._hearing.live:
            return Awaited.NOTHING
        return Awaited.DEVICE if state.reason or state.last_audio is None else Awaited.SOUND
