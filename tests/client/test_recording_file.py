"""The file of a recording: begun, gone on with, and nothing else is touched."""

import os
from pathlib import Path

import pytest

from kws.client.recording_file import RecordingFile
from kws.errors import ConfigError
from kws.tuning.recording import read
from kws.tuning.records import Peak, Processed
from tests.tuning.recordings import begin, lines

FIRST = begin({"yes": 0.5})


def test_a_recording_is_begun_and_gone_on_with(tmp_path: Path) -> None:
    path = tmp_path / "room.jsonl"
    with RecordingFile(path) as file:
        assert file.seconds == 0
        file.append(FIRST)
        file.append(Processed(60.0))
    with RecordingFile(path) as file:
        assert file.seconds == 60
        file.append(FIRST)
        file.append(Processed(30.0))
        assert file.seconds == 90
    assert path.read_bytes() == lines(FIRST, Processed(60.0), FIRST, Processed(30.0)).getvalue()


def test_what_follows_a_torn_line_has_a_line_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "room.jsonl"
    whole = lines(FIRST, Processed(60.0), Peak("yes", 3.0, 0.5)).getvalue()
    path.write_bytes(whole[:-9])
    with RecordingFile(path) as file:
        file.append(FIRST)
        file.append(Processed(30.0))
    assert path.read_bytes().startswith(whole[:-9] + b"\n")
    with path.open("rb") as content:
        found = read(content)
    assert (found.seconds, found.unreadable) == (90.0, 1)


def test_another_file_is_not_touched(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text("keywords: {}")
    with pytest.raises(ConfigError, match=r"config\.yaml: is no recording of kws tune; name anoth"):
        RecordingFile(path)
    assert path.read_text() == "keywords: {}"


def test_only_one_records_to_a_file(tmp_path: Path) -> None:
    path = tmp_path / "room.jsonl"
    with RecordingFile(path), pytest.raises(ConfigError, match="another kws tune is recording to"):
        RecordingFile(path)
    with RecordingFile(path):
        pass


def test_what_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"--record .*missing/room: cannot be written: No such"):
        RecordingFile(tmp_path / "missing" / "room")
    with pytest.raises(ConfigError, match="is no regular file"):
        RecordingFile(tmp_path)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ConfigError, match="is no regular file"):
        RecordingFile(tmp_path / "pipe")
