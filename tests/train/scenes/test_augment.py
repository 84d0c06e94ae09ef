"""What happens to sound on its way into training."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from train.scenes.augment import (
    NO_AUGMENTATION,
    TELEPHONE,
    Augmentation,
    Band,
    add_noise,
    change_level,
    change_speed,
    clip_peaks,
    coloured_noise,
    draw_band,
    fragment,
    limit_band,
    mask,
    mix,
    reverberate,
)

RATE = 16_000
seeds = st.integers(0, 1_000)


@pytest.mark.parametrize("snr_db", [-5.0, 0.0, 20.0])
def test_noise_has_the_ratio_that_was_asked_for(snr_db: float) -> None:
    random = np.random.default_rng(1)
    signal = random.normal(0, 0.3, RATE).astype(np.float32)
    noise = random.normal(0, 0.01, RATE).astype(np.float32)
    power = float(np.square(signal).mean())
    added = add_noise(signal, noise, snr_db, power) - signal
    ratio = 10 * np.log10(power / np.square(added).mean())
    assert ratio == pytest.approx(snr_db, abs=0.01)


def test_silence_stays_silence() -> None:
    silence, noise = np.zeros(100, np.float32), np.ones(100, np.float32)
    assert not add_noise(silence, noise, 0.0, 0.0).any()
    assert (add_noise(noise, silence, 0.0, 1.0) == noise).all()
    assert not change_level(silence, 6.0).any()
    assert not clip_peaks(silence, 0.5).any()
    assert not limit_band(silence, RATE, TELEPHONE).any()


def test_a_level_changes_up_to_full_scale() -> None:
    samples = np.array([0.1, -0.2], np.float32)
    assert change_level(samples, -20.0).tolist() == pytest.approx([0.01, -0.02])
    assert change_level(samples, 20.0).tolist() == pytest.approx([1.0, -1.0])


@given(seeds)
def test_a_fragment_reaches_from_one_dip_of_the_level_to_another(seed: int) -> None:
    level = np.repeat([0.0, 1.0, 0.0, 1.0, 0.0], RATE // 4).astype(np.float32)
    samples = level * np.sin(np.arange(len(level)) * 0.3).astype(np.float32)
    piece = fragment(samples, RATE, (0.2, 0.9), np.random.default_rng(seed))
    assert 0.19 * RATE <= len(piece) <= 0.91 * RATE
    assert (piece[0], piece[-1]) == (0, 0)


def test_where_nothing_can_be_cut_all_of_it_is_the_fragment() -> None:
    rising = np.linspace(0.1, 1, RATE, dtype=np.float32)
    assert fragment(rising, RATE, (0.2, 0.9), np.random.default_rng(1)) is rising


def test_peaks_are_cut_off() -> None:
    assert clip_peaks(np.array([1.0, -0.5, 0.1], np.float32), 0.4).tolist() == pytest.approx(
        [0.4, -0.4, 0.1]
    )


def test_speed_changes_length_and_pitch() -> None:
    ramp = np.arange(1_000, dtype=np.float32)
    assert change_speed(ramp, 2.0) == pytest.approx(ramp[:-1:2])
    assert len(change_speed(ramp, 0.5)) == pytest.approx(2_000, abs=2)


@given(seeds, st.integers(1_000, 40_000))
def test_coloured_noise_is_stronger_where_it_is_deep(seed: int, length: int) -> None:
    noise = coloured_noise(length, np.random.default_rng(seed))
    power = np.square(np.abs(np.fft.rfft(noise)))
    low, high = power[1 : len(power) // 4].mean(), power[len(power) // 2 :].mean()
    assert noise.shape == (length,)
    assert low > 0.5 * high


@given(seeds, st.floats(0.1, 0.8))
def test_a_room_leaves_the_direct_sound_and_adds_a_decaying_tail(
    seed: int, reverberation_s: float
) -> None:
    click = np.zeros(RATE, np.float32)
    click[2_000] = 1.0
    wet = reverberate(click, RATE, reverberation_s, np.random.default_rng(seed))
    assert wet.shape == click.shape
    assert np.abs(wet[:2_000]).max() < 1e-5
    assert wet[2_000] == pytest.approx(1.0, abs=1e-4)
    tail = np.square(wet[2_001 : 2_000 + round(reverberation_s * RATE)])
    first, second = np.array_split(tail, 2)
    # No louder than the direct sound, and 30 dB lower in the second half than in the first.
    assert 0.05 < tail.sum() <= 1.01
    assert second.sum() < first.sum() / 300


def test_a_channel_passes_its_band() -> None:
    t = np.arange(RATE) / RATE
    for hertz, left_over in ((100.0, 0.0), (1_000.0, 1.0), (7_000.0, 0.0)):
        tone = np.sin(2 * np.pi * hertz * t).astype(np.float32)
        left = limit_band(tone, RATE, TELEPHONE)
        assert np.abs(left[4_000:-4_000]).max() == pytest.approx(left_over, abs=0.06)


@given(st.floats(50, 400), st.floats(3_000, 7_500), st.sampled_from([4, 20, 40]))
def test_a_band_has_3_db_less_at_its_limits(low: float, high: float, order: int) -> None:
    gain = Band(low, high, order).gain(np.array([low, np.sqrt(low * high), high]))
    assert gain == pytest.approx([0.707, 1.0, 0.707], abs=0.02)


@given(seeds)
def test_bands_hold_most_of_speech(seed: int) -> None:
    band = draw_band(np.random.default_rng(seed))
    assert 20 <= band.low_hz <= 400
    assert 3_000 <= band.high_hz <= 7_500


def test_masks_are_as_long_as_they_may_be_and_drawn_by_the_generator() -> None:
    settings = Augmentation(mask_frames=12, mask_bands=5)
    windows = torch.ones(300, 40, 98)
    masked = mask(windows, settings, np.random.default_rng(3))
    assert torch.equal(masked, mask(windows, settings, np.random.default_rng(3)))
    lost_bands = (masked == 0).all(2).sum(1)
    lost_frames = (masked == 0).all(1).sum(1)
    assert (int(lost_bands.max()), int(lost_frames.max())) == (5, 12)
    assert (int(lost_bands.min()), int(lost_frames.min())) == (0, 0)
    assert windows.min() == 1


def test_masks_can_be_switched_off_one_by_one_and_be_longer_than_a_window() -> None:
    windows = torch.ones(50, 40, 98)
    draw = np.random.default_rng(1)
    assert torch.equal(mask(windows, NO_AUGMENTATION, draw), windows)
    bands = mask(windows, replace(NO_AUGMENTATION, mask_bands=5), draw)
    assert not (bands == 0).all(1).any()
    assert mask(windows, replace(NO_AUGMENTATION, mask_frames=1_000), draw).shape == windows.shape


@given(seeds, st.floats(0.05, 2.0))
def test_mixup_mixes_windows_and_targets_alike(seed: int, alpha: float) -> None:
    targets = torch.eye(6)
    windows = targets[:, :, None] * torch.ones(1, 1, 4)
    mixed, soft = mix(windows, targets, alpha, np.random.default_rng(seed))
    assert torch.allclose(mixed[:, :, 0], soft)
    assert soft.sum(1) == pytest.approx(torch.ones(6))
    assert torch.equal(soft.argmax(1), targets.argmax(1)) or float(soft.max(1)[0].min()) < 0.51
    again, _ = mix(windows, targets, alpha, np.random.default_rng(seed))
    assert torch.equal(mixed, again)
