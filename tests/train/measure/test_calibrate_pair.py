"""A verifier's thresholds, from candidates whose best thresholds are known."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from kws.errors import ConfigError
from kws.spotting.model import KeywordModel
from kws.spotting.spotter import Spotter
from kws.spotting.trigger import Proposal
from kws.spotting.verifier_file import save_verifier
from tests.spotting.level_verifier import LevelVerifier
from tests.spotting.models import untrained_model
from tests.spotting.verifiers import untrained_verifier
from tests.train.tracks import group_of, track_of
from train.measure.calibrate_pair import LOOKAHEADS_S, calibrate_pair, uncalibrated_pair
from train.measure.candidates import ScoredCandidate, score_candidates, settled
from train.measure.labelled_streams import Word
from train.measure.tracks import Track, TrackedGroup, detect, posteriors_of

KEYWORDS = ("low", "high")
RATE = 16_000
APART_S = 4.0


def paired(path: Path) -> KeywordModel:
    """A model with the uncalibrated pair of a verifier's file."""
    save_verifier(untrained_verifier(KEYWORDS), path)
    model = untrained_model(KEYWORDS)
    header = replace(model.header, pair=uncalibrated_pair(path, KEYWORDS))
    return replace(model, header=header, verifier=LevelVerifier(KEYWORDS))


@pytest.fixture
def model(tmp_path: Path) -> KeywordModel:
    return paired(tmp_path / "second.onnx")


def candidates(scores: Sequence[tuple[float, float]], *, said: str = "") -> Track:
    """A candidate every four seconds, each with the scores of low and high."""
    candidates, truth = [], []
    for number, pair in enumerate(scores, 1):
        t = number * APART_S
        proposal = Proposal(0, 0.2, round(t * RATE), (round((t - 1) * RATE),) * 2)
        candidates.append(ScoredCandidate(proposal, t, np.array(pair, np.float32)))
        if said:
            truth.append(Word(said, t - 0.5, t))
    track = track_of(np.zeros((10, 2), np.float32))
    by_lookahead = dict.fromkeys(LOOKAHEADS_S, tuple(candidates))
    return replace(track, truth=tuple(truth), candidates=by_lookahead, recorded=3600.0)


SPOKEN = [
    candidates([(0.95, 0.0), (0.9, 0.0), (0.6, 0.0)], said="low"),
    candidates([(0.0, 0.95), (0.0, 0.8)], said="high"),
]


def groups(*negatives: Track) -> list[TrackedGroup]:
    return [group_of("words", SPOKEN), group_of("negative", negatives)]


def test_the_threshold_lies_above_what_is_no_keyword(model: KeywordModel) -> None:
    negatives = candidates([(0.7, 0.0), (0.65, 0.0), (0.0, 0.5)])
    chosen = calibrate_pair(model, groups(negatives), target=0.5, stray_share=1.0)
    assert chosen.header.pair is not None
    for each in chosen.header.pair.lookaheads:
        assert set(each.thresholds) == set(KEYWORDS)
        (level,) = set(each.thresholds.values())
        assert 0.7 < level <= 0.8
        point = each.calibration.points[0]
        assert (point.false_alarms_per_hour, point.miss_rate) == (0.0, 1 / 5)
        rates = [each.false_alarms_per_hour for each in each.calibration.points]
        assert rates == sorted(rates)
    (first, *_) = SPOKEN
    assert len(detect(chosen, first, {})) == 2


def test_a_laxer_target_misses_less(model: KeywordModel) -> None:
    negatives = candidates([(0.7, 0.0), (0.55, 0.0)])
    chosen = calibrate_pair(model, groups(negatives), target=1.0, stray_share=1.0)
    assert chosen.header.pair is not None
    (level,) = set(chosen.header.pair.at(None).thresholds.values())
    assert 0.55 < level <= 0.6


def test_audio_to_calibrate_with_is_needed(model: KeywordModel) -> None:
    with pytest.raises(ConfigError, match="cannot be chosen without audio"):
        calibrate_pair(model, [group_of("words", SPOKEN)], target=0.5, stray_share=1.0)


def test_a_verifier_has_to_know_all_keywords(tmp_path: Path) -> None:
    path = tmp_path / "second.onnx"
    save_verifier(untrained_verifier(("low", "left")), path)
    with pytest.raises(ConfigError, match="does not know high"):
        uncalibrated_pair(path, KEYWORDS)


def test_what_is_measured_is_what_a_spotter_detects(model: KeywordModel) -> None:
    random = np.random.default_rng(3)
    levels = np.repeat(10 ** random.uniform(-4, -0.5, 100), RATE // 5)
    samples = (levels * random.normal(size=len(levels))).astype(np.float32)
    spotter = Spotter(model)
    expected = [*spotter.push(samples), *spotter.finish()]
    assert expected
    posteriors = posteriors_of(model, samples)
    candidates = score_candidates(model, samples, posteriors, LOOKAHEADS_S[0])
    assert len(candidates) > len(expected)
    assert model.header.pair is not None
    found = settled(model, candidates, model.header.pair.at(None).thresholds)
    assert [(each.keyword, each.t) for each in found] == [
        (each.keyword, each.t) for each in expected
    ]
    assert [each.score for each in found] == pytest.approx(
        [each.score for each in expected], abs=1e-4
    )
