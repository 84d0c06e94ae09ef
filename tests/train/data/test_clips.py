"""Clips, their split by speaker, and where the word is in them."""

import csv
from pathlib import Path

import av
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
    has_split_lists,
    hash_split,
    indices_by,
    joined,
    of_split,
    recordings,
    word_clips,
)
from train.data.samples import active_region, loud_span, read_samples
from train.data.sound_files import sound_length

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
    with pytest.raises(ConfigError, match="no recordings in it"):
        recordings([tmp_path])


def test_a_recording_is_read_as_mono_or_named(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    soundfile.write(path, np.array([[0.5, 0.25]] * 100), RATE)
    assert read_samples(path, RATE, start=10, count=5) == pytest.approx([0.375] * 5)
    assert read_samples(path, RATE, start=90) == pytest.approx([0.375] * 10)
    path.write_text("text")
    with pytest.raises(AudioFileError, match=r"a\.wav: not an audio file that can be read"):
        read_samples(path, RATE)
    soundfile.write(path, np.array([0.1, np.nan]), RATE, subtype="FLOAT")
    with pytest.raises(AudioFileError, match=r"a\.wav: holds samples that are no finite numbers"):
        read_samples(path, RATE)


@pytest.mark.parametrize("own", [8_000, 22_050, 44_100, 44_101, 48_000])
def test_another_rate_is_resampled_as_the_daemon_does(tmp_path: Path, own: int) -> None:
    path = tmp_path / "a.flac"
    hertz = 440.0
    times = np.arange(2 * own) / own
    soundfile.write(path, 0.5 * np.sin(2 * np.pi * hertz * times), own)
    expected = 0.5 * np.sin(2 * np.pi * hertz * np.arange(2 * RATE) / RATE)
    whole = read_samples(path, RATE)
    assert len(whole) == sound_length(path, RATE) == 2 * RATE
    np.testing.assert_allclose(whole[200:-200], expected[200:-200], atol=2e-3)
    for start, count in ((0, 500), (1_234, 1_000), (20_001, 5_000), (31_000, 5_000)):
        part = read_samples(path, RATE, start, count)
        assert len(part) == min(count, 2 * RATE - start)
        inner = slice(200 if start == 0 else 0, -200)
        np.testing.assert_allclose(part[inner], whole[start:][:count][inner], atol=2e-3)


def test_what_has_to_be_read_from_its_beginning(tmp_path: Path) -> None:
    path = tmp_path / "a.m4a"
    with av.open(str(path), "w", format="mp4") as container:
        stream = container.add_stream("aac", rate=RATE, layout="mono")
        frame = av.AudioFrame.from_ndarray(tone(500, 1)[None], format="fltp", layout="mono")
        frame.sample_rate = RATE
        for each in (frame, None):
            container.mux(stream.encode(each))
    whole = read_samples(path, RATE)
    assert len(whole) == sound_length(path, RATE)
    np.testing.assert_array_equal(read_samples(path, RATE, 5_000, 300), whole[5_000:5_300])


def write_clips(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(root / name, np.zeros(1_600), RATE)


def test_clips_may_be_of_any_format_and_in_folders(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write_clips(tmp_path, "yes/A.WAV", "yes/anna/1.flac", "yes/anna/2.flac", "no/bob_nohash_1.ogg")
    (tmp_path / "yes/notes.txt").touch()
    (tmp_path / "yes/._A.WAV").touch()
    with caplog.at_level("INFO"):
        clips = joined([word_clips(tmp_path)])
    found = {clip.path.name: (clip.word, clip.speaker) for clip in clips}
    assert found == {
        "A.WAV": ("yes", "A"),
        "1.flac": ("yes", "anna"),
        "2.flac": ("yes", "anna"),
        "bob_nohash_1.ogg": ("no", "bob"),
    }
    assert {word: len(indices) for word, indices in clips.by_word().items()} == {"yes": 3, "no": 1}
    assert "yes: 1 files are no recordings by their endings: .txt" in caplog.text


@pytest.mark.parametrize("line", ["yes/of anna 1.wav", "./yes/of anna 1.wav", "yes\\of anna 1.wav"])
@pytest.mark.parametrize("end", ["", "\n", "\r\n"])
def test_names_in_lists_may_have_blanks(tmp_path: Path, line: str, end: str) -> None:
    write_clips(tmp_path, "yes/of anna 1.wav", "yes/of anna 2.wav")
    (tmp_path / "testing_list.txt").write_bytes(b"\xef\xbb\xbf" + (line + end).encode())
    sides = {clip.path.name: clip.split for clip in word_clips(tmp_path)}
    assert sides == {"of anna 1.wav": "testing", "of anna 2.wav": "training"}


def test_accents_are_the_same_however_they_are_written(tmp_path: Path) -> None:
    write_clips(tmp_path, "caf\u00e9/x.wav", "th\u00e9/x.wav")
    (tmp_path / "validation_list.txt").write_text("cafe\u0301/x.wav\n", "utf-8")
    assert [clip.split for clip in word_clips(tmp_path)] == ["validation", "training"]


def test_names_in_lists_that_no_clip_has_are_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write_clips(tmp_path, "yes/1.wav")
    (tmp_path / "testing_list.txt").write_text("yes/1.wav\nyes/2.wav\nno/1.wav\n")
    word_clips(tmp_path)
    assert "testing_list.txt: 2 of its 3 names are no recordings in" in caplog.text
    assert "such as 'no/1.wav'" in caplog.text


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
