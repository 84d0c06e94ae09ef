"""What a soak gave: what each subscriber got, how the daemon grew, and the sum of it. Pure."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

WARM_UP_S = 300.0
"""Memory that grows in the first minutes is not counted: caches fill."""


@dataclass
class Reader:
    """What one subscriber got.

    Attributes:
        numbers: `seq` of the events, in the order in which they came.
        detections: how many of them were words.
        delays: of words, seconds from the event's time to its arrival.
    """

    numbers: list[int] = field(default_factory=list)
    detections: int = 0
    delays: list[float] = field(default_factory=list)

    def take(self, message: dict[str, Any], now: float) -> None:
        """An event has come."""
        self.numbers.append(message["seq"])
        if message["type"] == "detection":
            self.detections += 1
            self.delays.append(now - datetime.fromisoformat(message["time"]).timestamp())

    @property
    def whole(self) -> bool:
        """Whether nothing was missed, doubled or out of order."""
        return self.numbers == list(range(1, len(self.numbers) + 1))


@dataclass(frozen=True)
class Sample:
    """The daemon at one moment: seconds since the start, bytes, counts."""

    seconds: float
    memory: int
    descriptors: int
    threads: int


@dataclass(frozen=True)
class Result:
    """What the run gave.

    Attributes:
        minutes: that it took.
        cycles: losses of the microphone and returns from them.
        expected: words that were spoken.
        detected: words of which the daemon printed an event.
        lost: events that say that the sound was lost; `back`: that it was back.
        readers: subscribers that read; `whole`: those who got every event once and in order.
        mute: subscribers that never read.
        floods: how often clients that flood the daemon connected.
        worst_delay_s: longest way of an event to a subscriber.
        median_delay_s: half of them are faster.
        longest_return_s: from the microphone's return to audio being processed again.
        memory_mb: at the end of the warm-up, and at the end.
        memory_slope_mb_per_h: how it grew in between.
        descriptors: fewest and most; `threads` alike.
        exit_code: of the daemon when it was told to stop.
    """

    minutes: float
    cycles: int
    expected: int
    detected: int
    lost: int
    back: int
    readers: int
    whole: int
    mute: int
    floods: int
    worst_delay_s: float
    median_delay_s: float
    longest_return_s: float
    memory_mb: tuple[float, float]
    memory_slope_mb_per_h: float
    descriptors: tuple[int, int]
    threads: tuple[int, int]
    exit_code: int


def result(
    events: Sequence[dict[str, Any]],
    taken: Sequence[Reader],
    mute: int,
    samples: Sequence[Sample],
    expected: int,
    cycles: int,
    returns: Sequence[float],
    minutes: float,
    exit_code: int,
    floods: int = 0,
) -> Result:
    """Sum up.

    Args:
        events: that the daemon printed.
        taken: by each reader.
        mute: subscribers that never read.
        samples: of the daemon's memory.
        expected: words spoken.
        cycles: losses.
        returns: seconds that each return took.
        minutes: of the run.
        exit_code: of the daemon.
        floods: connections of clients that flooded it.
    """
    delays = [delay for reader in taken for delay in reader.delays] or [0.0]
    warm = [each for each in samples if each.seconds >= min(WARM_UP_S, 30 * minutes)]
    hours, memory = [each.seconds / 3600 for each in warm], [each.memory / 1e6 for each in warm]
    slope = statistics.linear_regression(hours, memory).slope if len(warm) > 1 else 0.0
    statuses = [event.get("status") for event in events]
    return Result(
        minutes=round(minutes, 1),
        cycles=cycles,
        expected=expected,
        detected=sum(event["type"] == "detection" for event in events),
        lost=statuses.count("audio-lost"),
        back=statuses.count("audio-back"),
        readers=len(taken),
        whole=sum(each.whole and len(each.numbers) == len(events) for each in taken),
        mute=mute,
        floods=floods,
        worst_delay_s=round(max(delays), 3),
        median_delay_s=round(statistics.median(delays), 4),
        longest_return_s=round(max(returns), 1),
        memory_mb=(round(memory[0], 1), round(memory[-1], 1)) if memory else (0.0, 0.0),
        memory_slope_mb_per_h=round(slope, 2),
        descriptors=_range([each.descriptors for each in samples]),
        threads=_range([each.threads for each in samples]),
        exit_code=exit_code,
    )


def _range(counts: Sequence[int]) -> tuple[int, int]:
    return min(counts), max(counts)
