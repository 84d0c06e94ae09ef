"""The spotter: windows, decisions and gaps, whatever the blocks."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from kws.spotting.detection import Detection
from kws.spotting.frontend import LogMel
from kws.spotting.spotter import Spotter
from kws.spotting.trigger import TriggerSettings
from kws.typing import Samples
from tests.spotting.level_verifier import LevelVerifier, verification
from tests.spotting.models import untrained_model

MODEL = untrained_model()
RATE = 16_000


def bursts(seconds: float, seed: int) -> Samples:
    """Noise whose level changes every fifth of a second, so that posteriors change too."""
    random = np.random.default_rng(seed)
    levels = np.repeat(10 ** random.uniform(-4, -0.5, round(seconds * 5)), RATE // 5)
    return (levels * random.normal(size=len(levels))).astype(np.float32)


SIGNAL = bursts(20, seed=1)


def detected(spotter: Spotter, blocks: list[Samples]) -> list[Detection]:
    return [detection for block in blocks for detection in spotter.push(block)]


def test_the_signal_is_worth_testing_with() -> None:
    assert len({each.keyword for each in detected(Spotter(MODEL), [SIGNAL])}) >= 2


@settings(max_examples=25)
@given(st.lists(st.integers(0, len(SIGNAL)), max_size=60), st.sampled_from([0.05, 0.1, 0.5]))
def test_same_events_whatever_the_blocks(cuts: list[int], hop_s: float) -> None:
    expected = detected(Spotter(MODEL, hop_s=hop_s), [SIGNAL])
    detections = detected(Spotter(MODEL, hop_s=hop_s), np.split(SIGNAL, sorted(cuts)))
    assert [(each.keyword, each.t) for each in detections] == [
        (each.keyword, each.t) for each in expected
    ]
    assert [each.confidence for each in detections] == pytest.approx(
        [each.confidence for each in expected], abs=1e-4
    )


def test_push_is_windows_model_decide() -> None:
    whole, parts = Spotter(MODEL), Spotter(MODEL)
    windows = parts.windows(SIGNAL)
    assert windows.shape == ((len(SIGNAL) - RATE) // 1_600 + 1, 40, 98)
    assert parts.decide(MODEL.posteriors(windows)) == whole.push(SIGNAL)


def test_a_window_is_the_log_mel_of_its_second() -> None:
    windows = Spotter(MODEL).windows(SIGNAL)
    second = SIGNAL[3 * 1_600 : 3 * 1_600 + RATE]
    expected = LogMel(MODEL.header.front_end)(second).T
    assert_allclose(windows[3], expected, atol=1e-5, rtol=0)


def test_nothing_before_the_first_full_window() -> None:
    spotter = Spotter(MODEL)
    assert len(spotter.windows(SIGNAL[: RATE - 1])) == 0
    assert len(spotter.windows(SIGNAL[RATE - 1 : RATE])) == 1


@settings(max_examples=25)
@given(before=st.integers(0, 40_000), lost=st.integers(1, 100_000))
def test_nothing_across_a_gap(before: int, lost: int) -> None:
    spotter = Spotter(MODEL)
    spotter.push(SIGNAL[:before])
    spotter.skip(lost)
    assert spotter.position == before + lost
    after = SIGNAL[40_000:140_000]
    assert len(spotter.windows(after[: RATE - 1])) == 0
    detections = spotter.push(after[RATE - 1 :])
    fresh = Spotter(MODEL).push(after)
    # As if the stream had begun here: no time that is held back outlasts the first window.
    begin = (before + lost) / RATE
    assert [each.keyword for each in detections] == [each.keyword for each in fresh]
    assert [each.t - begin for each in detections] == pytest.approx([each.t for each in fresh])


def test_hop_is_any_multiple_of_ten_milliseconds() -> None:
    assert len(Spotter(MODEL, hop_s=0.01).windows(SIGNAL[: RATE + 1_600])) == 11
    assert len(Spotter(MODEL, hop_s=0.25).windows(SIGNAL[: RATE + 8_000])) == 3
    for hop_s in (0.0, 0.005, 0.015, 0.51, 1.0, float("nan"), float("inf")):
        with pytest.raises(ValueError, match=r"multiple of 0\.01 s"):
            Spotter(MODEL, hop_s=hop_s)


def test_settings_of_an_unknown_keyword_are_refused() -> None:
    with pytest.raises(ValueError, match="no keyword maybe"):
        Spotter(MODEL, trigger={"maybe": TriggerSettings()})


def test_smoothed_posteriors_can_be_looked_at() -> None:
    spotter = Spotter(MODEL)
    spotter.push(SIGNAL)
    assert set(spotter.smoothed) == {"yes", "no", "up", "down"}
    assert any(0 < value <= 1 for value in spotter.smoothed.values())


VERIFIED = verification()


def outcomes(spotter: Spotter, blocks: list[Samples]) -> list[Detection]:
    return [*detected(spotter, blocks), *spotter.finish()]


def test_a_verifier_confirms_some_and_turns_others_down() -> None:
    spotter = Spotter(MODEL, verification=VERIFIED)
    detections, turned_down = outcomes(spotter, [SIGNAL]), spotter.turned_down()
    assert detections
    assert all(each.score is not None and each.score >= 0.55 for each in detections)
    assert turned_down
    assert {each.verdict for each in turned_down} == {"rejected"}
    assert not spotter.turned_down()


@settings(max_examples=25)
@given(st.lists(st.integers(0, len(SIGNAL)), max_size=60), st.sampled_from([0.05, 0.1, 0.5]))
def test_same_verified_events_whatever_the_blocks(cuts: list[int], hop_s: float) -> None:
    whole = Spotter(MODEL, hop_s=hop_s, verification=VERIFIED)
    parts = Spotter(MODEL, hop_s=hop_s, verification=VERIFIED)
    expected = outcomes(whole, [SIGNAL])
    detections = outcomes(parts, np.split(SIGNAL, sorted(cuts)))
    assert [(each.keyword, each.t) for each in detections] == [
        (each.keyword, each.t) for each in expected
    ]
    assert [each.score for each in detections] == pytest.approx(
        [each.score for each in expected], abs=1e-4
    )
    assert [(each.keyword, each.t) for each in parts.turned_down()] == [
        (each.keyword, each.t) for each in whole.turned_down()
    ]


def test_decide_is_propose_verify_settle() -> None:
    whole, parts = (Spotter(MODEL, verification=VERIFIED) for _ in range(2))
    assert parts.propose(MODEL.posteriors(parts.windows(SIGNAL))) == []
    detections = []
    while (candidate := parts.due()) is not None:
        detections.append(parts.settle(VERIFIED.verifier.scores(candidate.window[None])[0]))
    assert [each for each in detections if each is not None] == whole.push(SIGNAL)


def test_a_gap_drops_candidates_that_wait() -> None:
    whole = Spotter(MODEL, verification=VERIFIED)
    whole.push(SIGNAL)
    first = whole.turned_down()[0]
    spotter = Spotter(MODEL, verification=VERIFIED)
    spotter.push(SIGNAL[: round((first.t + 0.1) * RATE)])
    assert not [each for each in spotter.turned_down() if each.t == first.t]
    spotter.skip(RATE)
    dropped = [each for each in spotter.turned_down() if each.t == first.t]
    assert [(each.keyword, each.verdict, each.score) for each in dropped] == [
        (first.keyword, "dropped", None)
    ]


def test_without_its_verifier_a_model_decides_by_itself() -> None:
    assert Spotter(MODEL, verification=VERIFIED, verified=False).push(SIGNAL) == Spotter(
        MODEL
    ).push(SIGNAL)


def test_a_verifier_has_to_fit_the_model() -> None:
    slow = replace(VERIFIED, verifier=replace(LevelVerifier(), sample_rate=8_000))
    with pytest.raises(ValueError, match="is for 8000 Hz, the model for 16000"):
        Spotter(MODEL, verification=slow)
    some = replace(VERIFIED, thresholds={"yes": 0.5})
    with pytest.raises(ValueError, match="no threshold for down, no, up"):
        Spotter(MODEL, verification=some)
