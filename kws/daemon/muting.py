"""The switch that mutes the daemon: see `kws.typing.Muting`."""

import asyncio
import logging
import time
from collections.abc import Callable

from kws.daemon.mute_file import MuteFile
from kws.engine.engine import Engine
from kws.errors import MutingError
from kws.protocol.events import Muted, Publisher, Unmuted
from kws.typing import Clock, MuteState

log = logging.getLogger(__name__)

_TICK_SECONDS = 0.1
_NO_ANSWER = "the inference thread does not answer"


class MuteSwitch:
    """Mutes and unmutes one daemon.

    Args:
        engine: whose source is closed.
        publisher: takes the events.
        file: keeps the state over a restart.
        clock: seconds, monotonic.
        remote_unmute: whether clients elsewhere may unmute.
        today: the time of day, in seconds since 1970.
    """

    def __init__(
        self,
        engine: Engine,
        publisher: Publisher,
        file: MuteFile,
        clock: Clock,
        *,
        remote_unmute: bool,
        today: Callable[[], float] = time.time,
    ) -> None:
        self._engine, self._publisher, self._file = engine, publisher, file
        self._clock, self._today = clock, today
        self._remote_unmute = remote_unmute
        self._muted = False
        self._until: float | None = None
        self._changing = asyncio.Lock()

    @property
    def state(self) -> MuteState:
        """See `Muting`."""
        if not self._muted or self._until is None:
            return MuteState(self._muted)
        return MuteState(muted=True, seconds_left=max(0.0, self._until - self._clock()))

    def restore(self) -> None:
        """Be muted as before the restart; to be called before the engine runs."""
        state = self._file.read(self._today())
        if not state.muted:
            return
        if not self._engine.mutable:
            log.warning("was muted; that does not apply to a recording or a pipe")
            return
        self._muted, left = True, state.seconds_left
        self._until = None if left is None else self._clock() + left
        self._engine.begin_muted()
        self._publisher.publish(Muted(left))
        log.warning("muted, as before the restart: no audio is processed until kws unmute")

    async def mute(self, seconds: float | None = None) -> MuteState:
        """See `Muting`."""
        if not self._engine.mutable:
            kind = self._engine.state().kind
            raise MutingError(
                f"the source is a {kind}, of which nothing is lost: it cannot be muted; stop what "
                "sends it, or end kws"
            )
        async with self._changing:
            until = None if seconds is None else self._clock() + seconds
            if self._muted and not self._outlasts(until):
                return self.state
            try:
                await self._engine.mute()
            except TimeoutError:
                raise MutingError(_NO_ANSWER) from None
            self._muted, self._until = True, until
            self._publisher.publish(Muted(seconds))
            log.info("muted%s", "" if seconds is None else f" for {seconds:g} s")
            await asyncio.to_thread(self._file.write, self.state, self._today())
        return self.state

    async def unmute(self, *, local: bool) -> MuteState:
        """See `Muting`."""
        if not local and not self._remote_unmute:
            raise MutingError(
                "only clients on the daemon's own machine may unmute it (server.remote_unmute)"
            )
        async with self._changing:
            if self._muted:
                await self._unmute("somebody has unmuted it")
        return self.state

    async def watch(self) -> None:
        """Unmute whenever the time of muting is over, until cancelled."""
        while True:
            await asyncio.sleep(_TICK_SECONDS)
            async with self._changing:
                if not self._is_over():
                    continue
                try:
                    await self._unmute("the time that it was to be muted for is over")
                # What hangs is the watchdog's to end; until then it stays muted.
                except MutingError as error:
                    log.error("cannot be unmuted: %s", error)

    async def _unmute(self, reason: str) -> None:
        await asyncio.to_thread(self._file.write, MuteState(muted=False), self._today())
        try:
            await self._engine.unmute()
        except TimeoutError:
            raise MutingError(_NO_ANSWER) from None
        self._muted, self._until = False, None
        self._publisher.publish(Unmuted(reason))
        log.info("unmuted: %s", reason)

    def _is_over(self) -> bool:
        return self._muted and self._until is not None and self._clock() >= self._until

    def _outlasts(self, until: float | None) -> bool:
        """Whether muting until then would last longer than it does."""
        return self._until is not None and (until is None or until > self._until)
