"""How many files and connections this process may have open."""

import contextlib
import resource
from pathlib import Path

_RESERVED = 32
"""For what the daemon opens itself while it runs: models, configuration, devices, pipes."""


def make_room(connections: int) -> int:
    """Raise this process's limit of descriptors as far as needed and allowed.

    Args:
        connections: that there may have to be.

    Returns:
        How many connections have room beside what is open, with some left for the daemon itself.
    """
    used = sum(1 for _ in Path("/dev/fd").iterdir()) + _RESERVED
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < used + connections:
        highest = hard if hard != resource.RLIM_INFINITY else used + connections
        wanted = max(soft, min(highest, used + connections))
        # A supervisor may have forbidden it.
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
            soft = wanted
    return connections if soft == resource.RLIM_INFINITY else max(2, min(connections, soft - used))
