"""Sentences that are spoken."""

import csv
import shutil
from pathlib import Path

import numpy as np
import pytest

from kws.errors import ConfigError
from kws.typing import Samples
from train.data.index import HELD_OUT_VOICES, TrainingRecordings, read_index
from train.data.spoken_sentences import (
    SAMPLE_RATE,
    TRANSCRIPTS,
    WITH_KEYWORD,
    _voices_for,
    sentence_phonemes,
    write_sentences,
)
from train.data.texts import read_texts

HOURS = 30 / 3600


class NoiseSpeaker:
    """A tenth of a second for each letter."""

    licence = "Apache-2.0"

    def say(self, text: str, draw: np.random.Generator) -> tuple[Samples, str]:
        return draw.uniform(-0.5, 0.5, len(text) * SAMPLE_RATE // 10).astype(np.float32), "voice"


def write(folder: Path, hours: float, use: str = "training") -> int:
    texts = read_texts()
    return write_sentences(folder, NoiseSpeaker(), texts, ["up"], hours, use=use, seed=2)


def test_sentences_are_listed_with_their_texts(tmp_path: Path) -> None:
    count = write(tmp_path, HOURS)
    listed = read_index(tmp_path / "index.csv", tmp_path)
    assert len(listed) == count
    assert sum(each.row.samples for each in listed) >= HOURS * 3600 * SAMPLE_RATE
    assert all(each.path.exists() for each in listed)
    assert len(TrainingRecordings.of(listed)) == count
    with (tmp_path / TRANSCRIPTS).open(newline="") as file:
        for line, each in zip(csv.DictReader(file), listed, strict=True):
            assert (line["pack"], line["clip"]) == (each.row.pack, each.row.clip)
            assert (" up " in line["text"]) == (each.row.pack == WITH_KEYWORD)


def test_a_later_run_continues_where_the_earlier_one_stopped(tmp_path: Path) -> None:
    once, twice = tmp_path / "once", tmp_path / "twice"
    count = write(once, 2 * HOURS)
    assert count == write(twice, HOURS) + write(twice, 2 * HOURS)
    for name in ("index.csv", TRANSCRIPTS):
        assert (once / name).read_text() == (twice / name).read_text()


def test_sentences_for_calibration_hold_no_keyword_and_are_not_trained_on(tmp_path: Path) -> None:
    write(tmp_path, HOURS, "calibration")
    listed = read_index(tmp_path / "index.csv", tmp_path)
    assert {each.row.pack for each in listed} == {"negatives/calibration/spoken_sentences"}
    assert not len(TrainingRecordings.of(listed))


def test_no_voice_is_for_two_uses_and_none_that_is_held_out_for_any() -> None:
    names = [*HELD_OUT_VOICES, *(f"af_{number}" for number in range(30))]
    training, calibration = (set(_voices_for(use, names)) for use in ("training", "calibration"))
    assert training
    assert calibration
    assert not training & calibration
    assert training | calibration == set(names) - HELD_OUT_VOICES
    with pytest.raises(ConfigError, match="no voice for training"):
        _voices_for("training", list(HELD_OUT_VOICES))


@pytest.mark.skipif(shutil.which("espeak-ng") is None, reason="espeak-ng is not installed")
def test_phonemes_of_a_sentence_keep_its_punctuation() -> None:
    spoken = sentence_phonemes("Is it down? We saw it, and no one did.", british=False)
    assert [each for each in spoken if each in ",.?!"] == ["?", ",", "."]
    assert "dˈWn?" in spoken
    texts, draw = read_texts(), np.random.default_rng(1)
    for _ in range(20):
        text = texts.sentence(draw)
        assert sentence_phonemes(text, british=True)[-1] == text[-1]
