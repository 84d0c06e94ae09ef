"""What happens to clips on their way into training."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from train.augment import Augmentation, add_noise, change_speed, mask, place, set_level

seeds = st.integers(0, 1_000)


@given(seeds, st.integers(1, 20_000), st.integers(0, 20_000), st.integers(1, 20_000))
def test_a_word_is_placed_whole_wherever_it_fits(
    seed: int, length: int, start: int, size: int
) -> None:
    clip = np.zeros(start + size + 500, np.float32)
    clip[start : start + size] = 1.0
    window = place(clip, (start, start + size), length, np.random.default_rng(seed))
    assert window.shape == (length,)
    assert window.sum() == min(size, length)


@given(seeds)
def test_the_place_is_anywhere(seed: int) -> None:
    draw = np.random.default_rng(seed)
    clip = np.ones(10, np.float32)
    places = {int(place(clip, (0, 10), 12, draw).argmax()) for _ in range(60)}
    assert places == {0, 1, 2}


@pytest.mark.parametrize("snr_db", [-5.0, 0.0, 20.0])
def test_noise_has_the_ratio_that_was_asked_for(snr_db: float) -> None:
    random = np.random.default_rng(1)
    signal = random.normal(0, 0.3, 16_000).astype(np.float32)
    noise = random.normal(0, 0.01, 16_000).astype(np.float32)
    added = add_noise(signal, noise, snr_db) - signal
    ratio = 10 * np.log10(np.square(signal).mean() / np.square(added).mean())
    assert ratio == pytest.approx(snr_db, abs=0.01)


def test_silence_stays_silence() -> None:
    silence, noise = np.zeros(100, np.float32), np.ones(100, np.float32)
    assert not add_noise(silence, noise, 0.0).any()
    assert (add_noise(noise, silence, 0.0) == noise).all()
    assert not set_level(silence, -6.0).any()


def test_the_level_is_that_of_the_peak() -> None:
    assert np.abs(set_level(np.array([0.1, -0.2], np.float32), -20.0)).max() == pytest.approx(0.1)


def test_speed_changes_length_and_pitch() -> None:
    ramp = np.arange(1_000, dtype=np.float32)
    assert change_speed(ramp, 2.0) == pytest.approx(ramp[:-1:2])
    assert len(change_speed(ramp, 0.5)) == pytest.approx(2_000, abs=2)


def test_masks_are_as_long_as_they_may_be_and_drawn_by_the_generator() -> None:
    settings = Augmentation(mask_frames=12, mask_bands=5)
    windows = torch.ones(300, 40, 98)
    masked = mask(windows, settings, torch.Generator().manual_seed(3))
    again = mask(windows, settings, torch.Generator().manual_seed(3))
    assert torch.equal(masked, again)
    lost_bands = (masked == 0).all(2).sum(1)
    lost_frames = (masked == 0).all(1).sum(1)
    assert (int(lost_bands.max()), int(lost_frames.max())) == (5, 12)
    assert (int(lost_bands.min()), int(lost_frames.min())) == (0, 0)
    assert windows.min() == 1
