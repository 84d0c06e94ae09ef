"""The feed: a live source never waits, another waits and loses nothing."""

import threading

import numpy as np
import pytest

from kws.audio.feed import RING_SECONDS, Feed, write_in_thread
from kws.errors import DeviceError
from kws.typing import AudioFormat
from tests.support.limits import limit

FORMAT = AudioFormat(1_000, 1)
CAPACITY = round(RING_SECONDS * FORMAT.sample_rate)


def frames(count: int, start: int = 0) -> np.ndarray:
    return np.arange(start, start + count, dtype=np.float32)[:, None]


def read_all(feed: Feed) -> tuple[list[float], int]:
    received: list[float] = []
    lost = 0
    while (chunk := feed.read(100, limit=300)) is not None:
        received += chunk.frames[:, 0].tolist()
        lost += chunk.lost
    return received, lost


def test_a_waiting_writer_loses_nothing() -> None:
    feed = Feed(FORMAT, lambda: 0.0)
    total = 5 * CAPACITY + 17

    def write() -> None:
        assert feed.write_waiting(frames(total))
        feed.end()

    writer = threading.Thread(target=write)
    writer.start()
    received, lost = read_all(feed)
    writer.join(limit(10))
    assert lost == 0
    assert received == list(range(total))


def test_a_live_writer_never_waits_and_the_reader_gets_the_loss() -> None:
    feed = Feed(FORMAT, lambda: 0.0)
    feed.write(frames(CAPACITY + 500))
    feed.end()
    received, lost = read_all(feed)
    assert lost == 500
    assert received == list(range(500, CAPACITY + 500))


def test_backlog_is_skipped_to_the_newest() -> None:
    feed = Feed(FORMAT, lambda: 0.0)
    feed.write(frames(2_500))
    chunk = feed.read(100, behind=1_000)
    assert chunk is not None
    assert chunk.lost == 1_500
    assert chunk.frames[:, 0].tolist() == list(range(1_500, 2_500))


def test_the_end_frees_a_waiting_writer_and_a_waiting_reader() -> None:
    full, empty = Feed(FORMAT, lambda: 0.0), Feed(FORMAT, lambda: 0.0)
    results: list[object] = []
    waiting = [
        threading.Thread(target=lambda: results.append(full.write_waiting(frames(2 * CAPACITY)))),
        threading.Thread(target=lambda: results.append(empty.read(100))),
    ]
    for thread in waiting:
        thread.start()
    error = DeviceError("gone")
    full.end()
    empty.end(error)
    for thread in waiting:
        thread.join(limit(10))
        assert not thread.is_alive()
    assert len(results) == 2
    assert not any(results)
    assert empty.error is error


def test_only_the_first_end_counts() -> None:
    feed = Feed(FORMAT, lambda: 0.0)
    feed.end()
    feed.end(DeviceError("the stream stops because we stop it"))
    assert feed.error is None


def test_an_overflow_is_counted_and_is_a_gap() -> None:
    times = iter([1.5, 2.5])
    feed = Feed(FORMAT, lambda: next(times))
    feed.write(frames(200))
    feed.lose(50)
    feed.write(frames(100, start=250))
    assert (feed.overflows, feed.last_audio) == (1, 2.5)
    first, second = feed.read(100), feed.read(50)
    assert first is not None
    assert second is not None
    assert (first.lost, len(first.frames)) == (0, 200)
    assert (second.lost, second.frames[0, 0]) == (50, 250)


def test_nothing_is_taken_after_the_end() -> None:
    feed = Feed(FORMAT, lambda: 1.0)
    feed.write(frames(10))
    feed.end()
    feed.write(frames(100))
    chunk = feed.read(50)
    assert chunk is not None
    assert len(chunk.frames) == 10
    assert feed.read(50) is None


def test_take_gives_enough_or_the_last_and_never_waits() -> None:
    feed = Feed(FORMAT, lambda: 0.0)
    assert feed.take(100) is None
    feed.write(frames(99))
    assert feed.take(100) is None
    feed.write(frames(1, start=99))
    chunk = feed.take(100)
    assert chunk is not None
    assert len(chunk.frames) == 100
    feed.write(frames(30))
    assert feed.take(100) is None
    feed.end()
    assert (feed.ended, feed.exhausted) == (True, False)
    chunk = feed.take(100)
    assert chunk is not None
    assert len(chunk.frames) == 30
    assert feed.exhausted
    assert feed.take(100) is None


def test_the_reader_is_woken_when_there_is_enough() -> None:
    filled = threading.Event()
    feed = Feed(FORMAT, lambda: 0.0, filled)
    assert feed.take(100) is None
    feed.write(frames(99))
    assert not filled.is_set()
    feed.write(frames(1))
    assert filled.is_set()
    assert feed.take(100) is not None
    filled.clear()
    feed.end()
    assert filled.is_set()


def test_take_makes_room_for_a_waiting_writer() -> None:
    feed = Feed(FORMAT, lambda: 0.0)
    writer = threading.Thread(target=lambda: feed.write_waiting(frames(2 * CAPACITY)))
    writer.start()
    taken = 0
    while taken < 2 * CAPACITY:
        chunk = feed.read(1, limit=CAPACITY)
        assert chunk is not None
        assert chunk.lost == 0
        taken += len(chunk.frames)
    writer.join(limit(10))
    assert not writer.is_alive()


def test_a_feed_has_the_time_of_each_block() -> None:
    now = 10.0
    feed = Feed(FORMAT, lambda: now)
    assert (feed.first_audio, feed.last_audio, feed.last_sound) == (None, None, None)
    now = 12.0
    assert feed.pause == 0.0
    feed.write(np.zeros((500, 1), np.float32))
    assert (feed.first_audio, feed.last_audio, feed.last_sound) == (11.5, 12.0, None)
    now = 13.0
    assert feed.pause == 1.0
    feed.write(np.full((500, 1), 1e-5, np.float32))
    assert (feed.first_audio, feed.last_audio, feed.last_sound) == (11.5, 13.0, 13.0)
    now = 14.0
    feed.write(np.full((500, 1), -0.0, np.float32))
    assert (feed.last_audio, feed.last_sound) == (14.0, 13.0)


class Failing:
    """A source that fails at once."""

    name = "source"

    def __init__(self, error: Exception) -> None:
        self._error = error

    def write_to(self, feed: Feed) -> None:
        raise self._error


def test_a_source_that_fails_ends_its_feed(caplog: pytest.LogCaptureFixture) -> None:
    for error in (DeviceError("gone"), ZeroDivisionError("a mistake of ours")):
        feed = Feed(FORMAT, lambda: 0.0)
        write_in_thread(Failing(error), feed)
        assert feed.read(100) is None
        assert str(error) in str(feed.error)
    assert "ZeroDivisionError" in caplog.text
