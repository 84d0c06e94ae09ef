"""Calibration: from what was detected to thresholds, on tracks whose best thresholds are known."""

import logging
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from kws.errors import ConfigError
from kws.spotting.model import KeywordModel
from kws.spotting.trigger import TriggerSettings
from tests.spotting.models import untrained_model
from tests.train.tracks import HOP_S, WINDOW_S, group_of, track_of
from train.measure.calibrate import Averaging, Calibrated, calibrate
from train.measure.labelled_streams import Word
from train.measure.tracks import Track, TrackedGroup, count

KEYWORDS = ("low", "high")
SPACING = 40
"""Windows from one peak to the next: four seconds."""
LENGTH = 8
"""Windows of a peak."""


def model(**settings: float) -> KeywordModel:
    untrained = untrained_model(KEYWORDS)
    trigger = dict.fromkeys(KEYWORDS, TriggerSettings(**settings))
    return replace(untrained, header=replace(untrained.header, trigger=trigger))


def peaks(*peaks: tuple[str, float, int], said: bool) -> Track:
    """Posteriors with a peak for each: of which keyword, how high, how many windows long."""
    posteriors = np.zeros((SPACING * (len(peaks) + 1), 2), np.float32)
    truth = []
    for index, (keyword, height, length) in enumerate(peaks):
        first = SPACING * (index + 1) - 20
        posteriors[first : first + length, KEYWORDS.index(keyword)] = height
        start = WINDOW_S + HOP_S * first - 0.2
        truth.append(Word(keyword, start, start + 0.5))
    return replace(track_of(posteriors), truth=tuple(truth) if said else ())


def hours(track: Track, seconds: float) -> Track:
    """The same, as if so much had been processed."""
    return replace(track, recorded=seconds)


def groups(spoken: Track, negatives: Track, quiet_hours: float = 2.0) -> list[TrackedGroup]:
    return [
        group_of("words", [spoken]),
        group_of("negative", [hours(negatives, 3600 * quiet_hours)]),
    ]


def levels(calibrated: Calibrated) -> dict[str, float]:
    return {keyword: each.threshold for keyword, each in calibrated.trigger.items()}


SPOKEN = peaks(
    *(("low", height, LENGTH) for height in (0.9, 0.8, 0.7, 0.5)),
    *(("high", height, LENGTH) for height in (0.95, 0.9, 0.4)),
    said=True,
)
QUIET = peaks(("low", 0.6, LENGTH), ("high", 0.3, LENGTH), ("high", 0.2, LENGTH), said=False)


def test_the_fewest_misses_at_the_target() -> None:
    found = calibrate(model(), groups(SPOKEN, QUIET))
    # One false alarm in two hours is allowed, and gains most where "low" has it.
    assert 0.25 < levels(found)["low"] <= 0.5
    assert 0.3 < levels(found)["high"] <= 0.4
    assert found.calibration.hours == 2.0
    rates = [(point.false_alarms_per_hour, point.miss_rate) for point in found.calibration.points]
    assert rates == [(0.0, pytest.approx(1 / 7)), (0.5, 0.0)]
    assert levels(found) == found.calibration.at(1.5).thresholds


def test_no_false_alarm_is_allowed_where_one_would_be_too_many() -> None:
    found = calibrate(model(), groups(SPOKEN, QUIET), target=0.4)
    assert levels(found)["low"] > 0.6
    assert found.calibration.points[-1].false_alarms_per_hour == 0.5


def test_points_are_what_the_spotter_gives_with_them() -> None:
    draw = np.random.default_rng(8)
    some = [(KEYWORDS[index % 2], draw.random(), int(draw.integers(1, 9))) for index in range(60)]
    spoken, negatives = peaks(*some, said=True), peaks(*some[::-1], said=False)
    both = groups(spoken, negatives, quiet_hours=6.0)
    found = calibrate(model(), both, target=2.0)
    points = found.calibration.points
    assert len(points) > 5
    for point in points:
        trigger = {
            keyword: each.with_threshold(point.thresholds[keyword])
            for keyword, each in found.trigger.items()
        }
        said, unsaid = count(model(), both[:1], trigger), count(model(), both[1:], trigger)
        assert point.miss_rate == said.misses / 60
        assert point.false_alarms_per_hour == unsaid.false_alarms / 6.0
    assert all(
        earlier.false_alarms_per_hour < later.false_alarms_per_hour
        and earlier.miss_rate > later.miss_rate
        for earlier, later in pairwise(points)
    )
    assert levels(found) == found.calibration.at(2.0).thresholds


def test_what_keywords_do_to_each_other_counts() -> None:
    """Words at which the other keyword is higher are missed, whatever each would do alone."""
    posteriors = np.zeros((300, 2), np.float32)
    posteriors[20:28] = 0.8, 0.9
    posteriors[120:128] = 0.9, 0.0
    posteriors[220:228] = 0.0, 0.9
    spoken = replace(
        track_of(posteriors),
        truth=tuple(
            Word(keyword, WINDOW_S + HOP_S * first, WINDOW_S + HOP_S * first + 0.5)
            for keyword, first in (("low", 20), ("low", 120), ("high", 220))
        ),
    )
    found = calibrate(model(), groups(spoken, peaks(said=False)))
    assert found.calibration.points[-1].miss_rate == pytest.approx(1 / 3)


def test_longer_smoothing_is_taken_where_it_helps() -> None:
    """Words last and false alarms do not."""
    spoken = peaks(*(("low", 0.8, 8), ("high", 0.8, 8)) * 3, said=True)
    negatives = peaks(*(("low", 0.9, 3), ("high", 0.9, 3)) * 20, said=False)
    found = calibrate(model(), groups(spoken, negatives))
    settings = found.trigger["low"]
    assert settings.smoothing_s == found.trigger["high"].smoothing_s == 0.4
    assert settings.patience_s == found.trigger["high"].patience_s == 0.0
    assert found.calibration.points[0].miss_rate == 0.0
    assert len(found.tried) == 15
    assert {each.misses for each in found.tried if each.smoothing_s == 0.2} == {(6,) * 4, (0,) * 4}


def test_of_ways_that_are_as_good_the_quickest_is_taken() -> None:
    found = calibrate(model(smoothing_s=0.5), groups(SPOKEN, peaks(said=False)))
    assert (found.trigger["low"].smoothing_s, found.trigger["low"].patience_s) == (0.2, 0.0)
    assert Averaging(0.4, 0.1, (), 0.0).delay_s == pytest.approx(0.3)


def test_other_settings_stay_as_they_are() -> None:
    found = calibrate(
        model(refractory_s=1.5, exclusion_s=0.2, release=0.1),
        groups(SPOKEN, QUIET),
        smoothing_s=(0.3,),
        patience_s=(0.1,),
    )
    for settings in found.trigger.values():
        assert (settings.refractory_s, settings.exclusion_s, settings.release) == (1.5, 0.2, 0.1)
        assert (settings.smoothing_s, settings.patience_s) == (0.3, 0.1)


def test_a_release_level_above_the_threshold_comes_down_for_all_points() -> None:
    """Faint words: what the model file says is what was measured, at every point."""
    faint = peaks(
        *(("low", height, LENGTH) for height in (0.15, 0.6)), ("high", 0.9, LENGTH), said=True
    )
    both = groups(faint, peaks(("low", 0.5, LENGTH), said=False))
    found = calibrate(model(release=0.3), both)
    assert found.trigger["low"].release == levels(found)["low"] < 0.15
    assert found.trigger["high"].release == 0.3
    for point in found.calibration.points:
        trigger = {
            keyword: each.with_threshold(point.thresholds[keyword])
            for keyword, each in found.trigger.items()
        }
        assert point.miss_rate == count(model(), both[:1], trigger).misses / 3


def test_too_many_false_alarms_whatever_the_thresholds(caplog: pytest.LogCaptureFixture) -> None:
    always = peaks(*(("low", 1.0, 20),) * 30, said=False)
    with caplog.at_level(logging.WARNING):
        found = calibrate(model(), groups(SPOKEN, always, quiet_hours=0.5))
    assert levels(found)["low"] == 0.9999
    assert "the strictest thresholds give 60 false alarms per hour of long audio" in caplog.text
    assert "0.5 and 2 % were wanted" in caplog.text


def test_only_what_may_calibrate_does() -> None:
    other = replace(group_of("negative", [peaks(*(("low", 0.9, 8),) * 50, said=False)]))
    evaluation = replace(other, group=replace(other.group, calibrates=False))
    both = groups(SPOKEN, QUIET)
    assert calibrate(model(), [*both, evaluation]) == calibrate(model(), both)


def test_what_calibration_needs() -> None:
    both = groups(SPOKEN, QUIET)
    with pytest.raises(ConfigError, match="negatives/calibration"):
        calibrate(model(), both[:1])
    silent = peaks(("low", 0.9, LENGTH), said=True)
    with pytest.raises(ConfigError, match="no validation clips to choose thresholds of: high"):
        calibrate(model(), groups(silent, QUIET))
