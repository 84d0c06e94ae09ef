"""Which files in a folder are recordings."""

from pathlib import Path

import pytest

from kws.audio.folder import recordings_in

RECORDINGS = ("A.WAV", "b/c/deep.Flac", "b/x.mp3", "of a phone.m4a", "z.opus")
OTHERS = ("._A.WAV", ".trash/x.wav", "b/._x.mp3", "notes.txt", "b/cover.jpg", "wav", "b/c/raw.pcm")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in (*RECORDINGS, *OTHERS):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    (tmp_path / "folder.wav").mkdir()
    return tmp_path


def names(folder: Path, *patterns: str) -> list[str]:
    return [str(path.relative_to(folder)) for path in recordings_in(folder, patterns)]


def test_by_their_endings_in_any_case_but_no_hidden_ones(folder: Path) -> None:
    assert names(folder) == list(RECORDINGS)


def test_by_patterns(folder: Path) -> None:
    assert names(folder, "*.pcm") == ["b/c/raw.pcm"]
    assert names(folder, "*.mp3", "*.WAV") == ["A.WAV", "b/x.mp3"]
    assert names(folder, "c/*") == ["b/c/deep.Flac", "b/c/raw.pcm"]
    assert names(folder, "*.nothing") == []


def test_a_hidden_folder_that_is_named_is_looked_into(folder: Path) -> None:
    assert names(folder / ".trash") == ["x.wav"]
