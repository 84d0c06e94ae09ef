"""A trigger's events for many thresholds at once, without running it window by window. Pure.

Thresholds are searched for with these; what they cost is then measured with `kws.Spotter` itself.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from kws.spotting.trigger import TriggerSettings
from train.measure.scoring import FALSE_ALARM_S, PATIENCE_S

Posteriors = npt.NDArray[np.float32]
Levels = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int64]

_NEAR = 1e-9
"""More than the rounding of a sum of posteriors."""


@dataclass(frozen=True)
class TriggerTiming:
    """How a trigger counts time.

    Attributes:
        sample_rate: samples per second.
        hop: samples between windows.
    """

    sample_rate: int
    hop: int

    def averaged(self, settings: TriggerSettings) -> int:
        """Windows that a trigger averages."""
        return max(1, round(settings.smoothing_s * self.sample_rate / self.hop))

    def windows(self, seconds: float) -> int:
        """Hops until so much time has passed."""
        return -(-round(seconds * self.sample_rate) // self.hop)


def smooth(posteriors: npt.NDArray[np.floating], length: int) -> Levels:
    """Averages of the last `length` values, zeros before the first, as a trigger has them.

    Args:
        posteriors: shape (windows,).
        length: values that are averaged.
    """
    if not len(posteriors):
        return np.empty(0)
    padded = np.pad(posteriors.astype(np.float64), (length - 1, 0))
    views = np.lib.stride_tricks.sliding_window_view(padded, length)
    averages: Levels = views.sum(axis=-1) / length
    return averages


def active_spans(
    posteriors: Posteriors, settings: Sequence[TriggerSettings], timing: TriggerTiming
) -> Iterator[tuple[int, int]]:
    """Stretches of windows outside which a trigger cannot fire and is at rest.

    A stretch begins as many windows before the first smoothed posterior above a release level as
    are averaged, so that a trigger that starts there knows all that it needs, and ends where all
    have fallen below their release levels. One in which none reaches its threshold is left out.

    Args:
        posteriors: shape (windows, keywords).
        settings: of each keyword.
        timing: of the trigger.

    Yields:
        First window and the window after the last.
    """
    lengths = [timing.averaged(each) for each in settings]
    active = np.zeros(len(posteriors), np.bool_)
    fires = np.zeros(len(posteriors), np.bool_)
    for column, length, each in zip(posteriors.T, lengths, settings, strict=True):
        averages = smooth(column, length)
        active |= averages >= each.release - _NEAR
        fires |= averages >= each.threshold - _NEAR
    fired = np.concatenate(([0], fires.cumsum()))
    edges = np.flatnonzero(np.diff(np.concatenate(([False], active, [False])).astype(np.int8)))
    waiting: tuple[int, int] | None = None
    for start, last in edges.reshape(-1, 2).tolist():
        if fired[last] == fired[start]:
            continue
        first = max(0, start - max(lengths) + 1)
        if waiting is not None and first <= waiting[1]:
            first = waiting[0]
        elif waiting is not None:
            yield waiting
        waiting = first, last
    if waiting is not None:
        yield waiting


def trailing_minimum(averages: Levels, patience: int) -> Levels:
    """The lowest of each value and the `patience` before it; 0 for the first ones.

    Args:
        averages: shape (windows,).
        patience: how many before it.
    """
    if len(averages) <= patience:
        return np.zeros(len(averages))
    views = np.lib.stride_tricks.sliding_window_view(averages, patience + 1)
    return np.concatenate((np.zeros(patience), views.min(axis=-1)))


def events(
    averages: Levels, lowest: Levels, settings: TriggerSettings, timing: TriggerTiming
) -> Indices:
    """Windows at which the trigger of a single keyword fires.

    Args:
        averages: its smoothed posterior, shape (windows,).
        lowest: the lowest of the time that it has to stay there, as `trailing_minimum` says.
        settings: of the trigger; smoothing and patience are done.
        timing: of the trigger.
    """
    refractory = timing.windows(settings.refractory_s)
    ready = np.flatnonzero(lowest >= settings.threshold)
    # Windows with the same number of releases before them can give one event together.
    released = (averages < settings.release).cumsum()[ready]
    starts = np.flatnonzero(np.diff(released, prepend=-1))
    chosen = []
    earliest = 0
    for first, last in pairwise((*starts.tolist(), len(ready))):
        if ready[first] < earliest:
            first += int(np.searchsorted(ready[first:last], earliest))
        if first < last:
            chosen.append(int(ready[first]))
            earliest = chosen[-1] + refractory
    return np.array(chosen, np.int64)


@dataclass(frozen=True)
class KeywordTrack:
    """One keyword's posteriors in many streams, one after the other.

    Attributes:
        posteriors: shape (windows,), silence between streams.
        starts: of the words, first window in which a detection counts, ascending.
        ends: the last one.
    """

    posteriors: npt.NDArray[np.float64]
    starts: Levels
    ends: Levels


def concatenate(
    tracks: Sequence[tuple[Posteriors, Sequence[tuple[float, float]]]],
    timing: TriggerTiming,
    window_s: float,
    apart_s: float,
) -> KeywordTrack:
    """Put one keyword's posteriors in many streams one after the other.

    Args:
        tracks: posteriors of shape (windows,), and start and end of each word in seconds.
        timing: of the trigger.
        window_s: seconds from a stream's start to its first decision.
        apart_s: seconds of silence between streams, enough for a trigger to come to rest.
    """
    silence = np.zeros(timing.windows(apart_s))
    blocks, starts, ends = [silence], [], []
    length = len(silence)
    hop_s = timing.hop / timing.sample_rate
    for posteriors, words in tracks:
        for start, end in words:
            starts.append(length + (start - window_s) / hop_s)
            ends.append(length + (end + PATIENCE_S - window_s) / hop_s)
        blocks += [posteriors.astype(np.float64), silence]
        length += len(posteriors) + len(silence)
    return KeywordTrack(np.concatenate(blocks), np.array(starts), np.array(ends))


def misses(
    spoken: KeywordTrack,
    settings: TriggerSettings,
    thresholds: Sequence[float],
    timing: TriggerTiming,
) -> tuple[int, ...]:
    """Words of a keyword that are not detected, for each threshold.

    Args:
        spoken: streams in which it is said.
        settings: of the trigger, but for the threshold.
        thresholds: any number.
        timing: of the trigger.
    """
    last = np.iinfo(np.int64).max
    counts = []
    for fired in _fired(spoken, settings, thresholds, timing):
        times = np.append(fired, last)[np.searchsorted(fired, spoken.starts)]
        counts.append(int((times > spoken.ends).sum()))
    return tuple(counts)


def false_alarms(
    negatives: KeywordTrack,
    settings: TriggerSettings,
    thresholds: Sequence[float],
    timing: TriggerTiming,
) -> tuple[int, ...]:
    """Detections of a keyword where it is not said, at most one per second, for each threshold.

    Args:
        negatives: streams in which it is not said.
        settings: of the trigger, but for the threshold.
        thresholds: any number.
        timing: of the trigger.
    """
    apart = timing.windows(FALSE_ALARM_S)
    counts = []
    for fired in _fired(negatives, settings, thresholds, timing):
        count, earliest = 0, -1
        for index in fired.tolist():
            if index >= earliest:
                count, earliest = count + 1, index + apart
        counts.append(count)
    return tuple(counts)


def _fired(
    track: KeywordTrack,
    settings: TriggerSettings,
    thresholds: Sequence[float],
    timing: TriggerTiming,
) -> Iterator[Indices]:
    averages = smooth(track.posteriors, timing.averaged(settings))
    lowest = trailing_minimum(averages, timing.windows(settings.patience_s))
    for threshold in thresholds:
        yield events(averages, lowest, settings.with_threshold(threshold), timing)
