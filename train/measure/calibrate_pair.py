"""Chooses a verifier's thresholds by what they cost in held-out streams."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from kws.errors import ConfigError
from kws.spotting.calibration import Calibration, OperatingPoint
from kws.spotting.model import KeywordModel
from kws.spotting.pair import Lookahead, Pair
from kws.spotting.trigger import TriggerSettings
from kws.spotting.verifier_file import read_verifier
from train.measure.candidates import at_lookahead
from train.measure.operating_points import CalibrationAudio, measure
from train.measure.scoring import Tally
from train.measure.threshold_search import Choice, threshold_grid
from train.measure.tracks import TrackedGroup, count

log = logging.getLogger(__name__)

FIRST_LOOK = TriggerSettings(threshold=0.15, smoothing_s=0.2, patience_s=0.1, release=0.12)
"""Proposes nearly every keyword; what else it proposes is for the verifier to reject."""
LOOKAHEADS_S = (0.3, 0.5)
LEAST = 0.5
"""Lowest threshold that is tried: below it the verifier finds no keyword likelier."""
_UNMEASURED = 0.5


def uncalibrated_pair(path: Path, keywords: Sequence[str]) -> Pair:
    """What candidates are searched for with, before thresholds are chosen.

    Args:
        path: the verifier's file.
        keywords: of the model.

    Raises:
        ModelError: the verifier cannot be read.
        ConfigError: it lacks a keyword.
    """
    file = read_verifier(path)
    if missing := [keyword for keyword in keywords if keyword not in file.header.classes]:
        raise ConfigError(f"{path}: the verifier does not know {', '.join(missing)}")
    thresholds = dict.fromkeys(keywords, _UNMEASURED)
    unmeasured = Calibration(1.0, (OperatingPoint(0.0, 1.0, thresholds),))
    return Pair(
        path.stem,
        file.weights_sha256,
        dict.fromkeys(keywords, FIRST_LOOK),
        tuple(Lookahead(each, thresholds, unmeasured) for each in LOOKAHEADS_S),
    )


def calibrate_pair(
    model: KeywordModel, tracked: Sequence[TrackedGroup], *, target: float, stray_share: float
) -> KeywordModel:
    """Choose the verifier's threshold for each lookahead: the fewest misses at the target.

    It is one for all keywords: what a verifier confirms wrongly in hours of audio is too little
    to choose a threshold for each.

    Args:
        model: that the tracks are of, with a verifier.
        tracked: groups; those with `calibrates` are used.
        target: false alarms per hour of long audio, all keywords together.
        stray_share: share of the stray words that may be taken for keywords, 0 to 1.

    Returns:
        The model with these thresholds, and the operating curves.

    Raises:
        ConfigError: there is no audio to calibrate with, or a keyword is never said.
    """
    audio = CalibrationAudio.of(tracked, model.classes)
    log.info("choosing thresholds on %.2f hours and %d words", audio.hours, audio.words)
    pair = model.header.pair
    assert pair is not None
    chosen = tuple(_calibrated(model, each, audio, target, stray_share) for each in pair.lookaheads)
    header = replace(model.header, pair=replace(pair, lookaheads=chosen))
    return replace(model, header=header)


def _calibrated(
    model: KeywordModel,
    lookahead: Lookahead,
    audio: CalibrationAudio,
    target: float,
    stray_share: float,
) -> Lookahead:
    found = [_choice(model, level) for level in threshold_grid() if level >= LEAST]

    def count_at(groups: Sequence[TrackedGroup], thresholds: Mapping[str, float]) -> Tally:
        own = at_lookahead(model, replace(lookahead, thresholds=dict(thresholds)))
        return count(own, groups, own.trigger(verified=True))

    measured = measure(found, model.classes, audio, count_at)
    fitting = [each for each in measured if each.fits(target, stray_share)]
    best = (fitting or measured[:1])[-1]
    log.info(
        "lookahead %g s: %.1f %% missed at %.3g false alarms per hour of long audio and %.3g %% of "
        "stray words",
        *(lookahead.lookahead_s, 100 * best.point.miss_rate),
        *(best.long_rate, 100 * best.stray_share),
    )
    calibration = Calibration(audio.hours, tuple(each.point for each in measured))
    return replace(lookahead, thresholds=best.point.thresholds, calibration=calibration)


def _choice(model: KeywordModel, level: float) -> Choice:
    return Choice(0, 0, (level,) * len(model.classes))
