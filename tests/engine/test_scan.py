"""Scanning recordings: any file, and every word in it, to its very edges."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr

import kws
from kws.audio.file import demo_recording
from kws.errors import AudioFileError
from kws.typing import Samples

RATE = 16_000
TRUTH = json.loads(demo_recording().with_suffix(".json").read_text())["words"]
DEMO, _ = soundfile.read(demo_recording(), dtype="float32")
PART_S = 16
PART = DEMO[: PART_S * RATE]
PART_WORDS = [each["word"] for each in TRUTH if each["end"] < PART_S]
MODEL = kws.load_model()


def words(path: Path) -> list[tuple[str, float]]:
    return [(each.keyword, each.t) for each in kws.scan(path, MODEL)]


def write(path: Path, samples: Samples, rate: int = RATE, **how: str) -> Path:
    soundfile.write(path, samples, rate, **how)
    return path


def test_every_word_of_the_demo_is_found_and_none_is_invented() -> None:
    found = words(demo_recording())
    assert [word for word, _ in found] == [each["word"] for each in TRUTH]
    for (_, t), truth in zip(found, TRUTH, strict=True):
        assert truth["start"] <= t <= truth["end"] + 1.0


def test_words_at_the_very_edges_count(tmp_path: Path) -> None:
    word = next(each for each in TRUTH if each["word"] == "yes")
    clip = DEMO[round(word["start"] * RATE) : round(word["end"] * RATE)]
    ((keyword, t),) = words(write(tmp_path / "edge.wav", clip))
    assert keyword == "yes"
    assert 0 <= t <= len(clip) / RATE + 1.0


def as_noise_of_many_channels(samples: Samples) -> Samples:
    return np.repeat(samples[:, None], 8, axis=1)


@pytest.mark.parametrize(
    ("name", "rate", "change", "how"),
    [
        ("24 bit.wav", RATE, None, {"subtype": "PCM_24"}),
        ("float.wav", RATE, None, {"subtype": "FLOAT"}),
        ("8 channels.wav", RATE, as_noise_of_many_channels, {}),
        ("44.1 kHz.flac", 44_100, None, {}),
        ("96 kHz.wav", 96_000, None, {"subtype": "PCM_24"}),
        ("48 kHz.ogg", 48_000, None, {}),
        ("A-law.wav", RATE, None, {"subtype": "ALAW"}),
    ],
)
def test_any_format_gives_the_same_detections(
    tmp_path: Path,
    name: str,
    rate: int,
    change: Callable[[Samples], Samples] | None,
    how: dict[str, str],
) -> None:
    samples = PART if rate == RATE else soxr.resample(PART, RATE, rate)
    samples = change(samples) if change else samples
    found = words(write(tmp_path / name, samples, rate, **how))
    assert [word for word, _ in found] == PART_WORDS


def test_a_low_rate_is_processed_with_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    low = soxr.resample(PART, RATE, 8_000)
    assert words(write(tmp_path / "low.wav", low, 8_000))
    assert "8000 Hz; words are harder to tell apart" in caplog.text


def test_samples_that_are_no_numbers_are_reported_and_the_rest_is_processed(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    broken = PART.copy()
    broken[:8_000:7] = np.nan
    found = words(write(tmp_path / "nan.wav", broken, subtype="FLOAT"))
    assert [word for word, _ in found] == PART_WORDS
    assert "were no numbers" in caplog.text


def test_a_recording_shorter_than_a_window_is_processed(tmp_path: Path) -> None:
    assert words(write(tmp_path / "short.wav", DEMO[:800])) == []


def test_a_truncated_recording_gives_its_detections_then_an_error(tmp_path: Path) -> None:
    whole = demo_recording().read_bytes()
    cut = tmp_path / "cut.wav"
    cut.write_bytes(whole[: len(whole) // 2])
    found: list[str] = []
    middle = len(DEMO) / RATE / 2
    with pytest.raises(AudioFileError, match=rf"cut\.wav: cut short after {middle:.1f} s"):
        found.extend(each.keyword for each in kws.scan(cut, MODEL))
    assert found == [each["word"] for each in TRUTH if each["end"] < middle - 0.1]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"this is text, whatever its name says", "not an audio file"),
        (demo_recording().read_bytes()[:30], "chunk 'fmt ' is longer than the file"),
        (demo_recording().read_bytes()[:44], "holds no audio|cut short"),
    ],
)
def test_what_is_no_audio_is_named(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "bad.wav"
    path.write_bytes(content)
    with pytest.raises(AudioFileError, match=message):
        words(path)


def test_a_missing_file_or_a_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(AudioFileError, match="no such file"):
        words(tmp_path / "missing.wav")
    with pytest.raises(AudioFileError, match="is a folder"):
        words(tmp_path)


def test_an_impossible_rate_is_named(tmp_path: Path) -> None:
    for rate in (1, 2_000_000_000):
        path = write(tmp_path / f"{rate}.wav", DEMO[:100], rate)
        with pytest.raises(AudioFileError, match=f"{rate} Hz; 1000 to 768000 Hz can be processed"):
            words(path)


def test_a_name_need_not_be_text(tmp_path: Path) -> None:
    name = os.fsdecode(bytes(tmp_path) + b"/caf\xe9.wav")
    Path(name).write_bytes(demo_recording().read_bytes())
    assert len(words(Path(name))) == len(TRUTH)
