"""How a soak is summed up."""

from typing import Any

import pytest

from bench.soak_result import Reader, Sample, result

STAMP = "2026-11-22T12:00:00.000Z"
SENT = 1_795_348_800.0


def word(seq: int) -> dict[str, Any]:
    return {"type": "detection", "seq": seq, "time": STAMP}


def status(seq: int, said: str) -> dict[str, Any]:
    return {"type": "status", "seq": seq, "time": STAMP, "status": said}


EVENTS = [word(1), status(2, "audio-lost"), status(3, "audio-back"), word(4)]


def reader(*events: dict[str, Any]) -> Reader:
    taken = Reader()
    for event in events:
        taken.take(event, SENT + 0.25)
    return taken


@pytest.mark.parametrize("numbers", [(1, 2, 4), (1, 2, 2, 3), (2, 1), (2, 3)])
def test_a_miss_a_double_and_another_order_are_not_whole(numbers: tuple[int, ...]) -> None:
    assert not reader(*map(word, numbers)).whole


def test_all_of_it() -> None:
    samples = [
        Sample(0.0, 900_000_000, 40, 9),
        Sample(300.0, 200_000_000, 50, 7),
        Sample(3_900.0, 203_000_000, 45, 8),
    ]
    readers = [reader(*EVENTS), reader(*EVENTS[:3])]
    found = result(EVENTS, readers, 5, samples, 2, 1, [0.0, 2.06], 65.04, 0)
    assert (found.expected, found.heard, found.lost, found.back) == (2, 2, 1, 1)
    assert (found.readers, found.whole, found.mute, found.exit_code) == (2, 1, 5, 0)
    assert (found.worst_delay_s, found.median_delay_s) == (0.25, 0.25)
    assert found.memory_mb == (200.0, 203.0)
    assert found.memory_slope_mb_per_h == pytest.approx(3.0)
    assert (found.descriptors, found.threads) == ((40, 50), (7, 9))
    assert (found.longest_return_s, found.minutes, found.cycles) == (2.1, 65.0, 1)
