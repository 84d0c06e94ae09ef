"""Sound of log-mel images."""

import numpy as np
import pytest

from kws.spotting.frontend import FrontEndSettings, LogMel
from tests.train.recordings import RATE, tone
from train.data.inversion import MelInversion

SETTINGS = FrontEndSettings(high_hz=4_000.0)


def chirps() -> np.ndarray:
    """Two sounds whose pitch moves, with overtones and noise, a second long."""
    draw = np.random.default_rng(1)
    seconds = np.arange(RATE) / RATE
    sounds = []
    for low, high in ((120.0, 260.0), (240.0, 150.0)):
        phase = 2 * np.pi * np.cumsum(np.linspace(low, high, RATE)) / RATE
        voiced = sum(np.sin(each * phase) / each for each in range(1, 12))
        loud = np.sin(np.pi * seconds) ** 2
        sounds.append(0.2 * loud * voiced + 0.003 * draw.standard_normal(RATE))
    return np.stack(sounds).astype(np.float32)


def test_its_mel_power_is_that_of_the_image() -> None:
    log_mel = LogMel(SETTINGS)
    image = log_mel(chirps())
    sound = MelInversion(SETTINGS)(np.exp(image), np.random.default_rng(1))
    assert sound.shape == (2, SETTINGS.samples_in(image.shape[1]))
    assert sound.dtype == np.float32
    loud = image > image.max() - 5
    error = np.abs(log_mel(sound) - image)[loud]
    # Neighbouring images differ by more than one neper.
    assert np.median(error) < 0.15
    assert np.quantile(error, 0.95) < 0.8


def test_nothing_is_above_its_highest_frequency() -> None:
    image = LogMel(SETTINGS)(chirps())
    (sound, _) = MelInversion(SETTINGS)(np.exp(image), np.random.default_rng(1))
    power = np.square(np.abs(np.fft.rfft(sound)))
    hertz = np.fft.rfftfreq(len(sound), 1 / RATE)
    assert power[hertz > 4_200].sum() < 1e-3 * power.sum()


@pytest.mark.parametrize("hertz", [200.0, 1_000.0, 3_000.0])
def test_a_tone_keeps_its_pitch(hertz: float) -> None:
    image = LogMel(SETTINGS)(tone(hertz, 1)[None])
    (sound,) = MelInversion(SETTINGS)(np.exp(image), np.random.default_rng(1))
    peak = np.abs(np.fft.rfft(sound)).argmax() * RATE / len(sound)
    assert peak == pytest.approx(hertz, rel=0.1)


def test_silence_stays_silence() -> None:
    power = np.full((1, 98, 40), SETTINGS.floor, np.float32)
    sound = MelInversion(SETTINGS)(power, np.random.default_rng(1))
    assert np.isfinite(sound).all()
    assert np.abs(sound).max() < 0.01
