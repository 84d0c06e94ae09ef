"""A listener: any rate to the spotter's, and what a spotter is made of."""

import logging

import numpy as np
import pytest
import torch

from kws.config.load import load_config
from kws.engine.listener import SILENCE_S, Listener, make_spotter, thresholds, warn_of_other_hop
from kws.errors import ConfigError
from kws.spotting.spotter import Spotter
from kws.typing import AudioFormat, Frames
from tests.spotting.models import calibrated_model, untrained_model

MODEL = untrained_model()
RATE = MODEL.sample_rate
MONO = AudioFormat(RATE, 1)


def bursts(seconds: int, rate: int = RATE) -> Frames:
    random = np.random.default_rng(5)
    levels = np.repeat(10 ** random.uniform(-4, -0.5, seconds * 5), rate // 5)
    samples = (levels * random.normal(size=len(levels))).clip(-1, 1)
    return samples[:, None].astype(np.float32)


SIGNAL = bursts(6)


def said(listener: Listener, blocks: list[Frames]) -> list[tuple[str, float]]:
    heard = [each for block in blocks for each in listener.push(block)] + listener.finish()
    return [(each.keyword, each.t) for each in heard]


def test_frames_are_heard_as_the_spotter_hears_their_samples() -> None:
    expected = [(each.keyword, each.t) for each in Spotter(MODEL).push(SIGNAL[:, 0])]
    assert expected
    assert said(Listener(MONO, Spotter(MODEL)), np.array_split(SIGNAL, 13)) == expected
    stereo = np.repeat(SIGNAL, 2, axis=1)
    assert said(Listener(AudioFormat(RATE, 2), Spotter(MODEL)), [stereo]) == expected


def test_nothing_stays_inside_a_resampler() -> None:
    listener = Listener(AudioFormat(44_100, 1), Spotter(MODEL))
    listener.push(bursts(2, 44_100))
    assert listener.seconds < 2.0
    listener.finish()
    assert listener.seconds == pytest.approx(2.0, abs=1e-3)
    listener.silence()
    assert listener.seconds == pytest.approx(2.0 + SILENCE_S, abs=1e-3)


def test_windows_are_the_spotters() -> None:
    windows = Listener(MONO, Spotter(MODEL)).windows(SIGNAL)
    assert torch.equal(windows, Spotter(MODEL).windows(SIGNAL[:, 0]))


def test_a_loss_is_counted_at_the_models_rate() -> None:
    listener = Listener(AudioFormat(48_000, 2), Spotter(MODEL))
    listener.push(np.zeros((48_000, 2), np.float32))
    samples, _ = listener.skip(4_800)
    assert samples == 1_600
    assert listener.seconds == pytest.approx(1.1)


def test_what_is_no_number_is_counted() -> None:
    listener = Listener(MONO, Spotter(MODEL))
    broken = SIGNAL.copy()
    broken[10:15] = np.nan
    listener.push(broken)
    assert listener.not_finite == 5


def test_thresholds_are_those_that_it_hears_with() -> None:
    spotter = make_spotter(load_config(overrides=["keywords.up.threshold=0.9"]), MODEL)
    assert thresholds(spotter) == {"yes": 0.3, "no": 0.3, "up": 0.9, "down": 0.3}


def test_another_hop_than_calibrated_warns(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        warn_of_other_hop(make_spotter(load_config(), MODEL))
        assert not caplog.text
        warn_of_other_hop(make_spotter(load_config(overrides=["model.hop_s=0.05"]), MODEL))
    assert "calibrated at 0.1 s" in caplog.text


def test_a_hop_that_is_no_multiple_is_a_mistake_in_the_configuration() -> None:
    with pytest.raises(ConfigError, match=r"model\.hop_s must be a multiple of 0\.01"):
        make_spotter(load_config(overrides=["model.hop_s=0.015"]), MODEL)


def test_a_rate_of_false_alarms_chooses_the_spotters_thresholds() -> None:
    config = load_config(overrides=["detection.false_alarms_per_hour=2"])
    spotter = make_spotter(config, calibrated_model())
    assert {each.threshold for each in spotter.trigger.values()} == {0.5}
    with pytest.raises(ConfigError, match=r"^detection\.false_alarms_per_hour: .*not calibrated"):
        make_spotter(config, MODEL)
