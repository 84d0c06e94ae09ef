"""Where a container takes its sound from."""

import argparse
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from container.entrypoint import DEVICE, SOURCE, choose, is_said, run_options
from kws.config.load import load_config

ENTRYPOINT = Path(__file__).parents[2] / "container" / "entrypoint.py"


def chosen(
    tmp_path: Path, *, server: str = "", piped: bool = False, cards: tuple[str, ...] = ()
) -> tuple[str, str]:
    """The source and the device of `kws run`."""
    sound_cards = tmp_path / "snd"
    sound_cards.mkdir()
    for card in cards:
        (sound_cards / card).touch()
    choice = choose({"PULSE_SERVER": server}, piped=piped, sound_cards=sound_cards)
    audio = load_config(environment=choice.variables).audio
    return audio.source, audio.device


@pytest.fixture
def pulse(tmp_path: Path) -> str:
    path = tmp_path / "native"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
    return f"unix:{path}"


def test_sound_comes_over_the_network_where_there_is_nothing_else(tmp_path: Path) -> None:
    absent = f"unix:{tmp_path / 'native'}"
    only_speakers = ("controlC0", "pcmC0D0p", "timer")
    assert chosen(tmp_path, server=absent, cards=only_speakers) == ("network", "")


def test_a_microphone_in_the_container_is_taken(tmp_path: Path) -> None:
    assert chosen(tmp_path, cards=("pcmC0D0p", "pcmC1D0c")) == ("microphone", "")


def test_an_audio_server_comes_before_the_device_that_it_holds(tmp_path: Path, pulse: str) -> None:
    assert chosen(tmp_path, server=pulse, cards=("pcmC1D0c",)) == ("microphone", "pulse")


def test_who_pipes_sound_in_wants_it_heard(tmp_path: Path, pulse: str) -> None:
    assert chosen(tmp_path, server=pulse, piped=True) == ("-", "")


def test_the_command_line_wins() -> None:
    for words in (
        "--source demo",
        "--source=demo",
        "--device usb",
        "--set audio.source=demo",
        "--set log.level=debug --set audio.device=usb",
        "--demo-if-no-microphone",
    ):
        assert is_said(run_options(words.split()), {}), words
    assert not is_said(run_options(["--set", "log.level=debug", "--log-level", "info"]), {})


def test_the_environment_wins() -> None:
    for name in (SOURCE, DEVICE):
        assert is_said(run_options([]), {name: "x"})


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("audio: {source: microphone}", True),
        ("audio: {device: usb}", True),
        ("audio: {lost_after_s: 5}", False),
        ("audio:", False),
        ("", False),
        ("server: {port: 9000}", False),
        ("- no sections", False),
        ("audio: {", False),  # `kws run` says what is wrong with it
    ],
)
def test_the_configuration_wins(tmp_path: Path, text: str, *, said: bool) -> None:
    folder = tmp_path / "kws"
    folder.mkdir()
    file = folder / "config.yaml"
    file.write_text(text)
    found: argparse.Namespace = run_options([])
    assert is_said(found, {"XDG_CONFIG_HOME": str(tmp_path)}) is said
    assert is_said(run_options(["--config", str(file)]), {}) is said


def test_the_command_runs_with_the_source_that_was_chosen() -> None:
    done = run(["run", "--set", "model.path=nothing"], stdin=subprocess.PIPE)
    assert "audio.source: -, because standard input is a pipe" in done.stderr
    assert done.returncode == 3  # the model's: nothing else is wrong


def test_other_commands_go_through() -> None:
    for command in (["--version"], ["kws", "--version"]):
        done = run(command, stdin=subprocess.DEVNULL)
        assert done.returncode == 0
        assert done.stdout.startswith("kws ")
        assert done.stderr == ""


def run(arguments: list[str], *, stdin: int) -> subprocess.CompletedProcess[str]:
    repository = ENTRYPOINT.parent.parent
    return subprocess.run(
        [sys.executable, str(ENTRYPOINT), *arguments],
        env={**os.environ, "PYTHONPATH": str(repository)},
        input="" if stdin == subprocess.PIPE else None,
        stdin=None if stdin == subprocess.PIPE else stdin,
        capture_output=True,
        text=True,
        check=False,
    )
