"""`python -m train teacher`."""

import json
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import torch

from kws.errors import ConfigError
from kws.spotting.backends.onnx import OnnxVerifier
from kws.spotting.verifier_file import read_verifier
from tests.train.processes import run_here
from tests.train.recordings import tone
from train.__main__ import main
from train.teacher.examples import placed
from train.teacher.export import export_teacher
from train.teacher.network import in_batches
from train.teacher.targets import read_targets, targets_path
from train.teacher.teacher_file import read_teacher
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


def test_a_teacher_becomes_a_verifier(finished: Path, tmp_path: Path) -> None:
    output = tmp_path / "made" / "tones.onnx"
    assert main(["teacher", "export", "--teacher", str(finished), "--output", str(output)]) == 0
    teacher, file = read_teacher(finished), read_verifier(output)
    assert file.header.name == "tones"
    assert file.header.measured == teacher.history[-1]
    assert file.header.training["core_hours"] == round(teacher.core_s / 3600, 3)
    assert [each["name"] for each in file.header.training["steps"]] == ["head", "last block", "all"]
    assert "speech_commands/training: Apache-2.0" in file.header.sources
    sound = np.stack([placed(tone(hertz, 1), 0.3) for hertz in (300.0, 700.0, 2_000.0)])
    scores = OnnxVerifier(file).scores(sound)
    expected = in_batches(teacher.network, torch.from_numpy(sound)).softmax(1)[:, 1:].numpy()
    np.testing.assert_allclose(scores, expected, atol=0.05, rtol=0)
    assert scores.max() > 0.8
    with pytest.raises(ConfigError, match="would overwrite the teacher"):
        export_teacher(finished, finished)
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match=r"tones\.onnx: cannot be written"):
        export_teacher(finished, tmp_path / "file" / "tones.onnx")


@pytest.mark.skipif(find_spec(PACKAGE) is not None, reason=f"{PACKAGE} is installed")
def test_without_the_weights_the_error_names_what_to_install(listed: Path, tmp_path: Path) -> None:
    preset = tmp_path / "tones.yaml"
    preset.write_text(
        "keywords: [low, high]\nsteps: [{name: x, trained_blocks: 0, examples: 512, passes: 1}]"
    )
    arguments = ["--data", str(listed), "--output", str(tmp_path / "t"), "--preset", str(preset)]
    done = run_here("teacher", "fit", *arguments)
    assert done.returncode == 2
    assert ".[teacher]" in done.stderr
