"""The ring buffer: nothing is invented, nothing is doubled, and what is lost is told."""

import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from kws.audio.ring import RingBuffer
from kws.typing import Frames

CAPACITY = 50


def numbered(start: int, count: int) -> Frames:
    """Frames that hold their own position."""
    return np.arange(start, start + count, dtype=np.float32)[:, None]


class RingMachine(RuleBasedStateMachine):
    """Any order of writes, losses and reads, against a list of what was written."""

    def __init__(self) -> None:
        super().__init__()
        self.ring = RingBuffer(CAPACITY, 1)
        self.never_came: set[int] = set()
        self.position = 0

    @rule(count=st.integers(0, 120))
    def write(self, count: int) -> None:
        self.ring.write(numbered(self.ring.written, count))

    @rule(count=st.integers(0, 120))
    def lose(self, count: int) -> None:
        start = self.ring.written
        self.ring.lose(count)
        self.never_came.update(range(start, start + count))

    @rule(
        limit=st.none() | st.integers(1, 80),
        behind=st.none() | st.integers(1, 60),
    )
    def read(self, limit: int | None, behind: int | None) -> None:
        before, written = self.position, self.ring.written
        chunk = self.ring.read(limit, behind)
        start = before + chunk.lost
        assert chunk.frames[:, 0].tolist() == list(range(start, start + len(chunk.frames)))
        assert not self.never_came & set(range(start, start + len(chunk.frames)))
        assert limit is None or len(chunk.frames) <= limit
        # Only what never came, was overwritten or was to be skipped is lost.
        oldest = max(before, written - CAPACITY)
        if behind is not None and written - before > behind:
            oldest = max(oldest, written - behind)
        assert set(range(oldest, start)) <= self.never_came
        self.position = start + len(chunk.frames)
        if written > before:
            assert self.position > before

    @invariant()
    def counts_agree(self) -> None:
        assert self.ring.available == self.ring.written - self.position
        assert self.ring.free == CAPACITY - self.ring.available


TestRing = RingMachine.TestCase


@given(st.lists(st.integers(0, 40), max_size=20))
def test_a_reader_that_keeps_up_loses_nothing(blocks: list[int]) -> None:
    ring, received = RingBuffer(CAPACITY, 1), []
    for block in blocks:
        ring.write(numbered(ring.written, block))
        chunk = ring.read()
        assert chunk.lost == 0
        received += chunk.frames[:, 0].tolist()
    assert received == list(range(sum(blocks)))


def test_channels_stay_together() -> None:
    ring = RingBuffer(5, 2)
    ring.write(np.array([[1, 2], [3, 4], [5, 6]], np.float32))
    ring.read(2)
    ring.write(np.array([[7, 8], [9, 10], [11, 12]], np.float32))
    assert ring.read().frames.tolist() == [[5, 6], [7, 8], [9, 10], [11, 12]]


def test_a_reader_may_be_overtaken_while_it_copies() -> None:
    """A writer in another thread goes round and round; no frame is ever other than its place."""
    ring = RingBuffer(4_096, 1)
    stop = threading.Event()

    def write() -> None:
        while not stop.is_set() and ring.written < 12_000_000:
            # Positions beyond 2^24 are no float32 any more.
            ring.write(numbered(ring.written, 1_000))

    writer = threading.Thread(target=write)
    writer.start()
    position = lost = 0
    try:
        for _ in range(2_000):
            chunk = ring.read()
            position += chunk.lost
            lost += chunk.lost
            expected = numbered(position, len(chunk.frames))
            assert np.array_equal(chunk.frames, expected)
            position += len(chunk.frames)
    finally:
        stop.set()
        writer.join()


@pytest.mark.parametrize(("capacity", "channels"), [(0, 1), (1, 0)])
def test_an_empty_ring_is_refused(capacity: int, channels: int) -> None:
    with pytest.raises(ValueError, match="a ring needs"):
        RingBuffer(capacity, channels)
