"""Calls into the audio system, which may never come back."""

import asyncio
import os
import threading
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import TypeVar

from kws.errors import HungError

TIMEOUT_SECONDS = 8.0
"""The audio system may take so long before it counts as hung."""
_SHARED_MEMORY = Path("/dev/shm")

Result = TypeVar("Result")


async def with_timeout(call: Callable[[], Result], seconds: float = TIMEOUT_SECONDS) -> Result:
    """What a call into the audio system gives, waited for at most so many seconds.

    Raises:
        HungError: it has not come back; its thread is stuck.
        BaseException: what the call raises.
    """
    calling = asyncio.wrap_future(in_thread(call))
    try:
        await asyncio.wait((calling,), timeout=seconds)
        if not calling.done():
            raise HungError(
                f"the audio system has not answered for {seconds:g} s: its server hangs{_or_jack()}"
            )
        return calling.result()
    finally:
        # A result after the limit is dropped, and not logged.
        calling.cancel()


def run_with_timeout(call: Callable[[], Result], seconds: float = TIMEOUT_SECONDS) -> Result:
    """As `with_timeout`, where no event loop runs; Ctrl-C ends the wait.

    Raises:
        HungError: it has not come back.
        BaseException: what the call raises.
    """
    return asyncio.run(with_timeout(call, seconds))


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


def _or_jack() -> str:
    """The other known reason, where it can be one: PortAudio waits for a lock that nobody holds."""
    lock = _SHARED_MEMORY / f"jack_db-{os.getuid()}"
    if not lock.exists():
        return ""
    return f", or a killed program left JACK locked: end what uses sound, then rm -r {lock}"
