"""Which thresholds pocketsphinx gets: chosen as the project's own are, on the same sound. Pure."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from studies.rivals.keyphrases import LOOSEST, STRICTEST, Candidate, Feed, Thresholds, expected
from train.measure.labelled_streams import Word
from train.measure.scoring import FALSE_ALARM_S, PATIENCE_S, Tally, judge, tallies, together
from train.measure.threshold_search import Curve, choices, thinned

STEP = 0.5
"""Between thresholds that are tried, log10."""


@dataclass(frozen=True)
class Scanned:
    """A stream, and all that pocketsphinx could say to it.

    Attributes:
        candidates: what it finds.
        truth: keywords that are said.
        hours: of sound.
    """

    candidates: tuple[Candidate, ...]
    truth: tuple[Word, ...]
    hours: float


@dataclass(frozen=True)
class Point:
    """Thresholds, and what they are expected to cost.

    Attributes:
        feed: what of the sound it gets.
        thresholds: of each keyword, log10.
        said: counts over streams of words.
        unsaid: counts over sound without keywords.
    """

    feed: Feed
    thresholds: Thresholds
    said: Tally
    unsaid: Tally


def points(
    said: Sequence[Scanned], unsaid: Sequence[Scanned], keywords: Sequence[str], feed: Feed
) -> list[Point]:
    """The best thresholds for every number of false alarms that helps.

    They are looked for with each keyword by itself; what they cost is then counted with all
    together.

    Args:
        said: streams of words.
        unsaid: streams without keywords.
        keywords: all that can be detected.
        feed: the audio that was processed.
    """
    grid = tuple(np.arange(LOOSEST, STRICTEST + STEP / 2, STEP).tolist())
    curves = [
        Curve(grid, _misses(said, keyword, grid), _false_alarms(unsaid, keyword, grid))
        for keyword in keywords
    ]
    found = choices(curves, sum(curve.false_alarms[0] for curve in curves))
    levels = [
        dict(zip(keywords, choice.thresholds, strict=True))
        for choice in thinned(found, keep=1, factor=1.05)
    ]
    return [
        Point(feed, each, *(_count(streams, each, keywords) for streams in (said, unsaid)))
        for each in levels
    ]


def worthwhile(found: Iterable[Point]) -> list[Point]:
    """Those that no other is better than.

    Returns:
        Ascending in false alarms, falling in misses.
    """
    kept: list[Point] = []
    for point in sorted(found, key=lambda each: (each.unsaid.false_alarms, each.said.misses)):
        if not kept or point.said.misses < kept[-1].said.misses:
            kept.append(point)
    return kept


def _misses(said: Sequence[Scanned], keyword: str, grid: Sequence[float]) -> tuple[int, ...]:
    """Words of a keyword in whose time no candidate reaches a threshold, for each of them."""
    best = [
        max(
            (
                each.score
                for each in stream.candidates
                if each.keyword == keyword and word.start <= each.t <= word.end + PATIENCE_S
            ),
            default=-math.inf,
        )
        for stream in said
        for word in stream.truth
        if word.keyword == keyword
    ]
    return tuple(sum(score < threshold for score in best) for threshold in grid)


def _false_alarms(
    unsaid: Sequence[Scanned], keyword: str, grid: Sequence[float]
) -> tuple[int, ...]:
    """Candidates of a keyword that reach a threshold, at most one per second, for each of them."""
    streams = [
        sorted((each.t, each.score) for each in stream.candidates if each.keyword == keyword)
        for stream in unsaid
    ]
    counts = []
    for threshold in grid:
        count = 0
        for stream in streams:
            quiet_until = -math.inf
            for t, score in stream:
                if score >= threshold and t >= quiet_until:
                    quiet_until = t + FALSE_ALARM_S
                    count += 1
        counts.append(count)
    return tuple(counts)


def _count(streams: Sequence[Scanned], thresholds: Thresholds, keywords: Sequence[str]) -> Tally:
    verdicts = [judge(expected(each.candidates, thresholds), each.truth) for each in streams]
    hours = sum(each.hours for each in streams)
    return together(tallies(verdicts, keywords, hours).values())


def with_alarms(found: Sequence[Point], most: int) -> Point:
    """The fewest misses with at most so many false alarms; the strictest thresholds at the least.

    Args:
        found: ascending in false alarms.
        most: false alarms in the sound without keywords.
    """
    fitting = [point for point in found if point.unsaid.false_alarms <= most]
    return (fitting or found[:1])[-1]


def with_misses(found: Sequence[Point], most: int) -> Point:
    """The fewest false alarms with at most so many misses; the fewest misses at the most.

    Args:
        found: falling in misses.
        most: misses in the streams of words.
    """
    return next((point for point in found if point.said.misses <= most), found[-1])
