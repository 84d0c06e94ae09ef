"""The clock that says how old an event is."""

import time

_BOOT_TIME = getattr(time, "CLOCK_BOOTTIME", None)


def seconds() -> float:
    """Seconds that never go back, and that go on while the machine sleeps, where it can tell.

    What was said before a laptop was closed is old when it is opened.
    """
    return time.monotonic() if _BOOT_TIME is None else time.clock_gettime(_BOOT_TIME)
