"""Clips, their split by speaker, and where the word is in them."""

import csv
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from kws.errors import AudioFileError, ConfigError
from tests.train.recordings import RATE, tone
from train.data.clips import (
    NO_CLIPS,
    Clip,
    active_region,
    has_split_lists,
    hash_split,
    indices_by,
    joined,
    loud_span,
    of_split,
    read_samples,
    recordings,
    word_clips,
)

SHARED_INDEX = Path(__file__).parents[4] / "shared" / "data" / "index.csv"


def test_the_lists_give_the_split_of_a_speaker(data: Path) -> None:
    clips = word_clips(data / "speech_commands")
    assert {clip.word for clip in clips} == {"low", "high", "other"}
    assert {clip.speaker for clip in of_split(clips, "validation")} == {"speaker8", "speaker9"}
    assert len(of_split(clips, "training")) == 24
    assert not of_split(clips, "testing")


def test_clips_are_a_table_of_clips(data: Path) -> None:
    root = data / "speech_commands"
    clips = word_clips(root)
    assert clips[0] == Clip(root / "high/speaker0_nohash_0.wav", "high", "speaker0", "training")
    assert list(clips[2:4]) == [clips[2], clips[3]]
    sizes = {word: len(indices) for word, indices in clips.by_word().items()}
    assert sizes == {"high": 10, "low": 10, "other": 10}
    assert [clips[index].word for index in clips.by_word()["low"].tolist()] == ["low"] * 10
    assert list(joined([clips, clips[:1]])) == [*clips, clips[0]]
    assert not len(joined([]))
    assert not NO_CLIPS.by_word()
    assert has_split_lists(root)
    assert not has_split_lists(data)


@given(st.lists(st.sampled_from(["a", "b", "cc"])))
def test_words_are_indexed(words: list[str]) -> None:
    found = indices_by(np.array(words, np.str_))
    assert {word: indices.tolist() for word, indices in found.items()} == {
        word: [index for index, each in enumerate(words) if each == word]
        for word in sorted(set(words))
    }


def test_only_sound_in_the_folders_of_words_counts(tmp_path: Path) -> None:
    for name in ("yes/a.wav", "yes/B.WAV", "yes/._a.wav", "yes/a.txt", "_x_/a.wav", ".git/a.wav"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "no").mkdir()
    assert [str(clip.path.relative_to(tmp_path)) for clip in word_clips(tmp_path)] == [
        "yes/B.WAV",
        "yes/a.wav",
    ]


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
    with pytest.raises(AudioFileError, match="16000 Hz, but the model takes 8000 Hz"):
        read_samples(path, 8_000)
    path.write_text("text")
    with pytest.raises(AudioFileError, match=r"a\.wav: cannot be read: Format not recognised"):
        read_samples(path, RATE)
    soundfile.write(path, np.array([0.1, np.nan]), RATE, subtype="FLOAT")
    with pytest.raises(AudioFileError, match=r"a\.wav: holds samples that are no finite numbers"):
        read_samples(path, RATE)


def test_the_word_is_where_it_is_loud() -> None:
    samples = np.random.default_rng(0).normal(0, 0.001, RATE).astype(np.float32)
    samples[5_000:9_000] += tone(500, 1)[:4_000] + 0.3
    start, end = active_region(samples, RATE)
    assert abs(start - 5_000) <= 160
    assert abs(end - 9_000) <= 160
    assert active_region(np.zeros(RATE, np.float32), RATE) == (0, RATE)
    assert active_region(np.zeros(100, np.float32), RATE) == (0, 100)


@given(st.lists(st.floats(-100, 0, width=32), min_size=1, max_size=200))
def test_a_loud_span_holds_the_loudest_frame_or_everything(levels: list[float]) -> None:
    first, last = loud_span(np.array(levels))
    assert 0 <= first < last <= len(levels)
    assert (first, last) == (0, len(levels)) or first <= int(np.argmax(levels)) < last
