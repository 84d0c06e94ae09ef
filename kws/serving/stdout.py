"""Standard output as a subscriber: a line per event, and trouble there is nobody else's."""

import logging
import os
import threading
from collections.abc import Callable

from kws.serving.hub import Hub

log = logging.getLogger(__name__)

QUEUE = 1_000
"""Events that may wait for a reader of standard output."""


class StdoutWriter:
    """Writes a hub's events to a file descriptor from a thread of its own.

    Args:
        hub: whose events.
        descriptor: where to.
        queue: events that may wait; what finds no room is counted, not written.
    """

    def __init__(self, hub: Hub, descriptor: int = 1, queue: int = QUEUE) -> None:
        self._hub = hub
        self._descriptor = descriptor
        self._woken = threading.Event()
        self._subscription = hub.subscribe(self._woken.set, queue)
        self._written = 0

    @property
    def missed(self) -> int:
        """Events so far that have not been written."""
        return self._hub.published - self._written

    def start(self, finished: Callable[[], None]) -> None:
        """Begin to write; `finished` is called when the last event is out, or cannot be."""

        def run() -> None:
            self._run()
            finished()

        threading.Thread(target=run, name="stdout", daemon=True).start()

    def _run(self) -> None:
        reader_is_there = True
        while True:
            self._woken.wait()
            self._woken.clear()
            for message in self._subscription.take():
                if message is None:
                    return
                line = message if isinstance(message, str) else message.to_json()
                reader_is_there = reader_is_there and self._write(f"{line}\n".encode())
                self._written += reader_is_there

    def _write(self, data: bytes) -> bool:
        """Write all of it; false when nobody will ever read it."""
        try:
            while data:
                data = data[os.write(self._descriptor, data) :]
        except OSError as error:
            log.warning("standard output is closed (%s); going on without it", error.strerror)
            return False
        return True
