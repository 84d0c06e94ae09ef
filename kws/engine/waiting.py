"""Waiting in an event loop, also for what other threads do."""

import asyncio
import contextlib
from typing import Any


class LoopEvent(asyncio.Event):
    """An event of the running loop that any thread may set."""

    def __init__(self) -> None:
        super().__init__()
        self._owner = asyncio.get_running_loop()

    def set(self) -> None:
        """Wake who waits for it, soon."""
        # In a loop that has ended nobody waits any more.
        with contextlib.suppress(RuntimeError):
            self._owner.call_soon_threadsafe(super().set)


async def first_of(
    *awaited: "asyncio.Event | asyncio.Task[Any]", seconds: float | None = None
) -> None:
    """Wait for the first of some events and tasks; the tasks go on.

    Args:
        awaited: for what.
        seconds: for at most so long; None: for ever.
    """
    tasks = {each for each in awaited if isinstance(each, asyncio.Task)}
    waits = {
        asyncio.create_task(each.wait()) for each in awaited if isinstance(each, asyncio.Event)
    }
    try:
        await asyncio.wait(tasks | waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()
