"""The history as a subscriber: nothing is lost to the disk but what the disk does not take."""

import asyncio
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from kws.history import database
from kws.history.queries import Wanted
from kws.protocol.events import Detected
from kws.serving.hub import HISTORY, Hub
from kws.serving.recorder import QUEUE, RETRY_SECONDS, HistoryRecorder
from tests.support.limits import TIMEOUT, limit, wait_until

HEARD = Detected("default", 1.0, "yes", 0.9, "model")


class Bench:
    """A recorder with a hub of its own; time goes as a test says."""

    def __init__(self, path: Path, run: str = "run") -> None:
        self.now = 100.0
        self.path = path
        self.hub = Hub(run)
        self.recorder = HistoryRecorder(
            self.hub, path, days=7.0, max_bytes=10**7, clock=lambda: self.now
        )
        self._finished = threading.Event()

    @contextmanager
    def running(self) -> Iterator[None]:
        """Write inside this block, and to the end of the hub behind it."""
        self.recorder.start(self._finished)
        try:
            yield
        finally:
            self.hub.close()
            assert self._finished.wait(limit(TIMEOUT))

    def wake(self) -> None:
        """Let it look at the time."""
        self.recorder._woken.set()


def written(path: Path) -> list[int]:
    with closing(sqlite3.connect(path)) as connection:
        return [seq for (seq,) in connection.execute("select seq from events order by n")]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / database.NAME


def test_all_events_are_written_and_the_end_is_noted(path: Path) -> None:
    async def test() -> None:
        bench = Bench(path)
        bench.hub.publish(HEARD)
        with bench.running():
            for _ in range(99):
                bench.hub.publish(HEARD)
        assert written(path) == list(range(1, 101))
        assert bench.recorder.missed == 0
        after = Bench(path, "later")
        told = await after.recorder.after("run", 98)
        assert told is not None
        assert ([each.seq for each in told.events], told.complete) == ([99, 100], True)
        assert await after.recorder.after("nobody", 1) is None
        assert await after.recorder.mark("run-7", not_a_word=True)
        page = await after.recorder.page(Wanted())
        assert [each["seq"] for each in page.events if each["not_a_word"]] == [7]

    asyncio.run(test())


def test_a_folder_that_cannot_be_made_is_said_once_and_costs_no_event(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def test() -> None:
        path.parent.touch()
        bench = Bench(path)
        live = bench.hub.subscribe(threading.Event(), 100)
        with bench.running():
            for count in range(1, 4):
                bench.hub.publish(HEARD)
                wait_until(lambda: len(bench.recorder._pending) > 0, "it was taken")
                bench.now += RETRY_SECONDS
                bench.wake()
                assert len(live.take()) == 1, count
            # Then there is room again, and what was kept meanwhile is written.
            path.parent.unlink()
            bench.now += RETRY_SECONDS
            bench.wake()
            wait_until(lambda: not bench.recorder._pending, "it is written")
        assert written(path) == [1, 2, 3]
        assert bench.recorder.missed == 0

    asyncio.run(test())
    said = [each.getMessage() for each in caplog.records if each.levelname == "ERROR"]
    assert len(said) == 1
    assert str(path) in said[0]


def test_what_waits_is_bounded_and_what_is_dropped_is_counted(path: Path) -> None:
    async def test() -> None:
        path.parent.touch()
        bench = Bench(path)
        with bench.running():
            for _ in range(HISTORY + 5):
                bench.hub.publish(HEARD)
            wait_until(lambda: bench.recorder.missed == 5, "they are counted")
        bench = Bench(path)
        for _ in range(QUEUE + 3):
            bench.hub.publish(HEARD)
        assert bench.recorder.missed == 3

    asyncio.run(test())


def test_a_damaged_database_is_set_aside(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def test() -> None:
        path.parent.mkdir()
        path.write_bytes(b"no database at all" * 1_000)
        bench = Bench(path)
        bench.hub.publish(HEARD)
        with bench.running():
            wait_until(lambda: not bench.recorder._pending, "it is written")
        assert written(path) == [1]

    asyncio.run(test())
    (said,) = [each.getMessage() for each in caplog.records if each.levelname == "ERROR"]
    assert f"the old one is {path}.damaged now" in said


def test_a_database_that_is_damaged_while_it_is_written(path: Path) -> None:
    async def test() -> None:
        bench = Bench(path)
        with bench.running():
            bench.hub.publish(HEARD)
            wait_until(lambda: path.exists() and not bench.recorder._pending, "it is written")
            with path.open("r+b") as file:
                file.write(b"\xff" * 30_000)
            path.with_name(path.name + "-wal").write_bytes(b"\xff" * 50_000)
            live = bench.hub.subscribe(threading.Event(), 5_000)
            for _ in range(2_000):
                bench.hub.publish(HEARD)
            assert len(live.take()) == 2_000
            bench.now += RETRY_SECONDS
            bench.wake()

    asyncio.run(test())


def test_what_cannot_be_read_is_no_replay(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def test() -> None:
        bench = Bench(path)
        assert await bench.recorder.after("run", 0) is None
        with pytest.raises(sqlite3.Error):
            await bench.recorder.page(Wanted())

    asyncio.run(test())
    assert "cannot be read" in caplog.text
