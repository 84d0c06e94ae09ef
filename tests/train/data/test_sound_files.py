"""What is wrong with a sound file is found without reading its sound, and named."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from kws.errors import AudioFileError
from tests.train.recordings import RATE
from train.data.sound_files import sound_length


@pytest.fixture
def whole(tmp_path: Path) -> Path:
    path = tmp_path / "a.wav"
    soundfile.write(path, np.zeros(8_001), RATE)
    return path


@pytest.mark.parametrize(("suffix", "subtype"), [("wav", "PCM_16"), ("wav", "PCM_24")])
def test_a_whole_file_has_a_length(tmp_path: Path, suffix: str, subtype: str) -> None:
    path = tmp_path / f"a.{suffix}"
    soundfile.write(path, np.zeros((8_001, 2)), RATE, subtype=subtype)
    assert sound_length(path, RATE) == 8_001


def test_chunks_beside_the_sound_do_not_matter(whole: Path) -> None:
    content = whole.read_bytes()
    riff, rest = content[:12], content[12:]
    whole.write_bytes(riff + b"LIST\x03\0\0\0abc\0" + rest + b"junk\xff\0\0\0")
    assert sound_length(whole, RATE) == 8_001


def test_what_was_written_into_a_pipe_does_not_know_its_length(whole: Path) -> None:
    content = bytearray(whole.read_bytes())
    at = content.index(b"data") + 4
    content[at : at + 4] = b"\xff\xff\xff\xff"
    whole.write_bytes(content)
    assert sound_length(whole, RATE) == 8_001


def test_every_cut_is_noticed(whole: Path) -> None:
    content = whole.read_bytes()
    for size in (len(content) - 1, 3_000, 44, 20, 3):
        whole.write_bytes(content[:size])
        with pytest.raises(AudioFileError, match=r"a\.wav: (is cut|begins|holds|not an audio)"):
            sound_length(whole, RATE)


def test_what_else_is_wrong_is_named(whole: Path) -> None:
    assert sound_length(whole, 8_000) == 4_000
    soundfile.write(whole, np.zeros(400), RATE)
    with pytest.raises(AudioFileError, match=r"a\.wav: is too short: 400 samples"):
        sound_length(whole, RATE)
    for content in (b"", b"some text", b"RIFF"):
        whole.write_bytes(content)
        with pytest.raises(AudioFileError, match=r"a\.wav: (begins|not an audio|the file is)"):
            sound_length(whole, RATE)
    whole.unlink()
    with pytest.raises(AudioFileError, match=r"a\.wav: no such file"):
        sound_length(whole, RATE)
    whole.mkdir()
    with pytest.raises(AudioFileError, match=r"a\.wav: is a folder"):
        sound_length(whole, RATE)
