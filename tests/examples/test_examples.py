"""The examples, at a real daemon."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.client import HOST, get_json
from tests.support.limits import TIMEOUT, limit, wait_until
from tests.support.process import clean_environment
from tests.support.talker import Talker

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture
def talker() -> Iterator[Talker]:
    """A daemon of a test's own."""
    with Talker() as talker:
        yield talker


def begin(name: str, daemon: Talker, *arguments: str, **variables: str) -> "subprocess.Popen[str]":
    """Start an example, and wait until it listens."""
    here = {"KWS_URL": f"ws://{HOST}:{daemon.port}", "PYTHONPATH": str(EXAMPLES.parent)}
    process = subprocess.Popen(
        [sys.executable, str(EXAMPLES / name), *arguments],
        env=clean_environment({**here, **variables}),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    wait_until(lambda: get_json(daemon.port, "/health")["subscribers"] == 1, "it listens")
    return process


def end(process: "subprocess.Popen[str]") -> None:
    process.kill()
    process.communicate(timeout=limit(TIMEOUT))


def test_slides(talker: Talker, tmp_path: Path) -> None:
    pressed = tmp_path / "pressed"
    xdotool = tmp_path / "xdotool"
    xdotool.write_text(f'#!/bin/sh\necho "$@" >> {pressed}\n')
    xdotool.chmod(0o755)
    process = begin("slides.py", talker, PATH=f"{tmp_path}:{os.environ['PATH']}")
    try:
        talker.say("yes", "down", "no", "down")
        wait_until(lambda: pressed.exists() and pressed.read_text().count("\n") == 2, "two keys")
        assert pressed.read_text() == "key Next\nkey Next\n"
    finally:
        end(process)


def test_a_robots_program_ends_at_the_word(talker: Talker) -> None:
    process = begin("robot_stop.py", talker, "sleep", "3600", KWS_STOP="no")
    try:
        talker.say("yes")
        assert process.poll() is None
        talker.say("no")
        _, errors = process.communicate(timeout=limit(TIMEOUT))
        assert errors == "somebody has said 'no'\n"
        assert process.returncode != 0
    finally:
        end(process)
