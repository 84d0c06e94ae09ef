"""Noise made by arithmetic."""

import numpy as np
import pytest

from train.data.evaluation_noise import EVALUATION_NOISE
from train.data.generated_noise import PEAK, TRAINING_NOISE, generate

NOISE = {**TRAINING_NOISE, **EVALUATION_NOISE}

RATE = 16_000


@pytest.mark.parametrize("name", NOISE)
def test_noise_is_as_long_as_asked_for_and_as_loud_as_its_peak(name: str) -> None:
    sound = generate(NOISE[name], 20 * RATE, RATE, np.random.default_rng(1))
    assert sound.shape == (20 * RATE,)
    assert sound.dtype == np.float32
    assert np.abs(sound).max() == pytest.approx(PEAK, rel=1e-5)


@pytest.mark.parametrize("name", NOISE)
def test_the_same_seed_makes_the_same_noise_and_another_one_another(name: str) -> None:
    one, same, other = (
        generate(NOISE[name], 5 * RATE, RATE, np.random.default_rng(seed)) for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(one, same)
    assert not np.array_equal(one, other)


def test_hum_is_at_the_mains_frequency() -> None:
    sound = generate(TRAINING_NOISE["hum"], 10 * RATE, RATE, np.random.default_rng(3))
    spectrum = np.abs(np.fft.rfft(sound))
    hertz = np.fft.rfftfreq(len(sound), 1 / RATE)
    loudest = hertz[spectrum.argmax()]
    assert min(abs(loudest / base - round(loudest / base)) for base in (50, 60)) < 0.05


def test_no_noise_is_no_error() -> None:
    sound = generate(TRAINING_NOISE["knocks"], 10, RATE, np.random.default_rng(1))
    assert sound.shape == (10,)
    assert np.isfinite(sound).all()


def test_what_is_measured_with_is_not_trained_on() -> None:
    assert not set(TRAINING_NOISE) & set(EVALUATION_NOISE)
    assert not set(TRAINING_NOISE.values()) & set(EVALUATION_NOISE.values())
