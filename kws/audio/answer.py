"""What the audio system answers, or that it hangs."""

import asyncio
import os
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from kws.audio.timeout import NoAnswerError, limited
from kws.errors import HungError

ANSWER_SECONDS = 8.0
"""The audio system may take so long for an answer before it counts as hung."""
_SHARED_MEMORY = Path("/dev/shm")

Result = TypeVar("Result")


async def answer_of(call: Callable[[], Result], seconds: float = ANSWER_SECONDS) -> Result:
    """What a call into the audio system gives.

    Raises:
        HungError: it has not come back after so many seconds.
        BaseException: what the call raises.
    """
    try:
        return await limited(call, seconds)
    except NoAnswerError as error:
        raise HungError(
            f"the audio system has not answered for {seconds:g} s: its server hangs{_or_jack()}"
        ) from error


def answer_without_loop(call: Callable[[], Result], seconds: float = ANSWER_SECONDS) -> Result:
    """As `answer_of`, where no event loop runs; Ctrl-C ends the wait.

    Raises:
        HungError: it has not come back after so many seconds.
        BaseException: what the call raises.
    """
    return asyncio.run(answer_of(call, seconds))


def _or_jack() -> str:
    """The other known reason, where it can be one: PortAudio waits for a lock that nobody holds."""
    lock = _SHARED_MEMORY / f"jack_db-{os.getuid()}"
    if not lock.exists():
        return ""
    return f", or a killed program left JACK locked: end what uses sound, then rm -r {lock}"
