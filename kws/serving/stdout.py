"""Standard output as a subscriber: a line per event; a blocked reader delays no other."""

import errno
import logging
import os
import select
import threading

from kws.serving.hub import Hub
from kws.typing import Signal

log = logging.getLogger(__name__)

QUEUE = 1_000
"""Events that may wait for a reader of standard output."""


class StdoutWriter:
    """Writes a hub's events to a file descriptor from a thread of its own.

    Args:
        hub: whose events.
        descriptor: where to.
        queue: events that may wait; what is beyond is counted, not written.
    """

    def __init__(self, hub: Hub, descriptor: int = 1, queue: int = QUEUE) -> None:
        self._hub = hub
        self._descriptor = descriptor
        self._woken = threading.Event()
        self._subscription = hub.subscribe(self._woken, queue)
        self._written = 0
        self._closed = False
        self._failing = False
        self._torn = False

    @property
    def missed(self) -> int:
        """Events so far that have not been written."""
        return self._hub.published - self._written

    def start(self, finished: Signal) -> None:
        """Begin to write; `finished` is set when the last event is out, or cannot be."""

        def run() -> None:
            self._run()
            finished.set()

        threading.Thread(target=run, name="stdout", daemon=True).start()

    def _run(self) -> None:
        while True:
            self._woken.wait()
            self._woken.clear()
            for message in self._subscription.take():
                if message is None:
                    return
                try:
                    line = message if isinstance(message, str) else message.to_json()
                    self._written += self._write(f"{line}\n".encode())
                # The next events are worth no less for it.
                except Exception:
                    log.exception("an event was not written; please report it")

    def _write(self, line: bytes) -> bool:
        """Write all of a line; false when that cannot be done."""
        # A line of which only the beginning was written is ended before the next one.
        data = b"\n" + line if self._torn else line
        while data and not self._closed:
            try:
                count = os.write(self._descriptor, data)
                self._torn = data[count - 1 : count] != b"\n"
                data = data[count:]
            except BlockingIOError:
                select.select([], [self._descriptor], [])
            except OSError as error:
                # A full disk may have room again; a pipe that was closed stays so.
                self._closed = error.errno in (errno.EPIPE, errno.EBADF)
                if not self._failing:
                    loss = "is closed; kws runs without it" if self._closed else "takes no events"
                    log.warning("standard output %s (%s)", loss, error.strerror)
                self._failing = True
                return False
        if self._failing and not self._closed:
            self._failing = False
            log.info("standard output takes events again")
        return not data
