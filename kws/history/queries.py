"""Looks into the database: pages of events, what a subscriber missed, marks."""

import json
import sqlite3
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from kws.history import database
from kws.protocol.decode import UnknownMessageError, parse_event
from kws.protocol.events import Event


@dataclass(frozen=True)
class Wanted:
    """What to look for.

    Attributes:
        since: not before this moment, in seconds since 1970; None: from the beginning.
        until: before this moment; None: to the end.
        kind: "detection" or "status"; None: both.
        after: behind this place, as a page before has given it.
        limit: at most so many.
    """

    since: float | None = None
    until: float | None = None
    kind: str | None = None
    after: int = 0
    limit: int = 1_000


@dataclass(frozen=True)
class HistoryPage:
    """Some of what was wanted, the oldest first.

    Attributes:
        events: messages, with `not_a_word`.
        next: the place to go on at; None: there is no more.
    """

    events: list[dict[str, Any]]
    next: int | None


@dataclass(frozen=True)
class Missed:
    """What came after an event.

    Attributes:
        events: in order; the newest, where there are too many.
        complete: whether these are all, as far as can be known: after a run that was killed, its
            last ones may never have been written.
    """

    events: list[Event]
    complete: bool


def page(path: Path, wanted: Wanted) -> HistoryPage:
    """Events of the history.

    Raises:
        sqlite3.Error: it cannot be read.
    """
    conditions: list[tuple[str, float | str | None]] = [
        ("time >= ?", wanted.since),
        ("time < ?", wanted.until),
        ("type = ?", wanted.kind),
    ]
    given = [(text, value) for text, value in conditions if value is not None]
    where = " and ".join(["n > ?", *(text for text, _ in given)])
    values = [wanted.after, *(value for _, value in given), wanted.limit + 1]
    with database.read(path) as connection:
        rows = connection.execute(
            f"select n, message, not_a_word from events where {where} order by n limit ?", values
        ).fetchall()
    more, rows = len(rows) > wanted.limit, rows[: wanted.limit]
    events = [{**json.loads(message), "not_a_word": bool(marked)} for _, message, marked in rows]
    return HistoryPage(events, rows[-1][0] if more else None)


def missed(path: Path, run: str, seq: int, *, limit: int, present: str) -> Missed | None:
    """The events after one, of its run and of all later ones.

    Args:
        path: of the database.
        run: of the event.
        seq: its number.
        limit: at most so many, the newest.
        present: the run that goes on now.

    Returns:
        None where nothing is known of that run.

    Raises:
        sqlite3.Error: it cannot be read.
    """
    with database.read(path) as connection:
        connection.execute("begin")
        begun = connection.execute(
            "select min(n), max(seq) from events where run = ?", (run,)
        ).fetchone()
        if begun[0] is None:
            return None
        ends: dict[str, int] = dict(connection.execute("select run, last from runs").fetchall())
        rows = connection.execute(
            "select message from events where n >= ? and not (run = ? and seq <= ?) "
            "order by n desc limit ?",
            (begun[0], run, seq, limit + 1),
        ).fetchall()
    cut, rows = len(rows) > limit, rows[:limit][::-1]
    try:
        events = [parse_event(message) for (message,) in rows]
    except UnknownMessageError as error:
        # Of a later version of kws, before somebody went back to this one.
        raise database.DamagedError(str(error)) from error
    known = ends.get(run) is None or seq <= max(ends[run], begun[1])
    places = [(run, seq), *((each.run, each.seq) for each in events)]
    if places[-1][0] != present:
        places.append((present, 1))
    return Missed(events, complete=known and not cut and _is_whole(places, ends))


def _is_whole(places: list[tuple[str, int]], ends: dict[str, int]) -> bool:
    """Whether there is no gap in a row of runs and numbers, with the ends of runs."""
    for (run_before, seq_before), (run_here, seq_here) in pairwise(places):
        if run_here == run_before:
            if seq_here != seq_before + 1:
                return False
        elif seq_here != 1 or ends.get(run_before) != seq_before:
            return False
    return True


def mark(path: Path, event: str, *, not_a_word: bool) -> bool:
    """Mark an event, or take its mark away; false where there is no such event.

    Args:
        path: of the database.
        event: its id.
        not_a_word: whether it was detected where nobody had said it.

    Raises:
        sqlite3.Error: it cannot be written.
    """
    run, _, seq = event.rpartition("-")
    if not (seq.isascii() and seq.isdigit() and len(seq) < 19):
        return False
    with database.read(path) as connection:
        changed = connection.execute(
            "update events set not_a_word = ? where run = ? and seq = ? and type = 'detection'",
            (not_a_word, run, int(seq)),
        ).rowcount
    return changed > 0


def reason(error: Exception) -> str:
    """Why the database cannot be read or written, for people."""
    if isinstance(error, sqlite3.Error):
        return str(error) or type(error).__name__
    return getattr(error, "strerror", None) or str(error)
