"""Trainings as processes, and as commands in this one."""

import io
import logging
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from pathlib import Path

import pytest

from tests.support.limits import limit
from tests.support.process import Lines
from train.__main__ import main

TIMEOUT = 120.0
TRAIN = (sys.executable, "-m", "train")


def torchrun(processes: int) -> tuple[str, ...]:
    """The command that starts so many processes of a training."""
    return (
        *(sys.executable, "-m", "torch.distributed.run", "--standalone"),
        *("--nproc-per-node", str(processes), "-m", "train"),
    )


def fit_arguments(data: Path, output: Path, *more: str) -> tuple[str, ...]:
    """A training of a few seconds, whose figures do not depend on how many processes do it."""
    return (
        *("fit", "--data", str(data), "--output", str(output), "--keywords", "low,high"),
        *("--set", "windows=128", "--set", "batch=32", "--set", "hard_after=1", "--epochs", "2"),
        *("--set", "dropout=0", "--set", "augmentation.mask_frames=0"),
        *("--set", "augmentation.mask_bands=0", "--set", "checkpoint_s=0.5", "--workers", "0"),
        *more,
    )


def run(command: Sequence[str]) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    return subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=limit(TIMEOUT),
        env=_environment(),
        check=False,
    )


def run_here(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command of the trainer in this process, which has imported torch already."""
    output, log = io.StringIO(), io.StringIO()
    handler, root = logging.StreamHandler(log), logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    try:
        with pytest.MonkeyPatch.context() as patch, redirect_stdout(output):
            patch.setattr("train.__main__.set_up_logging", lambda *_: None)
            code = main(arguments)
    finally:
        root.removeHandler(handler)
        root.setLevel(level)
    return subprocess.CompletedProcess(arguments, code, output.getvalue(), log.getvalue())


@contextmanager
def killed_at(command: Sequence[str], line: str, times: int = 1) -> Iterator[list[str]]:
    """Run a command until it logs a line (for the nth time), kill it and all that it started, and
    give its log."""
    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env=_environment(),
        start_new_session=True,
    )
    assert process.stderr is not None
    lines = Lines(process.stderr)
    try:
        lines.wait_for(lambda all_: sum(line in each for each in all_) >= times, TIMEOUT)
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(limit(TIMEOUT))
    yield lines.finish()


def _environment() -> dict[str, str]:
    return {**os.environ, "OMP_NUM_THREADS": "1"}


def names_in(folder: Path) -> list[str]:
    """Names of the files in a folder, in order."""
    return sorted(each.name for each in folder.iterdir())
