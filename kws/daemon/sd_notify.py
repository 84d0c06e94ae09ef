"""Notifications of a supervisor: systemd's protocol (sd_notify(3)), a datagram a time."""

import logging
import os
import socket
import time
from collections.abc import Mapping

log = logging.getLogger(__name__)

_MICRO = 1_000_000
_PATIENCE_SECONDS = 30
"""Work of life are never so far apart, whatever the daemon waits for: the longest pause before
an attempt to get a device back (10 s), or the longest wait for the audio of one that is open
(15 s), and a call into the audio system (8 s)."""


class SdNotify:
    """The supervisor that started the daemon, if it takes notifications.

    Args:
        environment: with NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID, as systemd sets them.
        pid: of this process.
    """

    def __init__(self, environment: Mapping[str, str], pid: int | None = None) -> None:
        address = environment.get("NOTIFY_SOCKET", "")
        # A leading @ stands for the zero byte of Linux's abstract addresses.
        self._address = f"\0{address[1:]}" if address.startswith("@") else address
        self._ready = False
        watchdog_s = _watchdog(environment, os.getpid() if pid is None else pid)
        if watchdog_s is not None and watchdog_s < _PATIENCE_SECONDS:
            log.warning(
                "the supervisor's watchdog (WatchdogSec) of %g s can strike while kws waits for a "
                "microphone; give it %d s or more",
                *(watchdog_s, _PATIENCE_SECONDS),
            )

    def ready(self, status: str) -> None:
        """The daemon is ready, also after a reload."""
        self._ready = True
        self._send(READY=1, STATUS=status)

    def keep_alive(self) -> None:
        """Work gets done."""
        if self._ready:
            self._send(WATCHDOG=1)
        else:
            # The first audio may be awaited for longer than a start may take.
            self._send(EXTEND_TIMEOUT_USEC=_PATIENCE_SECONDS * _MICRO)

    def status(self, status: str) -> None:
        """What goes on, in words."""
        self._send(STATUS=status)

    def reloading(self) -> None:
        """A reload begins; `reloaded` ends it."""
        if self._ready:
            self._send(RELOADING=1, MONOTONIC_USEC=int(time.monotonic() * _MICRO))

    def reloaded(self, status: str) -> None:
        """A reload is over. One before the daemon was ready does not make it so."""
        if self._ready:
            self.ready(status)

    def stopping(self) -> None:
        """It will end."""
        self._send(STOPPING=1, STATUS="Stopping")

    def _send(self, **fields: str | int) -> None:
        """Send fields, if there is a supervisor."""
        if not self._address:
            return
        # A value is one line, or its second one would be an assignment of its own.
        lines = (f"{name}={' '.join(str(value).splitlines())}" for name, value in fields.items())
        # ... and a file's name need not be text.
        message = "\n".join(lines).encode(errors="replace")
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as said_to:
                # A supervisor that does not read must not stop us.
                said_to.setblocking(False)
                said_to.sendto(message, self._address)
        except OSError as error:
            log.debug("the supervisor cannot be notified: %s", error)


def _watchdog(environment: Mapping[str, str], pid: int) -> float | None:
    """Seconds within which the supervisor wants a notification; None where it wants none."""
    meant_for = environment.get("WATCHDOG_PID", "")
    microseconds = environment.get("WATCHDOG_USEC", "")
    if not microseconds.isdecimal() or not int(microseconds):
        return None
    if meant_for and meant_for != str(pid):
        return None
    return int(microseconds) / _MICRO
