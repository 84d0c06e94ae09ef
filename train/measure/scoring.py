"""How detections are scored against what was said, and how sure one can be of the counts. Pure."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from kws.spotting.detection import Detection
from train.measure.labelled_streams import Word

PATIENCE_S = 1.0
"""Seconds after a word's end in which it may still be detected."""
FALSE_ALARM_S = 1.0
"""Seconds after a counted false alarm in which no other is counted."""


@dataclass(frozen=True)
class Hit:
    """A word and the detection of it."""

    word: Word
    detection: Detection

    @property
    def delay(self) -> float:
        """Seconds from the word's end to its detection; negative if it had not ended by then."""
        return self.detection.t - self.word.end


@dataclass(frozen=True)
class Verdict:
    """What became of each word and each detection of a stream.

    Attributes:
        hits: words that were detected, and nothing else with them.
        missed: all other words.
        false_alarms: detections of what was not said, at most one per second.
        repeats: further detections of words that had been detected, and detections of words that
            were taken for another word besides; neither hits nor false alarms.
    """

    hits: tuple[Hit, ...]
    missed: tuple[Word, ...]
    false_alarms: tuple[Detection, ...]
    repeats: int


def judge(detections: Iterable[Detection], truth: Sequence[Word]) -> Verdict:
    """Score detections by the rule of MLPerf Tiny's streaming wake word benchmark, made stricter.

    A detection of the word between its start and one second after its end is a hit; a word
    without one is a miss; any other detection is a false alarm, counted at most once per second.
    A word in whose time another one is detected is a miss too, even if it is detected itself:
    a program that acts on detections acts on the wrong one.

    Args:
        detections: of the spotter.
        truth: the words of the stream.
    """
    detected: dict[Word, Detection] = {}
    false: list[Detection] = []
    repeats = 0
    for detection in sorted(detections, key=lambda each: each.t):
        meant = [word for word in _in_time(truth, detection) if word.keyword == detection.keyword]
        # Of several words the one whose time is up first: so as many as possible are hit.
        missing = min(
            (word for word in meant if word not in detected),
            key=lambda word: word.end,
            default=None,
        )
        if missing is not None:
            detected[missing] = detection
        elif meant:
            repeats += 1
        else:
            false.append(detection)
    confused = {word for detection in false for word in _in_time(truth, detection)}
    hits = tuple(Hit(word, each) for word, each in detected.items() if word not in confused)
    hit = {each.word for each in hits}
    return Verdict(
        hits=hits,
        missed=tuple(word for word in truth if word not in hit),
        false_alarms=tuple(_counted(false)),
        repeats=repeats + len(detected) - len(hits),
    )


def _in_time(truth: Sequence[Word], detection: Detection) -> list[Word]:
    return [word for word in truth if word.start <= detection.t <= word.end + PATIENCE_S]


def _counted(false: Iterable[Detection]) -> Iterable[Detection]:
    """Of false alarms in order, those that are counted."""
    quiet_until = -math.inf
    for detection in false:
        if detection.t >= quiet_until:
            quiet_until = detection.t + FALSE_ALARM_S
            yield detection


@dataclass(frozen=True)
class StreamScore:
    """Detections in a stream compared with its words, in numbers.

    Attributes:
        hits: words that were detected.
        misses: words that were not.
        false_alarms: detections of what was not said, at most one per second.
        repeats: further detections of words that had been detected; neither hits nor false alarms.
        delays: of each hit, seconds from the word's end to its detection; negative where the word
            was recognised before it had ended.
        duration: of the stream, seconds.
    """

    hits: int
    misses: int
    false_alarms: int
    repeats: int
    delays: tuple[float, ...]
    duration: float

    @property
    def false_alarms_per_hour(self) -> float:
        """Rate of false alarms; with none in T hours its 95 % upper bound is 3 / T."""
        return self.false_alarms * 3600 / self.duration


def score(detections: Iterable[Detection], truth: Sequence[Word], duration: float) -> StreamScore:
    """Count what `judge` finds.

    Args:
        detections: of the spotter.
        truth: the words of the stream.
        duration: of the stream, seconds.
    """
    verdict = judge(detections, truth)
    return StreamScore(
        hits=len(verdict.hits),
        misses=len(verdict.missed),
        false_alarms=len(verdict.false_alarms),
        repeats=verdict.repeats,
        delays=tuple(hit.delay for hit in verdict.hits),
        duration=duration,
    )


@dataclass(frozen=True)
class Tally:
    """Counts over any number of streams, and what they say.

    Attributes:
        hits: words that were detected.
        misses: words that were not.
        false_alarms: detections of what was not said, at most one per second.
        hours: of sound.
        delays: of each hit, seconds.
    """

    hits: int = 0
    misses: int = 0
    false_alarms: int = 0
    hours: float = 0.0
    delays: tuple[float, ...] = ()

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(
            self.hits + other.hits,
            self.misses + other.misses,
            self.false_alarms + other.false_alarms,
            self.hours + other.hours,
            self.delays + other.delays,
        )

    @property
    def words(self) -> int:
        """Words that were said."""
        return self.hits + self.misses

    @property
    def miss_rate(self) -> float | None:
        """Share of the words that were missed, 0 to 1; None where there were none."""
        return self.misses / self.words if self.words else None

    @property
    def miss_interval(self) -> tuple[float, float]:
        """Where the miss rate lies with 95 % confidence."""
        return miss_interval(self.misses, self.words)

    @property
    def false_alarms_per_hour(self) -> float | None:
        """Rate of false alarms; None without any audio."""
        return self.false_alarms / self.hours if self.hours else None

    @property
    def false_alarm_bound(self) -> float:
        """What the rate of false alarms is below with 95 % confidence, per hour."""
        return rate_bound(self.false_alarms, self.hours)

    def delay(self, percent: float) -> float | None:
        """A percentile of the delays, seconds; None without a hit."""
        return float(np.percentile(self.delays, percent)) if self.delays else None


def tallies(
    verdicts: Iterable[Verdict], keywords: Sequence[str], hours: float, late_s: float = 0.0
) -> dict[str, Tally]:
    """Counts for each keyword; all could be detected in all of the hours.

    Args:
        verdicts: of the streams.
        keywords: the words.
        hours: of sound.
        late_s: seconds from the moment of decision to the event.
    """
    verdicts = list(verdicts)
    counts = {}
    for keyword in keywords:
        hits = [hit for each in verdicts for hit in each.hits if hit.word.keyword == keyword]
        counts[keyword] = Tally(
            hits=len(hits),
            misses=sum(word.keyword == keyword for each in verdicts for word in each.missed),
            false_alarms=sum(
                detection.keyword == keyword for each in verdicts for detection in each.false_alarms
            ),
            hours=hours,
            delays=tuple(hit.delay + late_s for hit in hits),
        )
    return counts


def together(counts: Iterable[Tally]) -> Tally:
    """Counts of all keywords of the same hours, which are hours once."""
    counts = list(counts)
    total = sum(counts, Tally())
    hours = max((each.hours for each in counts), default=0.0)
    return Tally(total.hits, total.misses, total.false_alarms, hours, total.delays)


def miss_interval(misses: int, words: int) -> tuple[float, float]:
    """Where a miss rate lies with 95 % confidence (Wilson, JASA 22, 1927).

    Returns:
        Lower and upper bound, 0 to 1; (0, 1) where there were no words.
    """
    if not words:
        return 0.0, 1.0
    z = 1.959964
    rate, spread = misses / words, z * z / words
    middle = rate + spread / 2
    half = z * math.sqrt(rate * (1 - rate) / words + spread / words / 4)
    return max(0.0, (middle - half) / (1 + spread)), min(1.0, (middle + half) / (1 + spread))


def rate_bound(count: int, hours: float) -> float:
    """What a rate per hour is below with 95 % confidence, after `count` events in `hours`.

    The mean of the Poisson distribution under which so few events or fewer have a probability of
    5 % (Garwood, Biometrika 28, 1936); 3 / hours after none; infinite without any audio.
    """
    if not hours:
        return math.inf

    low, high = 1e-9, 10.0 + 3 * count
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if at_most(count, middle) > 0.05 else (low, middle)
    return high / hours


def at_most(count: int, mean: float) -> float:
    """Probability of `count` events or fewer where `mean` are expected (Poisson)."""
    if mean <= 0:
        return 1.0
    logs = (n * math.log(mean) - mean - math.lgamma(n + 1) for n in range(count + 1))
    return sum(map(math.exp, logs))
