"""Many thresholds at once give what the trigger itself gives, window by window."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kws.spotting.detection import Detection
from kws.spotting.trigger import Trigger, TriggerSettings
from train.measure.labelled_streams import Word
from train.measure.scoring import score
from train.measure.threshold_events import (
    Posteriors,
    TriggerTiming,
    active_spans,
    concatenate,
    events,
    false_alarms,
    misses,
    smooth,
    trailing_minimum,
)

TIMING = TriggerTiming(16_000, 1_600)
WINDOW_S = 0.98
HOP_S = 0.1
GRID = (0.05, 0.25, 0.5, 0.75, 0.95)

# Sums of such values are exact, so that ties with a threshold are too.
levels = st.integers(0, 64).map(lambda step: step / 64)
runs = st.lists(st.tuples(levels, st.integers(1, 15)), min_size=1, max_size=14)
times = st.sampled_from([0.0, 0.05, 0.1, 0.2, 0.3, 0.5])


def unrolled(runs: list[tuple[float, int]]) -> np.ndarray:
    return np.repeat([level for level, _ in runs], [count for _, count in runs])


series = runs.map(unrolled)


@st.composite
def trigger_settings(draw: st.DrawFn) -> TriggerSettings:
    threshold = draw(st.sampled_from(GRID))
    return TriggerSettings(
        threshold=threshold,
        smoothing_s=draw(times),
        patience_s=draw(times),
        refractory_s=draw(st.sampled_from([0.0, 0.25, 1.0, 2.0])),
        release=min(threshold, draw(st.sampled_from([0.05, 0.25, 0.5]))),
        exclusion_s=draw(times),
    )


def fired(posteriors: np.ndarray, each: Sequence[TriggerSettings]) -> list[tuple[int, int]]:
    """Keyword and window of each event of the trigger itself."""
    trigger = Trigger(each, sample_rate=TIMING.sample_rate, hop=TIMING.hop)
    decisions = [
        trigger.step(row, TIMING.hop * index) for index, row in enumerate(posteriors.tolist())
    ]
    return [(found.keyword, found.position // TIMING.hop) for found in decisions if found]


@given(series, trigger_settings())
def test_events_are_those_of_the_trigger(posteriors: np.ndarray, each: TriggerSettings) -> None:
    averages = smooth(posteriors, TIMING.averaged(each))
    lowest = trailing_minimum(averages, TIMING.windows(each.patience_s))
    expected = [window for _, window in fired(posteriors[:, None], [each])]
    assert events(averages, lowest, each, TIMING).tolist() == expected


@given(st.lists(st.tuples(runs, trigger_settings()), min_size=1, max_size=3))
def test_nothing_fires_outside_loud_stretches_and_inside_nothing_else(
    keywords: list[tuple[list[tuple[float, int]], TriggerSettings]],
) -> None:
    columns = [unrolled(runs) for runs, _ in keywords]
    count = max(map(len, columns))
    posteriors = np.stack([np.resize(column, count) for column in columns], axis=1)
    posteriors = posteriors.astype(np.float32)
    each = [settings for _, settings in keywords]
    trigger = Trigger(each, sample_rate=TIMING.sample_rate, hop=TIMING.hop)
    found = []
    last = 0
    for start, end in active_spans(posteriors, each, TIMING):
        assert last <= start < end <= count
        last = end
        trigger.reset(TIMING.hop * start)
        for index in range(start, end):
            if decision := trigger.step(posteriors[index].tolist(), TIMING.hop * index):
                found.append((decision.keyword, decision.position // TIMING.hop))
    assert found == fired(posteriors, each)


def test_quiet_streams_and_those_that_only_come_close_are_left_out() -> None:
    each = [TriggerSettings(threshold=0.5, release=0.25, smoothing_s=0.1)]
    posteriors = np.zeros((100, 1), np.float32)
    assert not list(active_spans(posteriors, each, TIMING))
    posteriors[40:60] = 0.45
    assert not list(active_spans(posteriors, each, TIMING))
    posteriors[80:83] = 0.5
    assert list(active_spans(posteriors, each, TIMING)) == [(80, 83)]
    assert not list(active_spans(posteriors[:0], each, TIMING))


@pytest.mark.parametrize(("smoothing_s", "windows"), [(0.0, 1), (0.15, 2), (0.3, 3), (0.6, 6)])
def test_as_many_windows_are_averaged_as_the_trigger_does(smoothing_s: float, windows: int) -> None:
    each = TriggerSettings(threshold=1.0, smoothing_s=smoothing_s, patience_s=0.0)
    assert TIMING.averaged(each) == windows
    [(_, window)] = fired(np.ones((20, 1)), [each])
    assert window == windows - 1


def test_averages_begin_in_silence() -> None:
    assert smooth(np.array([0.6, 0.6, 0.0, 0.3]), 3).tolist() == pytest.approx([0.2, 0.4, 0.4, 0.3])
    assert smooth(np.empty(0), 3).shape == (0,)
    assert trailing_minimum(np.array([0.4, 0.2, 0.3]), 1).tolist() == [0.0, 0.2, 0.2]
    assert trailing_minimum(np.array([0.4]), 3).tolist() == [0.0]


@st.composite
def tracks_and_words(draw: st.DrawFn) -> tuple[Posteriors, list[tuple[float, float]]]:
    """Posteriors of a stream, and the words in it, more than two seconds apart."""
    posteriors = draw(series)
    words = []
    end = 0.0
    # Never at the very time of a decision.
    for pause, length in draw(
        st.lists(st.tuples(st.integers(21, 40), st.integers(2, 7)), max_size=4)
    ):
        start = end + pause / 10 + 0.03
        end = start + length / 10
        words.append((start, end))
    # A trigger comes to rest before the end, as it does in the silence between streams.
    rest = max(TIMING.windows(1.5), round((end + 1.0) / HOP_S) - len(posteriors))
    return np.pad(posteriors, (0, rest)).astype(np.float32), words


@settings(max_examples=60)
@given(st.lists(tracks_and_words(), min_size=1, max_size=3), trigger_settings())
def test_counts_are_those_of_the_trigger_and_the_rule(
    tracks: list[tuple[Posteriors, list[tuple[float, float]]]], each: TriggerSettings
) -> None:
    spoken = concatenate(tracks, TIMING, WINDOW_S, 5.0)
    negatives = concatenate([(posteriors, []) for posteriors, _ in tracks], TIMING, WINDOW_S, 5.0)
    expected_misses, expected_alarms = [], []
    for threshold in GRID:
        missed = alarms = 0
        for posteriors, words in tracks:
            found = [
                Detection("yes", 0.9, WINDOW_S + HOP_S * window)
                for _, window in fired(posteriors[:, None], [each.with_threshold(threshold)])
            ]
            missed += score(found, [Word("yes", *word) for word in words], 100.0).misses
            alarms += score(found, [], 100.0).false_alarms
        expected_misses.append(missed)
        expected_alarms.append(alarms)
    assert misses(spoken, each, GRID, TIMING) == tuple(expected_misses)
    assert false_alarms(negatives, each, GRID, TIMING) == tuple(expected_alarms)
