"""Events on disk until the broker has them: bounded, and they survive the daemon."""

import logging
import sqlite3
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

from kws.history.database import is_damage, set_aside
from kws.integrations.mqtt.outbox import Kept

log = logging.getLogger(__name__)

_SCHEMA = """
create table if not exists kept (
    number integer primary key autoincrement, stream text, event text not null
)
"""
_MEMORY = ":memory:"


class Archive:
    """A queue in a file of SQLite. For one thread.

    An event is written before it is sent, and removed when the broker has confirmed it: a daemon
    that is killed loses none that it has written. They are not forced to the disk one by one, so
    a power failure may cost the last ones.

    Args:
        path: of the file; its folder is made.
        most_events: that are kept; beyond it the oldest are dropped.
        most_bytes: of their text.

    Attributes:
        lost: events that were dropped, since there was no room for them.
    """

    def __init__(self, path: Path, most_events: int, most_bytes: int) -> None:
        self.lost = 0
        self._path = path
        self._most_events, self._most_bytes = most_events, most_bytes
        self._connection: sqlite3.Connection | None = None
        self._events = self._bytes = 0

    @property
    def waiting(self) -> int:
        """How many events are kept."""
        return self._events

    @property
    def last(self) -> int:
        """The highest number so far; 0 where there is none."""
        (number,) = self._query("select coalesce(max(number), 0) from kept")[0]
        return int(number)

    def open(self) -> None:
        """Open the file, or another one where it is damaged, or none where there cannot be any."""
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._connect(str(self._path))
        except (OSError, sqlite3.Error) as error:
            self._replace(error)
        if self._events:
            log.info("mqtt: %d events are kept in %s from before", self._events, self._path)

    def close(self) -> None:
        """Close the file."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def add(self, stream: str | None, text: str) -> None:
        """Keep an event; the oldest ones are dropped where there is no room."""
        self._query("insert into kept (stream, event) values (?, ?)", stream, text)
        self._events += 1
        self._bytes += len(text.encode())
        while self._events > self._most_events or self._bytes > self._most_bytes:
            oldest = self._query("select number from kept order by number limit 1")
            if not oldest:  # of a file that was replaced just now
                break
            self.remove(oldest[0][0])
            self.lost += 1

    def after(self, number: int, limit: int) -> list[Kept]:
        """The next events behind a number, in order, at most so many."""
        rows = self._query(
            "select number, stream, event from kept where number > ? order by number limit ?",
            *(number, limit),
        )
        return [Kept(*row) for row in rows]

    def remove(self, number: int) -> None:
        """The broker has an event."""
        for (text,) in self._query("delete from kept where number = ? returning event", number):
            self._events -= 1
            self._bytes -= len(text.encode())

    def _connect(self, place: str) -> None:
        self.close()
        # No transaction is left open, and no other process is waited for.
        connection = sqlite3.connect(place, timeout=0, isolation_level=None)
        try:
            connection.execute("pragma journal_mode = wal")
            connection.execute("pragma synchronous = normal")
            connection.execute(_SCHEMA)
            found = "select count(*), coalesce(sum(length(cast(event as blob))), 0) from kept"
            self._events, self._bytes = connection.execute(found).fetchone()
        except sqlite3.Error:
            connection.close()
            raise
        self._connection = connection

    def _query(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        assert self._connection is not None, "open comes first"
        for _ in range(2):
            try:
                with closing(self._connection.execute(statement, values)) as rows:
                    return rows.fetchall()
            except sqlite3.Error as error:
                self._replace(error)
        return []

    def _replace(self, error: Exception) -> None:
        """Go on with another file, or in memory: the archive is in no event's way."""
        if is_damage(error):
            self.close()
            with suppress(OSError, sqlite3.Error):
                aside = set_aside(self._path)
                self._connect(str(self._path))
                log.warning(
                    "mqtt: the archive %s is damaged (%s): kws begins a new one, and left it as %s",
                    *(self._path, error, aside),
                )
                return
        log.warning(
            "mqtt: the archive %s cannot be used (%s): what the broker has not got is lost at the "
            "end of kws; make room there, or let kws write, and restart it",
            *(self._path, error),
        )
        self._connect(_MEMORY)
