"""Mixing down and resampling as a stream."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kws.audio.resample import MonoResampler
from kws.typing import Frames

RATE = 16_000


def tone(rate: int, seconds: float, channels: int = 1, hertz: float = 440.0) -> Frames:
    t = np.arange(round(rate * seconds)) / rate
    wave = 0.5 * np.sin(2 * np.pi * hertz * t)
    return np.repeat(wave[:, None], channels, axis=1).astype(np.float32)


def resampled(frames: Frames, rate: int, cuts: list[int]) -> np.ndarray:
    resampler = MonoResampler(rate, 16_000)
    parts = [resampler.push(block) for block in np.split(frames, cuts)]
    return np.concatenate([*parts, resampler.flush()])


@pytest.mark.parametrize("rate", [8_000, 16_000, 22_050, 44_100, 48_000, 96_000])
@pytest.mark.parametrize("channels", [1, 2, 8])
def test_a_tone_stays_in_place(rate: int, channels: int) -> None:
    output = resampled(tone(rate, 1.0, channels), rate, [])
    assert abs(len(output) - 16_000) <= 1
    middle = slice(800, 15_200)
    expected = tone(16_000, 1.0)[: len(output), 0]
    np.testing.assert_allclose(output[middle], expected[middle], atol=1e-3)


@settings(max_examples=30)
@given(st.lists(st.integers(0, 44_100), max_size=20))
def test_blocks_do_not_matter(cuts: list[int]) -> None:
    frames = tone(44_100, 1.0, channels=2)
    whole = resampled(frames, 44_100, [])
    np.testing.assert_allclose(resampled(frames, 44_100, sorted(cuts)), whole, atol=1e-5)


def test_channels_are_averaged() -> None:
    frames = np.array([[0.2, 0.4, 0.6]], np.float32)
    assert MonoResampler(16_000, 16_000).push(frames) == pytest.approx([0.4])


def test_what_is_no_number_is_silence_and_counted() -> None:
    resampler = MonoResampler(16_000, 16_000)
    frames = np.array([[0.1], [np.nan], [np.inf], [-np.inf], [7.0], [-7.0]], np.float32)
    assert resampler.push(frames) == pytest.approx([0.1, 0, 0, 0, 1, -1])
    assert resampler.not_finite == 3


def test_a_flush_resets() -> None:
    resampler = MonoResampler(48_000, 16_000)
    first = np.concatenate((resampler.push(tone(48_000, 0.5)), resampler.flush()))
    second = np.concatenate((resampler.push(tone(48_000, 0.5)), resampler.flush()))
    np.testing.assert_allclose(first, second, atol=1e-6)
    assert resampler.output_length(48_000) == 16_000


def warnings_of(caplog: pytest.LogCaptureFixture, frames: Frames) -> int:
    caplog.clear()
    resampler = MonoResampler(RATE, RATE, "of a test")
    for block in np.array_split(frames, 50):
        resampler.push(block)
    return caplog.text.count("of a test: its 2 channels cancel each other out in their mix")


def test_channels_that_cancel_each_other_out_are_warned_of_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    left = np.random.default_rng(1).normal(0, 0.1, 5 * RATE).astype(np.float32)
    right = np.random.default_rng(2).normal(0, 0.1, 5 * RATE).astype(np.float32)
    silence = np.zeros_like(left)
    assert warnings_of(caplog, np.stack((left, -left), axis=1)) == 1
    assert warnings_of(caplog, np.stack((left, -0.9 * left), axis=1)) == 1
    for other in (left, right, silence, -0.5 * left):
        assert warnings_of(caplog, np.stack((left, other), axis=1)) == 0
    assert warnings_of(caplog, np.stack((silence, silence), axis=1)) == 0
    late = np.concatenate((silence, left))
    assert warnings_of(caplog, np.stack((late, -late), axis=1)) == 1
