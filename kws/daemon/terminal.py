"""Whether a process has a terminal, which may be closed while it runs."""

import os


def has_terminal() -> bool:
    """Whether there is a controlling terminal; none in a service, and none once it was closed."""
    try:
        os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY))
    except OSError:
        return False
    return True
