"""Whisper's log-mel frames."""

import numpy as np
import pytest
import torch

from kws.spotting.whisper_mel import BANDS, FFT, HOP, log_mel, mel_filters

RANDOM = np.random.default_rng(2)


def reference(samples: torch.Tensor) -> torch.Tensor:
    """What Whisper computes with torch.stft (arXiv 2212.04356, its audio.py)."""
    spectrum = torch.stft(samples, FFT, HOP, window=torch.hann_window(FFT), return_complex=True)
    power = spectrum[..., :-1].abs().square()
    mel = (torch.from_numpy(mel_filters()).float() @ power).clamp_min(1e-10).log10()
    return (torch.maximum(mel, mel.amax((1, 2), keepdim=True) - 8) + 4) / 4


@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("samples", [FFT // 2 + 1, 24_000, 24_123])
def test_frames_are_those_of_torch(count: int, samples: int) -> None:
    levels = 10 ** RANDOM.uniform(-4, -0.5, (count, samples))
    windows = (levels * RANDOM.normal(size=(count, samples))).astype(np.float32)
    windows[:, samples // 2 : samples // 2 + 4_000] = 0
    frames = log_mel(windows)
    assert frames.dtype == np.float32
    assert frames.shape == (count, BANDS, samples // HOP)
    expected = reference(torch.from_numpy(windows)).numpy()
    np.testing.assert_allclose(frames, expected, atol=1e-4, rtol=0)


def test_no_window_gives_no_frames() -> None:
    assert log_mel(np.empty((0, 24_000), np.float32)).shape == (0, BANDS, 150)


def test_a_tone_is_in_the_band_of_its_frequency() -> None:
    """Slaney's scale: 200/3 Hz a mel below 1000 Hz."""
    seconds = np.arange(16_000) / 16_000
    spacing = (15 + np.log(8) / (np.log(6.4) / 27)) / (BANDS + 1)
    for band in (5, 10, 20):
        hertz = spacing * (band + 1) * 200 / 3
        (mel,) = log_mel(np.sin(2 * np.pi * hertz * seconds)[None].astype(np.float32))
        assert mel.shape == (BANDS, 100)
        assert mel[:, 50].argmax() == band


def test_the_level_is_that_of_the_paper() -> None:
    """Silence is 8 (a dynamic range of 80 dB) below the loudest, over 4 (arXiv 2212.04356)."""
    samples = np.zeros((1, 16_000), np.float32)
    samples[0, 8_000:8_400] = RANDOM.normal(size=400)
    mel = log_mel(samples)
    assert mel.max() - mel.min() == pytest.approx(2)
