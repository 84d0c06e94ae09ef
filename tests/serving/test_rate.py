"""A limit of messages."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from kws.serving.rate import MessageCounter, MessageRate

RATE = MessageRate(per_second=10, burst=5)


def test_a_burst_is_taken_and_no_more() -> None:
    counter = MessageCounter(RATE, 100.0)
    assert [counter.take(100.0) for _ in range(6)] == [True] * 5 + [False]


def test_a_pause_earns_no_more_than_a_burst() -> None:
    counter = MessageCounter(RATE, 0.0)
    assert [counter.take(1_000.0) for _ in range(6)] == [True] * 5 + [False]


def test_the_rate_is_taken_for_ever() -> None:
    counter = MessageCounter(RATE, 0.0)
    assert all(counter.take(i / RATE.per_second) for i in range(1_000))


@given(st.lists(st.floats(0, 3), max_size=200))
def test_no_more_is_taken_than_rate_and_burst_allow(pauses: list[float]) -> None:
    counter, now, taken = MessageCounter(RATE, 0.0), 0.0, []
    for pause in pauses:
        now += pause
        if counter.take(now):
            taken.append(now)
    for first, last in pairwise((taken or [0.0])[:: len(taken) - 1 or 1]):
        assert len(taken) <= RATE.burst + (last - first) * RATE.per_second + 1
