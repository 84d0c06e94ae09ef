"""Calls into libraries that may never come back."""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

Result = TypeVar("Result")


class NoAnswerError(Exception):
    """A call has not come back in its time; its thread is stuck."""


def in_thread(call: Callable[[], Result], name: str = "audio system") -> Future[Result]:
    """Call in a thread of its own, for which nothing waits at the end of the process."""
    done: Future[Result] = Future()
    done.set_running_or_notify_cancel()

    def run() -> None:
        try:
            done.set_result(call())
        except BaseException as error:
            done.set_exception(error)

    threading.Thread(target=run, name=name, daemon=True).start()
    return done


async def limited(call: Callable[[], Result], seconds: float) -> Result:
    """What a call gives, waited for at most so many seconds.

    Raises:
        NoAnswerError: it has not come back.
        BaseException: what the call raises.
    """
    calling = asyncio.wrap_future(in_thread(call))
    try:
        await asyncio.wait((calling,), timeout=seconds)
        if not calling.done():
            raise NoAnswerError
        return calling.result()
    finally:
        # What comes too late is for nobody, not even for the log.
        calling.cancel()
