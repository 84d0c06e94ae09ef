"""What a container of the image starts."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
ENTRYPOINT = REPOSITORY / "container" / "entrypoint.py"
IMAGE = "KWS_DEFAULT__AUDIO__SOURCE=auto"


def test_the_image_sets_source_auto() -> None:
    assert f" {IMAGE} " in (REPOSITORY / "Dockerfile").read_text()


@pytest.mark.parametrize(
    "arguments",
    [
        ["--set", "audio.source=demo"],
        ["--source=demo"],
        ["--config", "demo.yaml"],
    ],
)
def test_a_source_that_is_set_counts(tmp_path: Path, arguments: list[str]) -> None:
    (tmp_path / "demo.yaml").write_text("audio: {source: demo}")
    done = run(["run", *arguments, "--set", "model.path=nothing"], tmp_path)
    assert "audio.source" not in done.stderr
    assert done.returncode == 3  # the model's: nothing else is wrong


def test_a_variable_that_is_set_counts(tmp_path: Path) -> None:
    done = run(["run", "--set", "model.path=nothing"], tmp_path, KWS_AUDIO__SOURCE="demo")
    assert "audio.source" not in done.stderr
    assert done.returncode == 3


def test_the_command_runs_with_the_source_that_was_chosen(tmp_path: Path) -> None:
    done = run(["run"], tmp_path)
    assert "audio.source: -, because standard input is a pipe" in done.stderr
    assert "standard input ended before any sound came" in done.stderr
    assert done.returncode == 1


def test_other_commands_go_through(tmp_path: Path) -> None:
    for command in (["--version"], ["kws", "--version"]):
        done = run(command, tmp_path)
        assert done.returncode == 0
        assert done.stdout.startswith("kws ")
        assert done.stderr == ""


def run(arguments: list[str], folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """The entry point's command in the image's environment, with an empty pipe as its input."""
    name, value = IMAGE.split("=")
    return subprocess.run(
        [sys.executable, str(ENTRYPOINT), *arguments],
        env={
            **os.environ,
            "PYTHONPATH": str(REPOSITORY),
            "XDG_CONFIG_HOME": str(folder),
            "KWS_SERVER__PORT": "0",
            name: value,
            **variables,
        },
        cwd=folder,
        input="",
        capture_output=True,
        text=True,
        check=False,
    )
