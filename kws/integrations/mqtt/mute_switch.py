"""Muting by messages: a switch that any client of the broker may turn off, and some may turn on."""

import asyncio
import logging
from collections.abc import Coroutine
from concurrent.futures import Future
from typing import Any

from kws.typing import Muting

log = logging.getLogger(__name__)

MUTE, UNMUTE = "ON", "OFF"
"""What is asked for, and how it is: the switch is on while kws is muted."""


class MuteSwitch:
    """Carries out what messages ask for, in the event loop.

    Args:
        muting: of the daemon.
        allow_unmute: whether a message may unmute it.
        loop: in which it is done.
    """

    def __init__(
        self, muting: Muting, *, allow_unmute: bool, loop: asyncio.AbstractEventLoop
    ) -> None:
        self._muting, self._allow_unmute, self._loop = muting, allow_unmute, loop

    @property
    def state(self) -> str:
        """How it is now."""
        return MUTE if self._muting.muted else UNMUTE

    def ask(self, wish: str) -> None:
        """Do what a message asks for, soon. From any thread."""
        if wish == MUTE:
            log.info("mqtt: a message mutes kws")
            self._do(self._muting.mute())
        elif wish == UNMUTE and self._allow_unmute:
            log.info("mqtt: a message unmutes kws")
            self._do(self._muting.unmute())
        elif wish == UNMUTE:
            log.warning(
                "mqtt: a message asks kws to unmute, and is not allowed to: "
                "integrations.mqtt.allow_unmute is false"
            )
        else:
            log.warning("mqtt: a message asks for %.40r; it should be ON or OFF", wish)

    def _do(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).add_done_callback(_tell)


def _tell(done: "Future[None]") -> None:
    if not done.cancelled() and (error := done.exception()) is not None:
        log.error("mqtt: muting failed: %s", error)
