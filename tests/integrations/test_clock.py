"""The clock of an event's age."""

import time

import pytest

from kws.integrations.clock import seconds


def test_it_never_goes_back() -> None:
    times = [seconds() for _ in range(1_000)]
    assert times == sorted(times)


@pytest.mark.skipif(not hasattr(time, "CLOCK_BOOTTIME"), reason="no clock that counts sleep")
def test_it_counts_the_time_that_the_machine_sleeps() -> None:
    before = time.clock_gettime(time.CLOCK_BOOTTIME)
    assert before <= seconds() <= time.clock_gettime(time.CLOCK_BOOTTIME)
