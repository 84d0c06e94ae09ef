"""What bad input gets: a message that says what and why, the right exit code, no traceback."""

import os
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr
import torch

from kws.spotting.onnx_format import IR_VERSION, OPSET, Graph, Model, Opset, Value, node
from tests.support.process import DaemonProcess, json_lines, run_kws
from tests.support.speech import CLEAREST, DEMO, RATE, Samples, spoken
from tests.support.talker import Talker

RECORDING, CONFIGURATION, MODEL, SERVER = 1, 2, 3, 5
"""Exit codes."""


def assert_told(done: subprocess.CompletedProcess[str], code: int, *parts: str) -> None:
    """It ended with this code and a message with these parts, and nothing else."""
    assert done.returncode == code, done.stderr
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    assert len(done.stderr.splitlines()) == 1, done.stderr
    for part in parts:
        assert part in done.stderr


@pytest.fixture(scope="module")
def speech() -> Samples:
    """Three keywords."""
    return np.concatenate([spoken(keyword) for keyword in CLEAREST])


def at_rate(samples: Samples, rate: int) -> Samples:
    """The same sound at another rate."""
    return np.asarray(soxr.resample(samples, RATE, rate), np.float32)


@pytest.fixture(scope="module")
def unusual(speech: Samples, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Recordings of the same three keywords that can be processed, each in its own way."""
    folder = tmp_path_factory.mktemp("unusual")
    speckled = speech.copy()
    speckled[::1_000] = np.nan
    speckled[5::20_000] = np.inf
    writings: dict[str, tuple[Samples, int, str]] = {
        "8kHz.wav": (at_rate(speech, 8_000), 8_000, "PCM_16"),
        "96kHz.wav": (at_rate(speech, 96_000), 96_000, "PCM_16"),
        "24bit.wav": (speech, RATE, "PCM_24"),
        "8bit.wav": (speech, RATE, "PCM_U8"),
        "not-a-number.wav": (speckled, RATE, "FLOAT"),
        "8channels.wav": (np.repeat(speech[:, None], 8, axis=1), RATE, "PCM_16"),
        "compressed.flac": (speech, RATE, "PCM_16"),
        "words with spaces, ä.ogg": (speech, RATE, "VORBIS"),
    }
    for name, (samples, rate, subtype) in writings.items():
        soundfile.write(folder / name, samples, rate, subtype)
    return [folder / name for name in writings]


def test_unusual_recordings_are_processed(unusual: list[Path]) -> None:
    scan = run_kws("scan", *map(str, unusual))
    assert scan.returncode == 0, scan.stderr
    detected = json_lines(scan.stdout)
    for path in unusual:
        words = [event["keyword"] for event in detected if event["file"] == str(path)]
        assert words == list(CLEAREST), path.name
    warned = scan.stderr.splitlines()
    assert len(warned) == 2, scan.stderr
    assert "8kHz.wav: 8000 Hz" in warned[0]
    assert "not-a-number.wav" in warned[1]
    assert "were no numbers" in warned[1]


def test_the_daemon_processes_samples_that_are_no_numbers(
    start: Callable[..., DaemonProcess], speech: Samples
) -> None:
    speech = speech.copy()
    speech[::1_000] = np.nan
    daemon = start("--source", "-", "--set", "audio.stdin_format=f32le", stdin=subprocess.PIPE)
    daemon.write(speech.astype("<f4").tobytes())
    daemon.end_input()
    assert daemon.finish() == 0
    assert [event["keyword"] for event in daemon.all_events()] == list(CLEAREST)
    assert "were no numbers" in daemon.messages()


@pytest.fixture(scope="module")
def bad(speech: Samples, tmp_path_factory: pytest.TempPathFactory) -> dict[Path, str]:
    """What is no sound recording, and what has to be said about it."""
    folder = tmp_path_factory.mktemp("bad")
    good = folder / "good.flac"
    soundfile.write(good, speech, RATE)
    flac = good.read_bytes()
    (folder / "directory.wav").mkdir()
    (folder / "empty.wav").write_bytes(b"")
    (folder / "text.wav").write_text("This is not a recording.\n" * 20)
    (folder / "header.wav").write_bytes(DEMO.read_bytes()[:20])
    (folder / "silent.wav").write_bytes(DEMO.read_bytes()[:44])
    middle = len(flac) // 2
    noise = np.random.default_rng(5).bytes(2_000)
    (folder / "corrupt.flac").write_bytes(flac[:middle] + noise + flac[middle + len(noise) :])
    (folder / "short.flac").write_bytes(flac[:middle])
    return {
        folder / "missing.wav": "no such file",
        folder / "directory.wav": "folder",
        folder / "empty.wav": "is empty",
        folder / "text.wav": "not an audio file",
        folder / "header.wav": "",
        folder / "silent.wav": "",
        folder / "corrupt.flac": "damaged",
        folder / "short.flac": "",
    }


def test_bad_recordings_do_not_stop_the_others(
    bad: dict[Path, str], speech: Samples, tmp_path: Path
) -> None:
    first, last = tmp_path / "first.wav", tmp_path / "last.wav"
    for path in (first, last):
        soundfile.write(path, speech, RATE)
    scan = run_kws("scan", str(first), *map(str, bad), str(last))
    assert scan.returncode == RECORDING
    assert "Traceback" not in scan.stderr
    detected = json_lines(scan.stdout)
    for path in (first, last):
        words = [event["keyword"] for event in detected if event["file"] == str(path)]
        assert words == list(CLEAREST)
    said = scan.stderr.splitlines()
    for path, reason in bad.items():
        [line] = [line for line in said if str(path) in line]
        assert reason in line
    assert len(said) == len(bad), scan.stderr


def test_a_wav_file_that_was_cut_short(speech: Samples, tmp_path: Path) -> None:
    path = tmp_path / "short.wav"
    soundfile.write(path, speech, RATE)
    path.write_bytes(path.read_bytes()[: -len(spoken("down")) * 2])
    scan = run_kws("scan", str(path))
    # What there is, is processed; and it is said that this is not all.
    assert [event["keyword"] for event in json_lines(scan.stdout)] == ["yes", "no"]
    assert scan.returncode == RECORDING
    assert "cut short" in scan.stderr


@pytest.mark.parametrize("name", ["missing.wav", "directory.wav", "empty.wav", "text.wav"])
def test_the_daemon_refuses_what_is_no_audio(bad: dict[Path, str], name: str) -> None:
    [(path, reason)] = [(path, reason) for path, reason in bad.items() if path.name == name]
    done = run_kws("run", "--source", str(path), "--set", "server.port=0")
    assert_told(done, RECORDING, str(path), reason)


def test_a_damaged_recording_ends_the_daemon_after_what_could_be_read(
    bad: dict[Path, str], start: Callable[..., DaemonProcess]
) -> None:
    [path] = [path for path in bad if path.name == "corrupt.flac"]
    daemon = start("--source", str(path))
    assert daemon.finish() == RECORDING
    assert [event["keyword"] for event in daemon.all_events()][:1] == ["yes"]
    assert "damaged" in daemon.messages()


def test_a_port_that_is_taken() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        done = run_kws("run", "--source", str(DEMO), "--set", f"server.port={port}")
    assert_told(done, SERVER, str(port), "server.port")


class Hostile:
    """Would make a file, if anybody unpickled it."""

    def __init__(self, marker: Path) -> None:
        self._marker = marker

    def __reduce__(self) -> tuple[Callable[[str], object], tuple[str]]:
        return os.mkdir, (str(self._marker),)


def write_model(kind: str, path: Path, marker: Path) -> None:
    """A file that is no model of kws."""
    match kind:
        case "text":
            path.write_text("yes, no, up, down\n")
        case "network of another program":
            value = Value.of("x", 4)
            graph = Graph((node("Relu", ("x",), "y"),), "other", (), (value,), (Value.of("y", 4),))
            path.write_bytes(Model(IR_VERSION, "other", graph, (Opset(version=OPSET),)).encode())
        case "hostile checkpoint":
            torch.save({"format": "kws-model", "version": 1, "header": Hostile(marker)}, path)


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("missing", "not found"),
        ("text", "not a model file"),
        ("network of another program", "another program"),
        ("hostile checkpoint", "refused"),
    ],
)
def test_a_model_file_that_is_none(tmp_path: Path, kind: str, reason: str) -> None:
    path, marker = tmp_path / "model.pt", tmp_path / "executed"
    write_model(kind, path, marker)
    done = run_kws("check", "--set", f"model.path={path}")
    assert_told(done, MODEL, str(path), reason)
    assert not marker.exists()


def test_the_daemon_and_scan_refuse_a_model_as_well(tmp_path: Path) -> None:
    path, marker = tmp_path / "model.pt", tmp_path / "executed"
    write_model("hostile checkpoint", path, marker)
    for arguments in (
        ("run", "--source", str(DEMO), "--set", f"model.path={path}"),
        ("scan", "--model", str(path), str(DEMO)),
    ):
        assert_told(run_kws(*arguments), MODEL, str(path), "refused")
    assert not marker.exists()


def test_a_wav_stream_that_ends_in_its_header() -> None:
    with Talker(first=DEMO.read_bytes()[:20]) as daemon:
        daemon.end_input()
        assert daemon.finish() == RECORDING
        assert "standard input" in daemon.messages()
