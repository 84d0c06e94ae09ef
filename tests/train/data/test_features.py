"""Clips as log-mel images."""

import pickle
from pathlib import Path

import numpy as np
import pytest

from kws.errors import ConfigError
from kws.spotting.frontend import FrontEndSettings, LogMel
from train.data.features import (
    NO_FEATURES,
    band_centres,
    band_map,
    change_frame_rate,
    feature_clips,
    of_words,
    power_span,
)

SETTINGS = FrontEndSettings()
ROWS = ["yes,a,training", "_noise_,,training", "no,b,validation", "yes,c,training"]


def write(folder: Path, images: np.ndarray, rows: list[str] = ROWS) -> Path:
    path = folder / "images.npy"
    np.save(path, images)
    path.with_suffix(".csv").write_text("\n".join(["word,speaker,split", *rows]))
    return path


def test_a_grey_level_is_a_power(tmp_path: Path) -> None:
    images = np.full((4, 98, 40), 146, np.uint8)
    images[3] = 166
    clips = feature_clips(write(tmp_path, images), SETTINGS)
    assert clips[0].power == pytest.approx(np.ones((98, 40)))
    assert clips[3].power == pytest.approx(np.exp(2) * np.ones((98, 40)), rel=1e-5)
    assert [clip.word for clip in clips[1:3]] == ["_noise_", "no"]
    assert clips[2].split == "validation"


def test_floats_are_ln_power(tmp_path: Path) -> None:
    path = write(tmp_path, np.full((4, 98, 40), -1.0, np.float16))
    assert feature_clips(path, SETTINGS)[0].power == pytest.approx(
        np.full((98, 40), np.exp(-1)), rel=1e-3
    )


def test_bands_of_a_narrow_front_end_become_those_of_a_wide_one() -> None:
    narrow, wide = FrontEndSettings(high_hz=4_000), SETTINGS
    samples = np.random.default_rng(1).normal(0, 0.1, 16_000).astype(np.float32)
    mapped = np.exp(LogMel(narrow)(samples)) @ band_map(narrow, wide)
    wanted = np.exp(LogMel(wide)(samples))
    audible = band_centres(wide) < 3_900
    # The lowest bands are narrower than a bin of the transform.
    near = np.abs(np.log(mapped[:, audible][:, 2:] / wanted[:, audible][:, 2:]))
    assert near.mean() < 0.3
    assert not mapped[:, band_centres(wide) > 4_000].any()
    assert np.abs(band_map(wide, wide) - np.eye(40)).max() < 0.1


def test_images_of_a_narrower_band_than_the_models_are_reported(tmp_path: Path) -> None:
    path = write(tmp_path, np.full((4, 98, 40), 146, np.uint8))
    clip = feature_clips(path, SETTINGS, 4_000)[0]
    assert clip.high_hz == 4_000
    assert not clip.power[:, band_centres(SETTINGS) > 4_000].any()
    assert clip.power[:, 5:25] == pytest.approx(np.ones((98, 20)), rel=0.6)
    assert feature_clips(path, SETTINGS, 8_000)[0].bands is None
    with pytest.raises(ConfigError, match="features_high_hz: 9000"):
        feature_clips(path, SETTINGS, 9_000)


def test_those_of_words_are_found_by_word_and_travel_without_their_images(tmp_path: Path) -> None:
    clips = feature_clips(write(tmp_path, np.zeros((4, 98, 40), np.uint8)), SETTINGS)
    training = of_words(clips, "training")
    assert training[0].power.shape == (98, 40)
    copy = pickle.loads(pickle.dumps(training))
    assert len(pickle.dumps(training)) < 2_000
    assert {word: each.tolist() for word, each in copy.by_word().items()} == {"yes": [0, 1]}
    assert copy[1].power.shape == (98, 40)
    assert not len(NO_FEATURES)
    assert not NO_FEATURES.by_word()


@pytest.mark.parametrize(
    ("shape", "rows", "message"),
    [
        ((3, 98, 40), ROWS, "but 4 clips of 40 bands are wanted"),
        ((4, 98, 30), ROWS, "but 4 clips of 40 bands are wanted"),
        ((4, 98), ROWS, "but 4 clips of 40 bands are wanted"),
        ((1, 98, 40), ["yes,a,other"], "split 'other' is none of: training"),
    ],
)
def test_what_does_not_fit_is_named(
    tmp_path: Path, shape: tuple[int, ...], rows: list[str], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        feature_clips(write(tmp_path, np.zeros(shape), rows), SETTINGS)


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"images\.npy: features cannot be read"):
        feature_clips(tmp_path / "images.npy", SETTINGS)
    path = write(tmp_path, np.zeros((0, 98, 40)), [])
    path.write_bytes(b"")
    with pytest.raises(ConfigError, match=r"images\.npy: features cannot be read"):
        feature_clips(path, SETTINGS)
    path = write(tmp_path, np.zeros((1, 98, 40)))
    path.with_suffix(".csv").write_text("word,speaker\nyes,a")
    with pytest.raises(ConfigError, match=r"images\.csv: no column split"):
        feature_clips(path, SETTINGS)


def test_a_word_can_be_found_and_played_faster() -> None:
    power = np.full((98, 40), 1e-6, np.float32)
    power[30:60] = 1.0
    assert power_span(power) == (30, 60)
    assert power_span(change_frame_rate(power, 1.5)) == (20, 40)
    assert len(change_frame_rate(power, 0.5)) == 196
