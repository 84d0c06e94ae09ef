"""The front end: streaming equals whole, and both equal an independent log-mel."""

import sys
import types
from unittest import mock

import numpy as np
import numpy.typing as npt
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from kws.spotting.frontend import FrontEndSettings, LogMel, StreamingLogMel
from kws.typing import Samples

SETTINGS = FrontEndSettings()


def noise(samples: int, seed: int, level: float = 0.1) -> Samples:
    return np.random.default_rng(seed).normal(0, level, samples).astype(np.float32)


def whole(samples: Samples) -> npt.NDArray[np.float32]:
    return LogMel(SETTINGS)(samples)


@given(
    length=st.integers(0, 8_000),
    cuts=st.lists(st.integers(0, 8_000), max_size=30),
    seed=st.integers(0, 99),
    level=st.sampled_from([1e-6, 1e-3, 0.1, 1.0]),
)
def test_streaming_frames_equal_whole_signal_frames(
    length: int, cuts: list[int], seed: int, level: float
) -> None:
    signal = noise(length, seed, level)
    streaming = StreamingLogMel(LogMel(SETTINGS))
    blocks = np.split(signal, sorted(cut for cut in cuts if cut <= length))
    frames = np.concatenate([streaming.push(block) for block in blocks])
    assert_allclose(frames, whole(signal), atol=1e-5, rtol=0)


def test_one_second_is_98_frames_and_nothing_is_padded() -> None:
    assert whole(noise(16_000, 1)).shape == (98, 40)
    assert SETTINGS.frames_in(16_000) == 98
    assert SETTINGS.samples_in(98) == 16_000
    assert whole(noise(479, 1)).shape == (0, 40)
    assert whole(noise(480, 1)).shape == (1, 40)


def test_a_batch_is_its_signals() -> None:
    signals = np.stack([noise(4_000, 1), noise(4_000, 2)])
    log_mel = LogMel(SETTINGS)
    assert_allclose(log_mel(signals)[1], log_mel(signals[1]), atol=1e-5, rtol=0)


def test_silence_is_the_floor() -> None:
    frames = whole(np.zeros(1_000, np.float32))
    assert_allclose(frames, np.full_like(frames, np.log(1e-6)), rtol=1e-6)


def test_reset_forgets_the_unfinished_frame() -> None:
    streaming = StreamingLogMel(LogMel(SETTINGS))
    streaming.push(noise(479, 1))
    streaming.reset()
    signal = noise(2_000, 2)
    assert_allclose(streaming.push(signal), whole(signal), atol=1e-5, rtol=0)


@pytest.mark.parametrize(
    "settings", [SETTINGS, FrontEndSettings(high_hz=4_000.0), FrontEndSettings(low_hz=60.0)]
)
def test_frames_equal_torchaudio(settings: FrontEndSettings) -> None:
    """torchaudio's MelSpectrogram is the oracle: same figures, written by somebody else."""
    transforms = _torchaudio_transforms()
    mel_spectrogram = transforms.MelSpectrogram(
        sample_rate=settings.sample_rate,
        n_fft=settings.fft_length,
        win_length=settings.frame_length,
        hop_length=settings.hop_length,
        f_min=settings.low_hz,
        f_max=settings.high_hz,
        n_mels=settings.bands,
        center=False,
    )
    signal = torch.from_numpy(noise(16_000, 3))
    # It puts its 480-sample window into the middle of 512 samples, 16 of them on each side.
    padded = torch.nn.functional.pad(signal, (16, 16))
    expected = torch.log(mel_spectrogram(padded).T + settings.floor)
    frames = LogMel(settings)(signal.numpy())
    assert_allclose(frames, expected.numpy(), atol=1e-4, rtol=0)


def _torchaudio_transforms() -> types.ModuleType:
    """torchaudio's pure-Python transforms; its compiled part does not load beside a CPU torch."""
    stub = types.ModuleType("torchaudio._extension")
    stub.__dict__.update(
        fail_if_no_align=lambda function: function,
        _IS_ALIGN_AVAILABLE=False,
        _IS_TORCHAUDIO_EXT_AVAILABLE=False,
    )
    with mock.patch.dict(sys.modules, {"torchaudio._extension": stub}):
        import torchaudio.transforms

        transforms: types.ModuleType = torchaudio.transforms
        return transforms


@pytest.mark.parametrize(
    "figures",
    [
        {"hop_length": 0},
        {"frame_length": 600},
        {"low_hz": 9_000.0},
        {"high_hz": 9_000.0},
        {"bands": 0},
        {"floor": 0.0},
    ],
)
def test_impossible_figures_are_refused(figures: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="a front end needs"):
        FrontEndSettings(**figures)  # type: ignore[arg-type]
