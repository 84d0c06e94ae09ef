"""The database: what is committed stays, within its bounds, and is found again."""

import json
import sqlite3
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kws.history import database
from kws.history.queries import Missed, Wanted, mark, missed, page
from kws.history.writer import Writer
from kws.protocol.events import Detected, Event, ReloadRefused
from tests.support.limits import TIMEOUT, limit

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC).timestamp()
DAY_S = 86_400
TIMES = 100


def event(seq: int, run: str = "a", time: float = NOON, keyword: str = "yes") -> Event:
    body = Detected("default", float(seq), keyword, 0.9, "model", True, 0.95)
    return Event(run, seq, datetime.fromtimestamp(time, UTC), body)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "new" / database.NAME


@pytest.fixture
def writer(path: Path) -> Iterator[Writer]:
    with closing(Writer(path, 7.0, 10**7)) as writer:
        yield writer


def seqs(events: Sequence[Event]) -> list[tuple[str, int]]:
    return [(each.run, each.seq) for each in events]


def found(path: Path, wanted: Wanted | None = None) -> list[str]:
    return [each["id"] for each in page(path, wanted or Wanted()).events]


def test_events_are_found_as_they_were_sent(writer: Writer, path: Path) -> None:
    refused = Event("a", 2, datetime.fromtimestamp(NOON + 1, UTC), ReloadRefused("\u202e bad"))
    writer.add([event(1), refused])
    writer.add([event(1, keyword="no")])
    sent = [json.loads(each.to_json()) for each in (event(1), refused)]
    assert page(path, Wanted()).events == [{**each, "not_a_word": False} for each in sent]
    assert found(path, Wanted(kind="status")) == ["a-2"]
    assert found(path, Wanted(since=NOON + 0.5)) == ["a-2"]
    assert found(path, Wanted(until=NOON + 0.5)) == ["a-1"]
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700


def test_pages_follow_each_other(writer: Writer, path: Path) -> None:
    writer.add([event(seq) for seq in range(1, 8)])
    first = page(path, Wanted(limit=3))
    assert first.next is not None
    second = page(path, Wanted(limit=3, after=first.next))
    assert second.next is not None
    third = page(path, Wanted(limit=3, after=second.next))
    assert third.next is None
    pages = [first, second, third]
    assert [each["seq"] for one in pages for each in one.events] == list(range(1, 8))


def test_what_is_too_old_goes(writer: Writer, path: Path) -> None:
    writer.add([event(1, time=NOON - 8 * DAY_S), event(2, time=NOON - 6 * DAY_S), event(3)])
    writer.prune(NOON)
    assert found(path) == ["a-2", "a-3"]


def test_it_stays_within_its_size(path: Path) -> None:
    most = 2_000_000
    with closing(Writer(path, 7.0, most)) as writer:
        for start in range(1, 20_001, 500):
            writer.add([event(seq) for seq in range(start, start + 500)])
            writer.prune(NOON)
            assert sum(each.stat().st_size for each in path.parent.iterdir()) <= most
    kept = found(path, Wanted(limit=20_000))
    assert kept[-1] == "a-20000"
    assert 2_000 < len(kept) < 20_000


def test_marks(writer: Writer, path: Path) -> None:
    writer.add([event(1), Event("a", 2, datetime.now(UTC), ReloadRefused(""))])
    assert mark(path, "a-1", not_a_word=True)
    assert [each["not_a_word"] for each in page(path, Wanted()).events] == [True, False]
    assert mark(path, "a-1", not_a_word=False)
    assert not any(each["not_a_word"] for each in page(path, Wanted()).events)
    for other in ("a-2", "a-3", "b-1", "a", "", "a-1' or 1", "-1", f"a-{10**30}", "a-\u0661"):
        assert not mark(path, other, not_a_word=True)


RUNS = st.lists(
    st.tuples(st.integers(1, 6), st.booleans(), st.sets(st.integers(1, 6), max_size=1)),
    min_size=1,
    max_size=4,
)


@settings(max_examples=60, deadline=None)
@given(runs=RUNS, data=st.data())
def test_what_was_missed(
    runs: list[tuple[int, bool, set[int]]],
    data: st.DataObject,
) -> None:
    """Runs of so many events, of which some were never written, that ended well or not."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / database.NAME
        written = list[tuple[str, int]]()
        with closing(Writer(path, 1e5, 10**9)) as writer:
            for number, (count, ended, lost) in enumerate(runs):
                here = [seq for seq in range(1, count + 1) if seq not in lost]
                writer.add([event(seq, f"r{number}") for seq in here])
                written += [(f"r{number}", seq) for seq in here]
                if ended and number < len(runs) - 1:
                    writer.end(f"r{number}", count)
        number = data.draw(st.integers(0, len(runs) - 1))
        seq = data.draw(st.integers(0, runs[number][0]))
        most = data.draw(st.integers(1, 30))
        present = f"r{len(runs) - 1}"
        told = missed(path, f"r{number}", seq, limit=most, present=present)
        after = [each for each in written if each[0] > f"r{number}"]
        after = [each for each in written if each[0] == f"r{number}" and each[1] > seq] + after
        if not any(run == f"r{number}" for run, _ in written):
            assert told is None
            return
        assert told is not None
        assert seqs(told.events) == after[-most:]
        lacking = [
            place
            for place, (count, _, lost) in enumerate(runs)
            for each in lost
            if each <= count
            and (place > number or (place == number and each > seq))
            # Of the run that goes on, its last events may still be on their way.
            and not (place == len(runs) - 1 and each == count)
        ]
        killed = [
            place for place, (_, ended, _) in enumerate(runs[:-1]) if place >= number and not ended
        ]
        assert told.complete == (not lacking and not killed and len(after) <= most)


def test_of_a_run_that_it_does_not_know_it_says_nothing(writer: Writer, path: Path) -> None:
    writer.add([event(1)])
    assert missed(path, "b", 0, limit=10, present="a") is None
    assert missed(path, "a", 1, limit=10, present="a") == Missed([], complete=True)


def test_a_run_that_was_killed_may_have_had_more(writer: Writer, path: Path) -> None:
    writer.add([event(1)])
    assert missed(path, "a", 1, limit=10, present="b") == Missed([], complete=False)
    writer.end("a", 1)
    assert missed(path, "a", 1, limit=10, present="b") == Missed([], complete=True)
    assert missed(path, "a", 9, limit=10, present="b") == Missed([], complete=False)


def test_what_is_no_database_is_told_and_set_aside(path: Path) -> None:
    content = b"no database, but long enough to be one" * 200
    path.parent.mkdir()
    path.write_bytes(content)
    with pytest.raises(sqlite3.DatabaseError) as told:
        Writer(path, 7.0, 10**7)
    assert database.is_damage(told.value)
    aside = database.set_aside(path)
    assert aside.read_bytes() == content
    with closing(Writer(path, 7.0, 10**7)) as writer:
        writer.add([event(1)])
    assert found(path) == ["a-1"]


def test_a_database_of_a_later_version_is_left_alone(path: Path) -> None:
    with closing(Writer(path, 7.0, 10**7)):
        pass
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("pragma user_version = 9")
    with pytest.raises(database.DamagedError, match="another version of kws"):
        Writer(path, 7.0, 10**7)


def test_a_full_disk_costs_what_is_new_and_nothing_else(writer: Writer, path: Path) -> None:
    writer.add([event(1)])
    connection = writer._connection
    (pages,) = connection.execute("pragma page_count").fetchone()
    connection.execute(f"pragma max_page_count = {pages}")
    with pytest.raises(sqlite3.OperationalError, match="full"):
        writer.add([event(seq) for seq in range(2, 2_000)])
    assert found(path) == ["a-1"]
    connection.execute("pragma max_page_count = 100000")
    writer.add([event(2)])
    assert found(path) == ["a-1", "a-2"]


def test_killed_a_hundred_times_it_has_lost_no_event_and_is_sound(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.history.killed", str(tmp_path), str(TIMES), "1"],
        capture_output=True,
        text=True,
        timeout=limit(4 * TIMEOUT),
        check=False,
    )
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(lines) == TIMES, done.stderr
    for each in lines:
        assert each["check"] == "ok"
        assert each["whole"]
        # One may have been committed and not yet reported.
        assert each["reported"] <= each["held"] <= each["reported"] + 1
    assert sum(each["reported"] for each in lines) > 2 * TIMES
