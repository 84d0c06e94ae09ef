"""`python -m train teacher`."""

import json
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.train.processes import TRAIN, run
from train.__main__ import main
from train.teacher.targets import read_targets, targets_path
from train.teacher.whisper import PACKAGE


def test_figures_are_printed_with_those_of_the_training(
    listed: Path, finished: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["teacher", "measure", "--data", str(listed), "--teacher", str(finished)]) == 0
    *history, now = map(json.loads, capsys.readouterr().out.splitlines())
    assert [line["step"] for line in history] == ["head"] * 4 + ["last block"] * 2 + ["all"]
    last = {name: share for name, share in history[-1].items() if name in now["now"]}
    # The file holds the same weights as the network that was measured.
    assert {name: share and round(share, 4) for name, share in now["now"].items()} == last


def test_a_checkpoint_gives_targets_too(listed: Path, finished: Path, tmp_path: Path) -> None:
    checkpoint = finished.with_name(f"{finished.name}.checkpoint")
    arguments = ["--data", str(listed), "--teacher", str(checkpoint), "--output", str(tmp_path)]
    assert main(["teacher", "targets", *arguments]) == 0
    targets = read_targets(targets_path(tmp_path, "speech_commands/training/high"))
    assert targets.keywords == ("low", "high")
    assert (targets.logits.argmax(1) == 2).mean() > 0.8


@pytest.mark.skipif(find_spec(PACKAGE) is not None, reason=f"{PACKAGE} is installed")
def test_without_the_weights_the_error_names_what_to_install(listed: Path, tmp_path: Path) -> None:
    preset = tmp_path / "tones.yaml"
    preset.write_text(
        "keywords: [low, high]\nsteps: [{name: x, trained_blocks: 0, examples: 512, passes: 1}]"
    )
    arguments = ["--data", str(listed), "--output", str(tmp_path / "t"), "--preset", str(preset)]
    done = run((*TRAIN, "teacher", "fit", *arguments))
    assert done.returncode == 2
    assert ".[teacher]" in done.stderr
