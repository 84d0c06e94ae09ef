"""Trainings from outside: killed, on a full disk, interrupted, and by several processes."""

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from kws.spotting.load import load_model
from tests.train.processes import TRAIN, fit_arguments, killed_at, names_in, run, run_here, torchrun
from train.network import network_of

INTERRUPTED = 130


def weights(path: Path) -> dict[str, torch.Tensor]:
    return network_of(load_model(path, "torch")).state_dict()


@pytest.fixture(scope="module")
def whole(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What an undisturbed training makes."""
    output = tmp_path_factory.mktemp("whole") / "model.onnx"
    done = run_here(*fit_arguments(data, output))
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["keywords"] == 4
    assert len([line for line in done.stderr.splitlines() if line.startswith("epoch ")]) == 2
    return output


def test_a_killed_training_continues_to_the_same_result(
    data: Path, whole: Path, tmp_path: Path
) -> None:
    output = tmp_path / "model.onnx"
    # All of its processes are killed, as when a machine goes down.
    with killed_at([*TRAIN, *fit_arguments(data, output, "--workers", "1")], "epoch 1/2"):
        assert not output.exists()
    done = run_here(*fit_arguments(data, output, "--resume"))
    assert done.returncode == 0, done.stderr
    expected = weights(whole)
    for name, value in weights(output).items():
        assert torch.equal(value, expected[name]), name
    assert names_in(tmp_path) == ["model.onnx", "model.onnx.checkpoint"]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk that holds the first checkpoint, without an optimiser's memory, and not the next."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ("mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", str(folder))
    try:
        subprocess.run(mount, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("no right to mount a small disk here")
    yield folder
    subprocess.run(("umount", str(folder)), check=True)


def test_a_full_disk_is_reported_and_loses_nothing(
    data: Path, whole: Path, small_disk: Path
) -> None:
    output = small_disk / "model.onnx"
    done = run_here(*fit_arguments(data, output))
    assert done.returncode == 2
    assert (
        "model.onnx.checkpoint: cannot be written: No space left on device; make that possible"
        in (done.stderr.splitlines()[-1])
    )
    assert "Traceback" not in done.stderr
    assert names_in(small_disk) == ["model.onnx.checkpoint"]
    subprocess.run(("mount", "-o", "remount,size=64m", str(small_disk)), check=True)
    done = run_here(*fit_arguments(data, output, "--resume"))
    assert done.returncode == 0, done.stderr
    expected = weights(whole)
    assert all(torch.equal(value, expected[name]) for name, value in weights(output).items())


def test_an_interrupted_training_says_how_to_continue(data: Path, tmp_path: Path) -> None:
    command = [
        *TRAIN,
        *fit_arguments(data, tmp_path / "model.onnx", "--epochs", "1000", "--workers", "1"),
    ]
    with subprocess.Popen(
        command, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if "epoch 1/1000" in line:
                # As a terminal does: its workers get it too.
                os.killpg(process.pid, signal.SIGINT)
                break
        rest = process.stderr.read()
    assert process.returncode == INTERRUPTED
    assert rest.splitlines()[-1].endswith(
        "interrupted; --resume continues from the last checkpoint"
    )
    assert "Traceback" not in rest


def test_an_error_of_one_of_several_processes_is_reported_once(data: Path, tmp_path: Path) -> None:
    arguments = fit_arguments(data, tmp_path / "model.onnx", "--keywords", "low,maybe")
    done = run([*torchrun(2), *arguments])
    assert done.returncode != 0
    assert done.stderr.count("no training recordings of maybe") == 1
    assert not list(tmp_path.iterdir())
