"""What is found to train on."""

import logging
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from kws.errors import AudioFileError, ConfigError
from tests.train.recordings import RATE, tone
from tests.train.trainings import tiny_config
from train.config import FitConfig
from train.data.clips import BACKGROUND, hash_split
from train.data.dataset_files import find_dataset_files


@pytest.fixture
def config(data: Path, tmp_path: Path) -> FitConfig:
    """A training on a copy of the small data set, which may be damaged."""
    return tiny_config(shutil.copytree(data, tmp_path / "data"), tmp_path / "model.onnx")


def test_everything_is_found(config: FitConfig, caplog: pytest.LogCaptureFixture) -> None:
    found = find_dataset_files(config)
    assert found.keywords == ("low", "high")
    assert len(found.material.recorded) == 24
    assert {clip.split for clip in found.validation} == {"validation"}
    assert len(found.validation) == 6
    speech, words, noise = found.negatives
    assert [path.name for path in speech] == ["noise.wav"]
    assert {path.parent.name for path in words} == {"other"}
    assert found.material.noise
    assert [path.parent.name for path in noise] == [BACKGROUND]
    assert not len(found.skipped)
    assert not [record for record in caplog.records if record.levelno > logging.INFO]


def test_without_keywords_all_words_are(config: FitConfig) -> None:
    assert find_dataset_files(replace(config, keywords=())).keywords == ("high", "low", "other")


def test_a_keyword_without_recordings_is_named(config: FitConfig) -> None:
    with pytest.raises(
        ConfigError, match="no training recordings of maybe; there are some of: high, low, other"
    ):
        find_dataset_files(replace(config, keywords=("low", "maybe")))


def test_other_recordings_have_another_fingerprint_wherever_they_are(
    config: FitConfig, data: Path
) -> None:
    fingerprint = find_dataset_files(config).fingerprint
    elsewhere = tiny_config(data, config.output)
    assert find_dataset_files(elsewhere).fingerprint == fingerprint
    (config.words / "low/speaker3_nohash_0.wav").rename(config.words / "low/x_nohash_0.wav")
    changed = find_dataset_files(config).fingerprint
    assert [kind for kind in fingerprint if changed[kind] != fingerprint[kind]] == ["recorded"]


@pytest.mark.parametrize(
    ("place", "damage"),
    [
        ("speech_commands/low/speaker3_nohash_0.wav", "cut"),
        ("speech_commands/other/speaker9_nohash_0.wav", "empty"),
        ("negatives/training/set/more.wav", "text"),
        ("speech_commands/_background_noise_/more.wav", "text"),
        ("synthetic/low/voice_nohash_0.wav", "cut"),
    ],
)
def test_a_broken_recording_is_named_and_left_out(
    config: FitConfig, place: str, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    data = config.words.parent
    (data / "synthetic/low").mkdir(parents=True)
    soundfile.write(data / "synthetic/low/voice_nohash_1.wav", tone(300, 1), RATE)
    path = data / place
    soundfile.write(path, tone(300, 1), RATE)
    whole = path.read_bytes()
    path.write_bytes({"cut": whole[:9_000], "empty": b"", "text": b"some text"}[damage])
    found = find_dataset_files(replace(config, synthetic=(data / "synthetic",)))
    warnings = [each.message for each in caplog.records if each.levelno == logging.WARNING]
    assert len(warnings) == 1
    assert warnings[0].startswith(f"left out: {path}: ")
    left = (*found.material.recorded, *found.validation, *found.material.synthetic)
    assert path not in [clip.path for clip in left]
    assert found.material.speech
    assert found.material.noise


def test_too_many_broken_recordings_stop_it_with_their_list(config: FitConfig) -> None:
    for path in (config.words / "low").iterdir():
        path.write_bytes(b"")
    with pytest.raises(AudioFileError, match=r"10 of 32 recordings cannot be used") as caught:
        find_dataset_files(config)
    assert len(str(caught.value).splitlines()) == 11


def clips_of(folder: Path, word: str, *names: str) -> None:
    (folder / word).mkdir(parents=True, exist_ok=True)
    for number, name in enumerate(names):
        soundfile.write(folder / word / f"{name}.wav", tone(300, number), RATE)


def test_a_few_files_of_any_name_are_enough(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for_others = next(str(n) for n in range(99) if hash_split(str(n)) == "testing")
    for_training = next(str(n) for n in range(99) if hash_split(str(n)) == "training")
    clips_of(tmp_path, "hello", for_training)
    clips_of(tmp_path, "bye", for_others)
    config = FitConfig(tmp_path, tmp_path / "model.onnx")
    found = find_dataset_files(config)
    assert found.keywords == ("bye", "hello")
    assert len(found.material.recorded) == 2
    assert not len(found.validation)
    assert "bye: the rule of the split would keep all of its speakers" in caplog.text
    assert "no validation clips, so the accuracy stays unknown" in caplog.text
    assert "nothing but keywords, so the model will take other words for them" in caplog.text


def test_noise_may_be_any_length_of_a_frame_or_more(config: FitConfig) -> None:
    soundfile.write(config.words / "_background_noise_/click.wav", np.ones(500), RATE)
    assert not len(find_dataset_files(config).skipped)


def test_one_speaker_whom_the_rule_keeps_from_training(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    speaker = next(f"me{n}" for n in range(99) if hash_split(f"me{n}") == "testing")
    other = next(f"you{n}" for n in range(99) if hash_split(f"you{n}") == "training")
    for word in ("hello", "table", "chair"):
        clips_of(tmp_path, word, *(f"{speaker}_nohash_{n}" for n in range(3)))
    clips_of(tmp_path, "both", f"{speaker}_nohash_0", f"{other}_nohash_0")
    with caplog.at_level("INFO"):
        found = find_dataset_files(
            FitConfig(tmp_path, tmp_path / "model.onnx", keywords=("hello",))
        )
    words = [clip.word for clip in found.material.recorded]
    assert {word: words.count(word) for word in words} == {
        "both": 1,
        "chair": 3,
        "hello": 3,
        "table": 3,
    }
    assert "table: the rule of the split would keep all of its speakers" in caplog.text
    assert f"kept from training, for testing: 1 clips of 1 speakers: {speaker}" in caplog.text
    assert "nothing but keywords" not in caplog.text
