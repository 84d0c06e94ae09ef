"""Peaks: as many as a trigger would have fired at, whatever its threshold."""

from hypothesis import given
from hypothesis import strategies as st

from kws.spotting.trigger import Trigger, TriggerSettings
from kws.tuning.peaks import Found, PeakFinder

HOP_S, RATE = 0.1, 16_000
HOP = round(HOP_S * RATE)
LEVELS = st.floats(0, 1)


def found(values: list[float], release: float = 0.25, patience_s: float = 0.0) -> list[Found]:
    finder = PeakFinder(release, patience_s, HOP_S)
    peaks = [finder.push(index * HOP_S, value) for index, value in enumerate(values)]
    return [peak for peak in (*peaks, finder.finish()) if peak is not None]


@given(
    posteriors=st.lists(LEVELS, max_size=60),
    release=st.floats(0.05, 0.9),
    above=LEVELS,
    smoothing_s=st.sampled_from([0.1, 0.2, 0.3]),
    patience_s=st.sampled_from([0.0, 0.05, 0.1, 0.25, 0.3]),
    gaps=st.sets(st.integers(0, 59), max_size=3),
)
def test_a_trigger_fires_once_for_each_peak_that_reaches_its_threshold(
    posteriors: list[float],
    release: float,
    above: float,
    smoothing_s: float,
    patience_s: float,
    gaps: set[int],
) -> None:
    threshold = release + above * (1 - release)
    settings = TriggerSettings(
        threshold=threshold,
        smoothing_s=smoothing_s,
        patience_s=patience_s,
        refractory_s=0.0,
        release=release,
        exclusion_s=0.0,
    )
    trigger = Trigger([settings], sample_rate=RATE, hop=HOP)
    finder = PeakFinder(release, patience_s, HOP_S)
    fired, peaks = 0, []
    for index, posterior in enumerate(posteriors):
        if index in gaps:
            trigger.reset(index * HOP)
            peaks.append(finder.finish())
        fired += trigger.step([posterior], index * HOP) is not None
        peaks.append(finder.push(index * HOP_S, trigger.smoothed[0]))
    peaks.append(finder.finish())
    assert fired == sum(peak is not None and peak.height >= threshold for peak in peaks)


def test_a_peak_has_the_time_and_the_height_of_its_top() -> None:
    assert found([0.1, 0.4, 0.9, 0.6, 0.1, 0.3]) == [Found(0.2, 0.9), Found(0.5, 0.3)]


def test_a_dip_that_stays_above_the_release_level_separates_nothing() -> None:
    assert found([0.5, 0.3, 0.7]) == [Found(0.2, 0.7)]


def test_its_height_is_what_was_held_for_the_patience() -> None:
    assert found([0.1, 0.4, 0.9, 0.6, 0.1], patience_s=0.1) == [Found(0.3000000000000000444, 0.6)]
    assert found([0.1, 0.9, 0.1], patience_s=0.1) == []


def test_silence_has_no_peaks() -> None:
    assert found([0.0, 0.2, 0.24]) == []
