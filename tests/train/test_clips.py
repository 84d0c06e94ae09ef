"""Clips, their split by speaker, and where the word is in them."""

import csv
from pathlib import Path

import numpy as np
import pytest
import soundfile

from kws.errors import AudioFileError, ConfigError
from tests.train.recordings import RATE, tone
from train.clips import (
    active_region,
    hash_split,
    of_split,
    read_samples,
    recordings,
    word_clips,
)

SHARED_INDEX = Path(__file__).parents[3] / "shared" / "data" / "index.csv"


def test_the_lists_say_who_may_be_trained_on(data: Path) -> None:
    clips = word_clips(data / "speech_commands")
    assert {clip.word for clip in clips} == {"low", "high", "other"}
    assert {clip.speaker for clip in of_split(clips, "validation")} == {"speaker8", "speaker9"}
    assert len(of_split(clips, "training")) == 24
    assert not of_split(clips, "testing")


def test_without_lists_the_published_rule_splits_by_speaker(tmp_path: Path) -> None:
    for word in ("yes", "no"):
        (tmp_path / word).mkdir()
        for speaker in range(40):
            for number in range(2):
                name = f"{speaker:08x}_nohash_{number}.wav"
                soundfile.write(tmp_path / word / name, np.zeros(16), RATE)
    clips = word_clips(tmp_path)
    for clip in clips:
        assert clip.split == hash_split(clip.speaker)
    sides = {clip.speaker: clip.split for clip in clips}
    assert all(sides[clip.speaker] == clip.split for clip in clips)
    assert set(sides.values()) == {"training", "validation", "testing"}


@pytest.mark.parametrize(
    ("speaker", "split"),
    # As in the lists of Speech Commands v0.02.
    [("00176480", "training"), ("004ae714", "training"), ("026290a7", "validation")],
)
def test_the_rule_is_the_published_one(speaker: str, split: str) -> None:
    assert hash_split(speaker) == split


@pytest.mark.skipif(not SHARED_INDEX.is_file(), reason="the shared recordings are not there")
def test_the_rule_agrees_with_the_official_lists() -> None:
    with SHARED_INDEX.open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["pack"].startswith("speech_commands/")]
    spoken = [row for row in rows if row["use"] in ("training", "validation") and row["speaker"]]
    assert len(spoken) > 10_000
    assert [row["use"] for row in spoken] == [hash_split(row["speaker"]) for row in spoken]


def test_a_folder_without_recordings_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no recordings"):
        word_clips(tmp_path)
    with pytest.raises(ConfigError, match="no such folder"):
        word_clips(tmp_path / "missing")
    with pytest.raises(ConfigError, match=r"no \.wav files"):
        recordings([tmp_path])


def test_a_recording_is_read_as_mono_or_named(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    soundfile.write(path, np.array([[0.5, 0.25]] * 100), RATE)
    assert read_samples(path, RATE, start=10, count=5) == pytest.approx([0.375] * 5)
    with pytest.raises(AudioFileError, match="16000 Hz, but the model hears 8000 Hz"):
        read_samples(path, 8_000)
    path.write_text("text")
    with pytest.raises(AudioFileError, match="cannot be read"):
        read_samples(path, RATE)


def test_the_word_is_where_it_is_loud() -> None:
    samples = np.random.default_rng(0).normal(0, 0.001, RATE).astype(np.float32)
    samples[5_000:9_000] += tone(500, 1)[:4_000] + 0.3
    start, end = active_region(samples, RATE)
    assert abs(start - 5_000) <= 160
    assert abs(end - 9_000) <= 160
    assert active_region(np.zeros(RATE, np.float32), RATE) == (0, RATE)
    assert active_region(np.zeros(100, np.float32), RATE) == (0, 100)
