"""Checkpoints and models are whole or not there."""

import errno
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from kws.errors import ConfigError
from kws.spotting.load import load_model
from tests.spotting.models import untrained_model
from tests.train.processes import names_in
from train.fitting.checkpoint import differences, read_checkpoint, write_checkpoint, write_model

WEIGHTS = torch.arange(20_000.0)
STATE = {"settings": {"epochs": 3}, "weights": WEIGHTS}
WRITERS: dict[str, Callable[[Path], None]] = {
    "checkpoint": lambda path: write_checkpoint(STATE, path),
    "model": lambda path: write_model(untrained_model(engine="torch"), path),
}


def test_what_is_written_is_read(tmp_path: Path) -> None:
    path = tmp_path / "m.onnx.checkpoint"
    write_checkpoint({"settings": {}}, path)
    write_checkpoint(STATE, path)
    state = read_checkpoint(path)
    assert state["settings"] == {"epochs": 3}
    assert torch.equal(state["weights"], WEIGHTS)
    write_model(untrained_model(engine="torch"), tmp_path / "m.onnx")
    assert load_model(tmp_path / "m.onnx").classes
    assert names_in(tmp_path) == ["m.onnx", "m.onnx.checkpoint"]


@pytest.mark.parametrize("at", [0.01, 0.3, 0.6, 0.99])
def test_damage_anywhere_is_noticed(tmp_path: Path, at: float) -> None:
    path = tmp_path / "m.onnx.checkpoint"
    write_checkpoint(STATE, path)
    content = bytearray(path.read_bytes())
    place = int(at * len(content))
    path.write_bytes(content[:place])
    with pytest.raises(ConfigError, match=r"m\.onnx\.checkpoint: is damaged, or no checkpoint"):
        read_checkpoint(path)


def test_a_single_wrong_bit_in_the_weights_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "m.onnx.checkpoint"
    write_checkpoint(STATE, path)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(ConfigError, match="is damaged, or no checkpoint; start over with"):
        read_checkpoint(path)


@pytest.mark.parametrize("other", [{"format": "else"}, [1], "model"])
def test_another_file_is_no_checkpoint(tmp_path: Path, other: Any) -> None:
    path = tmp_path / "m.onnx.checkpoint"
    if other == "model":
        write_model(untrained_model(engine="torch"), path)
    else:
        torch.save(other, path)
    with pytest.raises(ConfigError, match="is damaged, or no checkpoint"):
        read_checkpoint(path)
    write_checkpoint({"version": 99}, path)
    with pytest.raises(ConfigError, match="of another version of kws; start over"):
        read_checkpoint(path)


@pytest.mark.parametrize("kind", WRITERS)
def test_a_full_disk_is_named_and_leaves_what_was_there(
    tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"before")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, limits[1]))
    try:
        with pytest.raises(ConfigError, match=r"file: cannot be written: .*--resume"):
            WRITERS[kind](path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert path.read_bytes() == b"before"
    assert names_in(tmp_path) == ["file"]

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ConfigError, match=r"file: cannot be written: No space left on device"):
        WRITERS[kind](path)
    assert path.read_bytes() == b"before"
    assert names_in(tmp_path) == ["file"]


@pytest.mark.parametrize("kind", WRITERS)
def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path, kind: str) -> None:
    with pytest.raises(ConfigError, match=r"missing/file: cannot be written: "):
        WRITERS[kind](tmp_path / "missing" / "file")


KILLED = """
import os, signal, sys
from pathlib import Path
import torch
from train.fitting.checkpoint import write_checkpoint
real = os.fsync
def fsync(descriptor):
    if sys.argv[2] == "before":
        os.kill(os.getpid(), signal.SIGKILL)
    real(descriptor)
    os.kill(os.getpid(), signal.SIGKILL)
os.fsync = fsync
write_checkpoint({"second": torch.zeros(20_000)}, Path(sys.argv[1]))
"""


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_kill_while_writing_leaves_the_last_one(tmp_path: Path, when: str) -> None:
    path = tmp_path / "file"
    write_checkpoint({"first": 1}, path)
    done = subprocess.run([sys.executable, "-c", KILLED, str(path), when], check=False)
    assert done.returncode == -signal.SIGKILL
    assert read_checkpoint(path)["first"] == 1
    write_checkpoint({"first": 2}, path)
    assert names_in(tmp_path) == ["file"]


def test_differences_are_named_where_they_are() -> None:
    saved = {"seed": 1, "keywords": ["a", "b"], "mixture": {"noise": 0.1, "words": 0.2}}
    now = {"seed": 1, "keywords": ["a"], "mixture": {"noise": 0.1, "words": 0.3}, "new": 4}
    assert list(differences(saved, now)) == [
        "keywords was a, b and is a",
        "mixture.words was 0.2 and is 0.3",
        "new was None and is 4",
    ]
    assert not list(differences(saved, saved))
