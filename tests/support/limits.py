"""How long tests wait: in seconds of an idle machine, and longer on a slow or busy one."""

import math
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

Value = TypeVar("Value")

TIMEOUT = 30.0
"""Seconds until a test gives up, on an idle machine; nothing here takes nearly as long."""
_WORK = (sys.executable, "-I", "-S", "-c", "sum(range(4_000_000))")
_REFERENCE_S = 0.1
"""What this work takes on the idle machine for which limits were chosen: 2 cores of an AMD EPYC."""
_MOST = 20.0
"""Times slower than that; a test that really hangs should still come to an end."""
_FRESH_S = 15.0
"""After so many seconds the load is measured again."""

_slowdown = 1.0
_measured_at = -math.inf


def limit(seconds: float, *, now: bool = False) -> float:
    """A time limit for this machine, with its load.

    It never shrinks: the load that was highest in this process counts.

    Args:
        seconds: the limit on an idle machine.
        now: measure the load now, even if it was measured just before.

    Returns:
        `seconds`, or more.
    """
    global _slowdown, _measured_at
    if now or time.monotonic() - _measured_at > _FRESH_S:
        begun = time.monotonic()
        subprocess.run(_WORK, check=True)
        _measured_at = time.monotonic()
        _slowdown = min(_MOST, max(_slowdown, (_measured_at - begun) / _REFERENCE_S))
    return seconds * _slowdown


def wait_with(wait: Callable[[float], bool], seconds: float = TIMEOUT) -> bool:
    """Wait with a function that takes a time limit; again where the machine has become slower.

    Returns:
        What the function says: whether that came which was waited for.
    """
    begun = time.monotonic()
    if wait(limit(seconds)):
        return True
    left = begun + limit(seconds, now=True) - time.monotonic()
    return left > 0 and wait(left)


def value_of(
    call: Callable[[float], Value],
    seconds: float = TIMEOUT,
    expired: type[Exception] = TimeoutError,
) -> Value:
    """What a function gives that takes a time limit and can be called again after it.

    Args:
        call: takes the limit.
        seconds: the limit on an idle machine.
        expired: what the function raises when the time is over, as this does then.
    """
    begun = time.monotonic()
    try:
        return call(limit(seconds))
    except expired:
        left = begun + limit(seconds, now=True) - time.monotonic()
        if left <= 0:
            raise
    return call(left)


def wait_until(condition: Callable[[], bool], what: str, seconds: float = TIMEOUT) -> None:
    """Wait for something that gives no notice of itself.

    Raises:
        TimeoutError: it does not come.
    """

    def wait(timeout: float) -> bool:
        deadline = time.monotonic() + timeout
        pause = threading.Event()
        while not condition():
            if time.monotonic() > deadline:
                return False
            pause.wait(0.02)
        return True

    if not wait_with(wait, seconds):
        raise TimeoutError(f"not within {limit(seconds):g} s: {what}")


@contextmanager
def at_most(seconds: float) -> Iterator[None]:
    """Fail where a block takes longer than so many seconds of an idle machine.

    Raises:
        AssertionError: it did.
    """
    begun = time.monotonic()
    yield
    took = time.monotonic() - begun
    assert took < limit(seconds) or took < limit(seconds, now=True), f"{took:.2f} s"
