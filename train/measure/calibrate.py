"""Chooses a model's thresholds, and how long it averages, by what they cost in held-out streams."""

import logging
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product

from kws.spotting.calibration import Calibration
from kws.spotting.model import KeywordModel
from kws.spotting.trigger import TriggerSettings
from train.measure.operating_points import CalibrationAudio, measure
from train.measure.scoring import Tally
from train.measure.threshold_events import false_alarms, misses
from train.measure.threshold_search import (
    Choice,
    Curve,
    choices,
    misses_at,
    thinned,
    threshold_grid,
)
from train.measure.tracks import TrackedGroup, Trigger, count, keyword_track, timing_of

log = logging.getLogger(__name__)

TARGET = 0.5
"""False alarms per hour of long audio, all keywords together, that a model is made for."""
STRAY_SHARE = 0.02
"""Share of the stray words that it may take for keywords at that: hours of reading hold hardly a
word alone, and with thresholds that only they set every tenth stray word would be one."""
MOST_PER_HOUR = 20.0
"""False alarms per hour up to which the curve goes."""
SMOOTHING_S = (0.2, 0.3, 0.4, 0.5, 0.6)
PATIENCE_S = (0.0, 0.1, 0.2)
BUDGETS = (1.0, 2.0, 4.0, 8.0)
"""Rates of false alarms, times the target, at which ways of averaging are compared: at the target
alone a few hours allow a single false alarm, and one more or less would decide."""
TOLERANCE = 0.05
"""Relative difference of miss rates that is not worth a later detection: about what a single false
alarm more or less in the calibration audio makes."""


@dataclass(frozen=True)
class Averaging:
    """A way of averaging, and the misses with the best thresholds for it.

    Attributes:
        smoothing_s: time over which posteriors are averaged.
        patience_s: time that they have to stay above the threshold.
        misses: at each of the rates of false alarms that are compared.
        log_miss_rate: mean over these rates, natural logarithm.
    """

    smoothing_s: float
    patience_s: float
    misses: tuple[int, ...]
    log_miss_rate: float

    @property
    def delay_s(self) -> float:
        """What it adds to the delay of a detection, about: half the average, all the patience."""
        return self.smoothing_s / 2 + self.patience_s


@dataclass(frozen=True)
class Calibrated:
    """What was chosen.

    Attributes:
        trigger: settings of each keyword.
        calibration: the operating curve with these settings.
        tried: ways of averaging that were compared.
    """

    trigger: dict[str, TriggerSettings]
    calibration: Calibration
    tried: tuple[Averaging, ...]


def calibrate(
    model: KeywordModel,
    tracked: Sequence[TrackedGroup],
    *,
    target: float = TARGET,
    stray_share: float = STRAY_SHARE,
    smoothing_s: Sequence[float] = SMOOTHING_S,
    patience_s: Sequence[float] = PATIENCE_S,
) -> Calibrated:
    """Choose smoothing, patience and thresholds: the fewest misses at the target.

    Thresholds are searched for with each keyword by itself; what the best of them cost is then
    measured with all together, and these figures are the ones that count. The curve counts false
    alarms in long audio and in stray words; the model gets the point with the fewest misses at
    which the long audio alone keeps to the target and the stray words to their share.

    Args:
        model: that the tracks are of.
        tracked: groups; those with `calibrates` are used.
        target: false alarms per hour of long audio, all keywords together.
        stray_share: share of the stray words that may be taken for keywords, 0 to 1.
        smoothing_s: values to choose from.
        patience_s: values to choose from.

    Raises:
        ConfigError: there is no audio to calibrate with, or a keyword is never said.
    """
    audio = CalibrationAudio.of(tracked, model.classes)
    hours = audio.hours
    log.info("choosing thresholds on %.2f hours and %d words", hours, audio.words)

    def count_at(groups: Sequence[TrackedGroup], thresholds: Mapping[str, float]) -> Tally:
        return count(model, groups, _with_thresholds(trigger, thresholds))

    ways = _compared(model, audio, target, list(product(smoothing_s, patience_s)))
    least = min(way.averaging.log_miss_rate for way in ways)
    way = min(
        (way for way in ways if way.averaging.log_miss_rate <= least + TOLERANCE),
        key=lambda way: (way.averaging.delay_s, way.averaging.log_miss_rate),
    )
    trigger, found = way.trigger, thinned(way.found, target * hours)
    while True:
        measured = measure(found, model.classes, audio, count_at)
        fitting = [each for each in measured if each.fits(target, stray_share)]
        chosen = (fitting or measured[:1])[-1].point
        settled = _with_thresholds(trigger, chosen.thresholds)
        if all(settled[keyword].release == trigger[keyword].release for keyword in trigger):
            break
        # A release level that a low threshold brings down stays there at the other points too.
        trigger = settled
    if not fitting:
        log.warning(
            "the strictest thresholds give %.3g false alarms per hour of long audio and take "
            "%.3g %% of stray words for keywords; %g and %g %% were wanted",
            *(measured[0].long_rate, 100 * measured[0].stray_share, target, 100 * stray_share),
        )
    tried = tuple(way.averaging for way in ways)
    points = tuple(each.point for each in measured)
    return Calibrated(settled, Calibration(hours, points), tried)


@dataclass(frozen=True)
class _Way:
    """A way of averaging, trigger settings with it, and the best thresholds for them."""

    averaging: Averaging
    trigger: Trigger
    found: list[Choice]


def _compared(
    model: KeywordModel,
    audio: CalibrationAudio,
    target: float,
    ways: Sequence[tuple[float, float]],
) -> list[_Way]:
    """The best thresholds for each pair of smoothing and patience, keywords by themselves."""
    hours = audio.hours
    most = int(max(MOST_PER_HOUR, BUDGETS[-1] * target) * hours)
    longest = max(smoothing for smoothing, _ in ways)
    lines = {
        keyword: tuple(
            keyword_track(model, each, keyword, longest) for each in (audio.spoken, audio.negatives)
        )
        for keyword in model.classes
    }
    words = sum(len(said.starts) for said, _ in lines.values())
    grid, timing = threshold_grid(), timing_of(model)
    compared = []
    for smoothing, patience in ways:
        trigger = {
            keyword: replace(each, smoothing_s=smoothing, patience_s=patience)
            for keyword, each in model.header.trigger.items()
        }
        curves = [
            Curve(
                grid,
                misses(said, trigger[keyword], grid, timing),
                false_alarms(unsaid, trigger[keyword], grid, timing),
            )
            for keyword, (said, unsaid) in lines.items()
        ]
        found = choices(curves, most)
        missed = tuple(misses_at(found, budget * target * hours) for budget in BUDGETS)
        mean = sum(math.log((each + 0.5) / (words + 1)) for each in missed) / len(missed)
        compared.append(_Way(Averaging(smoothing, patience, missed, mean), trigger, found))
    return compared


def _with_thresholds(
    trigger: Trigger, thresholds: Mapping[str, float]
) -> dict[str, TriggerSettings]:
    return {keyword: each.with_threshold(thresholds[keyword]) for keyword, each in trigger.items()}
