"""What an epoch of training windows holds."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from train.augment import Augmentation
from train.clips import of_split, recordings, word_clips
from train.dataset import NONE, Mixture, Recordings, TrainingWindows


def windows(data: Path, mixture: Mixture | None = None, seed: int = 1) -> TrainingWindows:
    clips = word_clips(data / "speech_commands")
    return TrainingWindows(
        ("low", "high"),
        of_split(clips, "training"),
        (),
        recordings([data / "negatives" / "training"]),
        recordings([data / "speech_commands" / "_background_noise_"]),
        length=16_000,
        sample_rate=16_000,
        size=400,
        mixture=mixture or Mixture(),
        augmentation=Augmentation(),
        seed=seed,
    )


def test_windows_depend_on_seed_epoch_and_number_only(data: Path) -> None:
    first, second, other = windows(data), windows(data), windows(data, seed=2)
    assert np.array_equal(first[7][0], second[7][0])
    assert not np.array_equal(first[7][0], other[7][0])
    second.epoch = 1
    assert not np.array_equal(first[7][0], second[7][0])


def test_a_window_is_a_second_that_is_not_too_loud(data: Path) -> None:
    for samples, label in (windows(data)[index] for index in range(100)):
        assert samples.shape == (16_000,)
        assert samples.dtype == np.float32
        assert np.abs(samples).max() <= 1
        assert label in (NONE, 1, 2)


def test_keywords_come_equally_often(data: Path) -> None:
    epoch = windows(data, Mixture(0.5, 0.2, 0.2, 0.1))
    counts = Counter(epoch[index][1] for index in range(len(epoch)))
    assert sum(counts.values()) == 400
    assert counts[NONE] == pytest.approx(200, abs=50)
    assert counts[1] == pytest.approx(counts[2], abs=50)


def test_noise_alone_is_sometimes_silence(data: Path) -> None:
    epoch = windows(data, Mixture(0, 0, 0, 1))
    silent = [not epoch[index][0].any() for index in range(len(epoch))]
    assert 0 < sum(silent) < len(silent) / 2


def test_stretches_come_from_everywhere(data: Path) -> None:
    speech = Recordings(recordings([data / "negatives" / "training"]), 16_000)
    draw = np.random.default_rng(1)
    whole = speech.stretch(60_000, draw)
    assert np.count_nonzero(whole) <= 48_000
    assert speech.stretch(1_000, draw).shape == (1_000,)
    assert not Recordings([], 16_000)
