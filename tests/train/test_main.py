"""What the command line says and ends with; what the commands do is tested where they are made."""

import errno
import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from kws.spotting.load import load_model
from kws.spotting.networks.small_cnn import SmallCNN
from tests.support.outputs import FailingOutput
from train.__main__ import main


@pytest.mark.parametrize(
    "command",
    ["download", "synthesize", "fit", "export", "evaluate", "stream", "report", "teacher"],
)
def test_every_command_explains_itself(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main([command, "--help"])
    assert end.value.code == 0
    assert command in capsys.readouterr().out


def test_old_weights_become_a_model_file(tmp_path: Path) -> None:
    weights, output = tmp_path / "model_state_dict.pt", tmp_path / "old.onnx"
    torch.save(SmallCNN(2).state_dict(), weights)
    assert main(["export", str(weights), str(output), "--classes", "left, right"]) == 0
    assert load_model(output).classes == ("left", "right")
    assert main(["export", str(weights), str(output), "--classes", "left"]) == 2


def test_clips_are_measured_right_in_a_folder_too(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    weights, output = tmp_path / "weights.pt", tmp_path / "old.onnx"
    torch.save(SmallCNN(2).state_dict(), weights)
    assert main(["export", str(weights), str(output), "--classes", "low,high"]) == 0
    for folder in (data, data / "speech_commands"):
        assert main(["evaluate", "--data", str(folder), "--model", str(output)]) == 0
        assert json.loads(capsys.readouterr().out)["keywords"] == 4


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["stream", "--data", "nowhere"], 2),
        (["report", "--data", "nowhere", "--output", "report"], 2),
        (["evaluate", "--data", "nowhere"], 2),
        (["fit", "--data", "nowhere", "--output", "m.onnx", "--preset", "quick"], 2),
        (["download", "nowhere", "--url", "nonsense"], 2),
        (["synthesize", "words", "--dictionary", "nowhere"], 2),
        (["synthesize", "words", "--attempts", "5"], 2),
        (["synthesize", "words", "--noise-hours", "1", "--use", "calibration"], 2),
        (["synthesize", "words", "--speech-hours", "1", "--use", "evaluation"], 2),
        (["synthesize", "words", "--speech-hours", "1", "--voices", "nowhere"], 2),
        (["teacher", "fit", "--data", "nowhere", "--output", "t"], 2),
        (["teacher", "fit", "--data", "nowhere", "--output", "t", "--preset", "nothing"], 2),
        (["teacher", "measure", "--data", "nowhere", "--teacher", "nothing"], 3),
        (["teacher", "targets", "--data", "x", "--teacher", "nothing", "--output", "y"], 3),
    ],
)
def test_impossible_options_end_with_an_exit_code(
    arguments: list[str],
    code: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("train.data.synthesize.voices", list)
    assert main(arguments) == code


@pytest.mark.parametrize("arguments", [("--help",), ("fit", "--data", "x", "--output", "y")])
def test_without_torch_the_error_names_what_to_install(arguments: tuple[str, ...]) -> None:
    code = (
        "import runpy, sys; sys.modules['torch'] = None; "
        "runpy.run_module('train', run_name='__main__', alter_sys=True)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False
    )
    (line,) = done.stderr.splitlines()
    assert "torch is not installed: pip install '.[train]'" in line
    assert (done.returncode, done.stdout) == (2, "")


def test_without_another_library_the_error_names_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("train.__main__.set_up_logging", lambda *_: None)
    monkeypatch.setitem(sys.modules, "pooch", None)
    assert main(["download", str(tmp_path)]) == 2
    assert "pooch is not installed: pip install '.[train]'" in caplog.text


def test_a_help_that_cannot_be_written_is_an_error(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("train.__main__.set_up_logging", lambda *_: None)
    monkeypatch.setattr("kws.printing.os.dup2", lambda *_: None)
    full = FailingOutput(OSError(errno.ENOSPC, "No space left on device"))
    monkeypatch.setattr("sys.stdout", full)
    assert main(["--help"]) == 1
    assert "standard output: No space left on device" in caplog.text


def test_processes_are_counted_from_0(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["stream", "--data", "nowhere", "--workers", "-1"])
    assert "--workers" in capsys.readouterr().err
