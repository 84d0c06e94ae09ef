"""Chooses a verifier's thresholds by what they cost in held-out streams."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from kws.errors import ConfigError
from kws.spotting.calibration import Calibration, OperatingPoint
from kws.spotting.model import KeywordModel
from kws.spotting.pair import Lookahead, Pair
from kws.spotting.trigger import TriggerSettings
from kws.spotting.verifier_file import read_verifier
from train.measure.calibrate import MOST_PER_HOUR
from train.measure.candidates import Looked, at_lookahead, settled
from train.measure.operating_points import CalibrationAudio, measure
from train.measure.scoring import FALSE_ALARM_S, PATIENCE_S, Tally, judge, tallies, together
from train.measure.threshold_search import Curve, choices, thinned, threshold_grid
from train.measure.tracks import Track, TrackedGroup

log = logging.getLogger(__name__)

FIRST_LOOK = TriggerSettings(
    threshold=0.12,
    smoothing_s=0.3,
    patience_s=0.0,
    refractory_s=1.0,
    release=0.096,
    exclusion_s=0.3,
)
"""Proposes nearly every keyword; what else it proposes is for the verifier to reject."""
LOOKAHEADS_S = (0.2, 0.5)
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
    nothing = Calibration(1.0, (OperatingPoint(0.0, 1.0, thresholds),))
    return Pair(
        path.stem,
        file.weights_sha256,
        dict.fromkeys(keywords, FIRST_LOOK),
        tuple(Lookahead(each, thresholds, nothing) for each in LOOKAHEADS_S),
    )


def calibrate_pair(
    model: KeywordModel, tracked: Sequence[TrackedGroup], *, target: float, stray_share: float
) -> KeywordModel:
    """Choose the verifier's thresholds for each lookahead: the fewest misses at the target.

    As `train.measure.calibrate.calibrate` does it for the trigger's: each keyword by itself first,
    then what the best thresholds cost with all together.

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
    chosen = tuple(
        _calibrated(at_lookahead(model, each), audio, each.lookahead_s, target, stray_share)
        for each in pair.lookaheads
    )
    header = replace(model.header, pair=replace(pair, lookaheads=chosen))
    return replace(model, header=header)


def _calibrated(
    model: KeywordModel,
    audio: CalibrationAudio,
    lookahead_s: float,
    target: float,
    stray_share: float,
) -> Lookahead:
    curves = [_curve(audio, index, keyword, lookahead_s) for index, keyword in _numbered(model)]
    found = thinned(choices(curves, int(MOST_PER_HOUR * audio.hours)), target * audio.hours)

    def count_at(groups: Sequence[TrackedGroup], thresholds: Mapping[str, float]) -> Tally:
        return sum((_tally(model, each, lookahead_s, thresholds) for each in groups), Tally())

    measured = measure(found, model.classes, audio, count_at)
    fitting = [each for each in measured if each.fits(target, stray_share)]
    best = (fitting or measured[:1])[-1]
    log.info(
        "lookahead %g s: %.1f %% missed at %.3g false alarms per hour of long audio and %.3g %% of "
        "stray words",
        *(lookahead_s, 100 * best.point.miss_rate, best.long_rate, 100 * best.stray_share),
    )
    points = tuple(each.point for each in measured)
    return Lookahead(lookahead_s, dict(best.point.thresholds), Calibration(audio.hours, points))


def _numbered(model: KeywordModel) -> Iterator[tuple[int, str]]:
    return enumerate(model.classes)


def _curve(audio: CalibrationAudio, index: int, keyword: str, lookahead_s: float) -> Curve:
    """What thresholds of one keyword cost, the others left out of account."""
    grid = threshold_grid()
    levels = np.array(grid)
    best = [
        _best(track.looked[lookahead_s], index, word.start, word.end + PATIENCE_S)
        for each in audio.spoken
        for track in each.tracks
        for word in track.truth
        if word.keyword == keyword
    ]
    misses = (np.array(best)[:, None] < levels).sum(axis=0)
    alarms = np.zeros(len(levels), np.int64)
    for each in audio.negatives:
        for track in each.tracks:
            alarms += _alarms(track, index, lookahead_s, levels)
    return Curve(grid, tuple(misses.tolist()), tuple(alarms.tolist()))


def _best(looked: Sequence[Looked], index: int, start: float, end: float) -> float:
    """The highest score of a keyword among the candidates in a stretch of seconds."""
    scores = (float(each.scores[index]) for each in looked if start <= each.t <= end)
    return max(scores, default=0.0)


def _alarms(
    track: Track, index: int, lookahead_s: float, levels: npt.NDArray[np.float64]
) -> npt.NDArray[np.int64]:
    """False alarms of a keyword, at most one a second, for each level."""
    quiet_until = np.full(len(levels), -np.inf)
    counts = np.zeros(len(levels), np.int64)
    for each in track.looked[lookahead_s]:
        fires = (each.scores[index] >= levels) & (each.t >= quiet_until)
        counts += fires
        quiet_until[fires] = each.t + FALSE_ALARM_S
    return counts


def _tally(
    model: KeywordModel,
    tracked: TrackedGroup,
    lookahead_s: float,
    thresholds: Mapping[str, float],
) -> Tally:
    verdicts = [
        judge(
            settled(model, track.looked[lookahead_s], thresholds),
            [word for word in track.truth if word.keyword in model.classes],
        )
        for track in tracked.tracks
    ]
    return together(tallies(verdicts, model.classes, tracked.hours).values())
