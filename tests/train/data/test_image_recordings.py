"""Recordings made of log-mel images, and their table."""

import csv
from pathlib import Path

import numpy as np
import pytest
import soundfile

from kws.errors import ConfigError
from kws.spotting.frontend import FrontEndSettings, LogMel
from tests.train.recordings import RATE, tone
from train.data.image_recordings import write_image_recordings
from train.data.index import IMAGES, INDEX, Row, read_index

SETTINGS = FrontEndSettings(high_hz=4_000.0)
ROWS = (
    ("low", "anna", "1_low.jpg", "training"),
    ("low", "ben", "2_low.jpg", "training"),
    ("high", "anna", "3_high.jpg", "training"),
    ("high", "carl", "4_high.jpg", "validation"),
    ("_background_noise_", "", "5_background.jpg", "training"),
)


@pytest.fixture
def images(tmp_path: Path) -> Path:
    path = tmp_path / "images.npy"
    log_mel = LogMel(SETTINGS)
    frames = np.stack([log_mel(tone(300.0 + 200 * number, number)) for number in range(len(ROWS))])
    np.save(path, np.clip(10 * frames + 146, 0, 255).astype(np.uint8))
    with path.with_suffix(".csv").open("w", newline="") as file:
        lines = csv.writer(file)
        lines.writerow(("row", "word", "speaker", "name", "split"))
        lines.writerows((number, *row) for number, row in enumerate(ROWS))
    return path


def written(folder: Path, images: Path, **options: object) -> int:
    return write_image_recordings(folder, images, SETTINGS, licence="CC-BY-4.0", **options)  # type: ignore[arg-type]


def test_words_of_training_speakers_become_recordings(tmp_path: Path, images: Path) -> None:
    folder = tmp_path / "made"
    assert written(folder, images) == 3
    recordings = read_index(folder / INDEX, folder)
    assert [(each.row.word, each.row.speaker) for each in recordings] == [
        *(("low", "anna"), ("low", "ben"), ("high", "anna")),
    ]
    for each in recordings:
        assert each.row.refusal is None
        assert each.row.pack == IMAGES
        sound, rate = soundfile.read(each.path)
        assert (rate, len(sound)) == (RATE, each.row.samples)
        assert np.abs(sound).max() > 0.05


def test_a_second_time_nothing_is_written(tmp_path: Path, images: Path) -> None:
    folder = tmp_path / "made"
    written(folder, images)
    before = (folder / INDEX).read_text()
    assert written(folder, images) == 0
    assert (folder / INDEX).read_text() == before


def test_what_there_is_as_a_recording_is_left_out(tmp_path: Path, images: Path) -> None:
    folder = tmp_path / "made"
    heard = [Row("speech_commands/training/low", "a.wav", 1, "low", "anna", "training", "", "")]
    assert written(folder, images, heard=heard) == 2
    found = read_index(folder / INDEX, folder)
    assert ("low", "anna") not in {(each.row.word, each.row.speaker) for each in found}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda path: path.unlink(), "cannot be read"),
        (lambda path: path.with_suffix(".csv").unlink(), "cannot be read"),
        (lambda path: path.with_suffix(".csv").write_text("word,split\n"), "lacks columns"),
        (
            lambda path: path.with_suffix(".csv").write_text("word,speaker,name,split\n"),
            "0 lines for 5 images",
        ),
        (lambda path: np.save(path, np.zeros((5, 98, 40), np.float32)), "grey levels"),
        (lambda path: np.save(path, np.zeros((5, 98, 20), np.uint8)), "in 40 bands"),
    ],
)
def test_files_that_do_not_fit_are_named(
    tmp_path: Path,
    images: Path,
    change: object,
    message: str,
) -> None:
    change(images)  # type: ignore[operator]
    with pytest.raises(ConfigError, match=message) as caught:
        written(tmp_path / "made", images)
    assert "images" in str(caught.value)
