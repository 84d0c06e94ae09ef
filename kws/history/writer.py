"""Writes events into the database, and keeps it within its bounds. No thread, no clock."""

import sqlite3
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from kws.history import database
from kws.protocol.events import Event

_DAY_S = 86_400.0
_PART = 10
"""Where there is too much, one in so many events goes at a time."""
_FILLED = 0.9
"""Of the bound; the rest is for the log beside the database."""


class Writer:
    """One writer of one database.

    Args:
        path: of the file, made where there is none.
        days: what is older goes.
        max_bytes: the oldest go where there would be more.

    Raises:
        sqlite3.Error: it cannot be opened, written, or is damaged.
        OSError: its folder cannot be made.
    """

    def __init__(self, path: Path, days: float, max_bytes: int) -> None:
        self._days, self._max_bytes = days, max_bytes
        self._connection = database.create(path)

    def add(self, events: Iterable[Event]) -> None:
        """Commit events, all of them or none; one that is there already stays as it is.

        Raises:
            sqlite3.Error: they are not.
        """
        rows = [
            (each.run, each.seq, each.time.timestamp(), each.body.type, each.to_json())
            for each in events
        ]
        with _Transaction(self._connection) as connection:
            connection.executemany(
                "insert or ignore into events (run, seq, time, type, message) "
                "values (?, ?, ?, ?, ?)",
                rows,
            )

    def end(self, run: str, last: int) -> None:
        """Note that a run has ended well, with the number of its last event.

        Raises:
            sqlite3.Error: that failed.
        """
        with _Transaction(self._connection) as connection:
            connection.execute("insert or replace into runs (run, last) values (?, ?)", (run, last))

    def prune(self, now: float) -> None:
        """Delete what is too old, and the oldest where there is too much.

        Args:
            now: seconds since 1970.

        Raises:
            sqlite3.Error: that failed.
        """
        with _Transaction(self._connection) as connection:
            connection.execute("delete from events where time < ?", (now - self._days * _DAY_S,))
        while self._bytes() > _FILLED * self._max_bytes:
            with _Transaction(self._connection) as connection:
                gone = connection.execute(
                    "delete from events where n <= (select min(n) + (max(n) - min(n)) / ? "
                    "from events)",
                    (_PART,),
                ).rowcount
            if not gone:
                break
        with _Transaction(self._connection) as connection:
            connection.execute(
                "delete from runs where run not in (select distinct run from events)"
            )
        # Reads all rows of the statement: each gives pages back.
        self._connection.execute("pragma incremental_vacuum").fetchall()
        self._connection.execute("pragma wal_checkpoint(truncate)").fetchall()

    def close(self) -> None:
        """Close the database; what was committed stays."""
        self._connection.close()

    def _bytes(self) -> int:
        """Of all pages that are in use."""
        (pages,) = self._connection.execute("pragma page_count").fetchone()
        (free,) = self._connection.execute("pragma freelist_count").fetchone()
        (size,) = self._connection.execute("pragma page_size").fetchone()
        used: int = (pages - free) * size
        return used


class _Transaction:
    """A transaction, committed at the end of its block, or rolled back."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def __enter__(self) -> sqlite3.Connection:
        self._connection.execute("begin immediate")
        return self._connection

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        if kind is None:
            try:
                self._connection.execute("commit")
            except sqlite3.Error:
                self._roll_back()
                raise
        else:
            self._roll_back()

    def _roll_back(self) -> None:
        # SQLite has done so itself after some errors.
        with suppress(sqlite3.Error):
            self._connection.execute("rollback")
