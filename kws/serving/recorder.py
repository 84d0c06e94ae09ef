"""The history as a subscriber: events go to the disk in a thread of their own."""

import asyncio
import logging
import math
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path

from kws.config.schema import HistoryConfig
from kws.errors import ConfigError
from kws.history import database
from kws.history.queries import HistoryPage, Missed, Wanted, mark, missed, page, reason
from kws.history.writer import Writer
from kws.protocol.events import Event
from kws.serving.hub import HISTORY, Hub
from kws.typing import Clock, Signal

log = logging.getLogger(__name__)

QUEUE = 10_000
"""Events that may wait for the disk."""
FAILURES = (sqlite3.Error, OSError)
RETRY_SECONDS = 30.0
"""After a failure, and before the database is opened again."""
_PRUNE_SECONDS = 3_600.0
_PRUNE_EVENTS = 1_000


class HistoryRecorder:
    """Keeps a hub's events, and finds them again.

    What goes wrong here costs the history, never an event.

    Args:
        hub: whose events.
        path: of the database.
        days: what is older goes.
        max_bytes: the oldest go where there would be more.
        clock: seconds, monotonic.
        today: the time of day, in seconds since 1970.

    Attributes:
        path: of the database.
        days: what is older goes.
    """

    def __init__(
        self,
        hub: Hub,
        path: Path,
        *,
        days: float,
        max_bytes: int,
        clock: Clock = time.monotonic,
        today: Callable[[], float] = time.time,
    ) -> None:
        self._hub, self.path, self.days, self._max_bytes = hub, path, days, max_bytes
        self._clock, self._today = clock, today
        self._woken = threading.Event()
        self._subscription = hub.subscribe(self._woken, QUEUE)
        self._writer: Writer | None = None
        self._pending: deque[Event] = deque()
        self._dropped = 0
        self._failing = False
        self._open_at, self._prune_at, self._unpruned = -math.inf, -math.inf, 0
        self._reading = asyncio.Lock()

    @property
    def missed(self) -> int:
        """Events so far that are not in the history, and will not be."""
        return self._dropped + self._subscription.missed

    def start(self, finished: Signal) -> None:
        """Begin to write; `finished` is set when the last event is written, or cannot be."""

        def run() -> None:
            try:
                self._run()
            # It costs the history, and nothing else.
            except Exception:
                log.exception("the history has ended; please report it")
            finished.set()

        threading.Thread(target=run, name="history", daemon=True).start()

    async def page(self, wanted: Wanted) -> HistoryPage:
        """Some events of the history. Raises one of `FAILURES`."""
        async with self._reading:
            return await asyncio.to_thread(page, self.path, wanted)

    async def after(self, run: str, seq: int) -> Missed | None:
        """What came after an event; None where nothing is known of it, or nothing can be read."""
        async with self._reading:
            try:
                return await asyncio.to_thread(
                    missed, self.path, run, seq, limit=HISTORY, present=self._hub.run
                )
            except FAILURES as error:
                log.warning("history %s: cannot be read: %s", self.path, reason(error))
                return None

    async def mark(self, event: str, *, not_a_word: bool) -> bool:
        """Mark an event; false where there is none of that id. Raises one of `FAILURES`."""

        def marked() -> bool:
            return mark(self.path, event, not_a_word=not_a_word)

        async with self._reading:
            return await asyncio.to_thread(marked)

    def _run(self) -> None:
        ended = False
        while not ended:
            for message in self._subscription.take():
                ended = ended or message is None
                if isinstance(message, Event):
                    self._pending.append(message)
            if ended or self._clock() >= self._open_at:
                self._write(ended=ended)
            while len(self._pending) > HISTORY:
                self._pending.popleft()
                self._dropped += 1
            if not ended:
                self._woken.wait(RETRY_SECONDS)
                self._woken.clear()

    def _write(self, *, ended: bool) -> None:
        """Write what waits; what cannot be written now waits for another time."""
        try:
            if self._writer is None:
                self._writer = Writer(self.path, self.days, self._max_bytes)
            if self._pending:
                self._writer.add(self._pending)
                self._unpruned += len(self._pending)
                self._pending.clear()
            if self._unpruned >= _PRUNE_EVENTS or self._clock() >= self._prune_at:
                self._prune_at, self._unpruned = self._clock() + _PRUNE_SECONDS, 0
                self._writer.prune(self._today())
            if ended:
                if not self.missed:
                    self._writer.end(self._hub.run, self._hub.published)
                self._writer.close()
        except FAILURES as error:
            self._failed(error)
        else:
            if self._failing:
                self._failing = False
                log.info("history %s: is written again", self.path)

    def _failed(self, error: Exception) -> None:
        """Give the database up for a while; log it once."""
        if self._writer is not None:
            self._writer.close()
            self._writer = None
        self._open_at = self._clock() + RETRY_SECONDS
        fate = "its events are lost if that lasts"
        if database.is_damage(error):
            try:
                aside = database.set_aside(self.path)
                fate = f"a new one begins, and the old one is {aside} now"
                self._open_at = -math.inf
                self._woken.set()
            except OSError as problem:
                fate = f"it cannot be put aside either: {reason(problem)}"
        if not self._failing:
            self._failing = True
            log.error(
                "history %s: cannot be written: %s; %s; all else goes on",
                *(self.path, reason(error), fate),
            )


def make_recorder(config: HistoryConfig, folder: Path | None, hub: Hub) -> HistoryRecorder | None:
    """The history, if there is to be one.

    Args:
        config: how long it is kept.
        folder: for its file; None: there is none.
        hub: whose events.

    Raises:
        ConfigError: there is no folder for it.
    """
    if not config.days:
        return None
    if folder is None:
        raise ConfigError("history.days: there is no folder for it here; set state.folder")
    max_bytes = round(config.max_mb * 1e6)
    return HistoryRecorder(hub, folder / database.NAME, days=config.days, max_bytes=max_bytes)
