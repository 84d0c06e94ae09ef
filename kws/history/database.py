"""The database of the history: its file, its tables, and how it is opened."""

import sqlite3
from contextlib import closing
from pathlib import Path

NAME = "history.sqlite"
"""Of the file in the state folder."""
BUSY_SECONDS = 5.0
"""How long a connection waits for another one that writes."""
_VERSION = 1
_TABLES = """
create table events (
    n integer primary key autoincrement,
    run text not null,
    seq integer not null,
    time real not null,
    type text not null,
    message text not null,
    not_a_word integer not null default 0,
    unique (run, seq)
);
create index events_time on events (time);
create table runs (run text primary key, last integer not null);
"""
"""`time` is in seconds since 1970, `message` the event as it was sent. A run is in `runs` once it
has ended well, with the number of its last event."""


class DamagedError(sqlite3.DatabaseError):
    """The file is no database, not sound, or of another version of kws."""


def create(path: Path) -> sqlite3.Connection:
    """Open the database for who writes it, and make it where there is none.

    Raises:
        DamagedError: what is there cannot be used.
        sqlite3.Error: it cannot be opened or written.
        OSError: its folder cannot be made.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    # The database, and what SQLite puts beside it, are for its owner only.
    path.touch(mode=0o600, exist_ok=True)
    connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None)
    try:
        _prepare(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def read(path: Path) -> "closing[sqlite3.Connection]":
    """Open the database to look into it, or to mark an event; as a context manager.

    Raises:
        sqlite3.Error: it cannot be opened; there is none yet.
    """
    place = f"{path.absolute().as_uri()}?mode=rw"
    connection = sqlite3.connect(place, timeout=BUSY_SECONDS, isolation_level=None, uri=True)
    return closing(connection)


def is_damage(error: Exception) -> bool:
    """Whether an error says that the file is no sound database."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    return isinstance(error, DamagedError) or code in (
        sqlite3.SQLITE_CORRUPT,
        sqlite3.SQLITE_NOTADB,
    )


def set_aside(path: Path) -> Path:
    """Rename a damaged database, in place of an earlier one; where it is now. Raises OSError."""
    aside = path.with_name(f"{path.name}.damaged")
    path.replace(aside)
    for suffix in ("-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
    return aside


def _prepare(connection: sqlite3.Connection) -> None:
    # Before the first table: it cannot be changed later.
    connection.execute("pragma auto_vacuum = incremental")
    connection.execute("pragma journal_mode = wal")
    # What was committed stays, even if the power fails.
    connection.execute("pragma synchronous = full")
    connection.execute("pragma secure_delete = on")
    connection.execute("pragma wal_autocheckpoint = 100")
    connection.execute("pragma journal_size_limit = 500000")
    if (found := connection.execute("pragma quick_check(1)").fetchone()[0]) != "ok":
        raise DamagedError(found)
    (version,) = connection.execute("pragma user_version").fetchone()
    if version == 0:
        connection.execute("begin immediate")
        for statement in filter(str.strip, _TABLES.split(";")):
            connection.execute(statement)
        connection.execute(f"pragma user_version = {_VERSION}")
        connection.execute("commit")
    elif version != _VERSION:
        raise DamagedError(f"it is of another version of kws ({version})")
