"""What a supervisor is told: systemd's notification protocol (sd_notify(3)), a datagram a time."""

import os
import socket
import time
from collections.abc import Mapping

_MICRO = 1_000_000


class Supervisor:
    """Whoever started the daemon, if it wants to know how it does.

    Args:
        environment: with NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID, as systemd sets them.
        pid: of this process.
    """

    def __init__(self, environment: Mapping[str, str], pid: int | None = None) -> None:
        address = environment.get("NOTIFY_SOCKET", "")
        # A leading @ stands for the zero byte of Linux's abstract addresses.
        self._address = f"\0{address[1:]}" if address.startswith("@") else address
        self.watchdog_s = _watchdog(environment, os.getpid() if pid is None else pid)

    def tell(self, **said: str | int) -> bool:
        """Say something, as READY=1; false where nobody listens."""
        if not self._address:
            return False
        # A name of a file may hold anything.
        lines = (f"{name}={value}".replace("\n", " ") for name, value in said.items())
        message = "\n".join(lines).encode(errors="replace")
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as said_to:
                # A supervisor that does not read must not stop us.
                said_to.setblocking(False)
                said_to.sendto(message, self._address)
        except OSError:
            return False
        return True

    def reloading(self) -> None:
        """A reload begins; READY=1 ends it."""
        self.tell(RELOADING=1, MONOTONIC_USEC=int(time.monotonic() * _MICRO))


def _watchdog(environment: Mapping[str, str], pid: int) -> float | None:
    """Seconds within which the supervisor wants to hear of us; None where it does not."""
    meant_for = environment.get("WATCHDOG_PID", "")
    microseconds = environment.get("WATCHDOG_USEC", "")
    if not microseconds.isdecimal() or not int(microseconds):
        return None
    if meant_for and meant_for != str(pid):
        return None
    return int(microseconds) / _MICRO
