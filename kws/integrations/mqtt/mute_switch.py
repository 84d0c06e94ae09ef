"""Muting by messages: a switch that is on while the daemon is muted."""

import asyncio
import logging
from collections.abc import Coroutine
from concurrent.futures import Future
from typing import Any

from kws.typing import Muting

log = logging.getLogger(__name__)

MUTE, UNMUTE = "ON", "OFF"
"""What is asked for, and how it is."""


class MuteSwitch:
    """Carries out what messages ask for, in the event loop.

    A message always is a wish from elsewhere; whether that may unmute is for the daemon to say.

    Args:
        muting: of the daemon.
        loop: in which it is done.
    """

    def __init__(self, muting: Muting, loop: asyncio.AbstractEventLoop) -> None:
        self._muting, self._loop = muting, loop

    @property
    def state(self) -> str:
        """How it is now."""
        return MUTE if self._muting.state.muted else UNMUTE

    def ask(self, wish: str) -> None:
        """Do what a message asks for, soon. From any thread."""
        if wish == MUTE:
            self._do("mute", self._muting.mute())
        elif wish == UNMUTE:
            self._do("unmute", self._muting.unmute(local=False))
        else:
            log.warning("mqtt: a message asks for %.40r; it should be ON or OFF", wish)

    def _do(self, what: str, work: Coroutine[Any, Any, object]) -> None:
        def tell(done: "Future[object]") -> None:
            if not done.cancelled() and (error := done.exception()) is not None:
                log.warning("mqtt: a message asks to %s kws, which failed: %s", what, error)

        log.info("mqtt: a message asks to %s kws", what)
        asyncio.run_coroutine_threadsafe(work, self._loop).add_done_callback(tell)
