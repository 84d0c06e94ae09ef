"""A training in stages: killed in any of them, the same command continues to the same model."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

from kws.errors import ConfigError
from kws.spotting.load import load_model
from tests.train.processes import TRAIN, fit_arguments, killed_at, run_here, torchrun
from train.config import FitConfig
from train.fitting.fit import fit_stages
from train.network import network_of
from train.presets import stages_of

STAGES = "stages: [{}, {seed: 2, learning_rate: 0.001}]"


def stages_arguments(data: Path, folder: Path, stages: str = STAGES) -> tuple[str, ...]:
    preset = folder / "tiny.yaml"
    preset.write_text(stages)
    return fit_arguments(data, folder / "model.onnx", "--preset", str(preset))


@pytest.fixture(scope="module")
def whole(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What two undisturbed stages make."""
    folder = tmp_path_factory.mktemp("whole")
    done = run_here(*stages_arguments(data, folder))
    assert done.returncode == 0, done.stderr
    return folder / "model.onnx"


def assert_same_weights(first: Path, second: Path) -> None:
    expected = network_of(load_model(second, "torch")).state_dict()
    for name, value in network_of(load_model(first, "torch")).state_dict().items():
        assert torch.equal(value, expected[name]), name


def test_killed_in_a_stage_the_same_command_continues_there(
    data: Path, whole: Path, tmp_path: Path
) -> None:
    arguments = stages_arguments(data, tmp_path)
    with killed_at([*TRAIN, *arguments], "stage 2 of 2"):
        assert (tmp_path / "model.stage1.onnx").exists()
        assert not (tmp_path / "model.onnx").exists()
    done = run_here(*arguments)
    assert done.returncode == 0, done.stderr
    assert "stage 1 of 2" not in done.stderr
    assert_same_weights(tmp_path / "model.onnx", whole)
    assert_same_weights(tmp_path / "model.stage1.onnx", whole.with_name("model.stage1.onnx"))


def test_several_processes_train_together_and_another_number_can_continue(
    data: Path, whole: Path, tmp_path: Path
) -> None:
    arguments = stages_arguments(data, tmp_path)
    with killed_at([*torchrun(2), *arguments], "epoch 1/2", times=2) as lines:
        for once in ("stage 1 of 2", "stage 2 of 2", "measuring the mean"):
            assert len([line for line in lines if once in line]) == 1, lines
    done = run_here(*arguments)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["keywords"] == 4
    assert done.stderr.count("stages 1 to 1 of 2 are finished") == 1
    assert "stage 1 of 2" not in done.stderr
    ours, theirs = load_model(tmp_path / "model.onnx"), load_model(whole)
    for first, second in zip(
        ours.header.training["history"], theirs.header.training["history"], strict=True
    ):
        assert first["loss"] == pytest.approx(second["loss"], rel=1e-2)
        assert first["accuracy"] == pytest.approx(second["accuracy"], abs=0.02)
    # Not the weights: a bias in front of a batch normalisation has no effect, so no gradient but
    # rounding errors, which Adam makes steps of.
    windows = np.random.default_rng(1).normal(-5, 2, (50, 40, 98)).astype(np.float32)
    assert_allclose(ours.posteriors(windows), theirs.posteriors(windows), atol=1e-2)


def test_a_changed_preset_is_noticed_before_anything_is_trained(data: Path, whole: Path) -> None:
    done = run_here(*stages_arguments(data, whole.parent, "stages: [{seed: 3}, {seed: 2}]"))
    assert done.returncode == 2
    [line] = [each for each in done.stderr.splitlines() if "made with other settings" in each]
    assert "model.stage1.onnx.checkpoint: made with other settings: seed was 1 and is 3" in line
    assert "--restart" in line


def test_an_error_in_the_last_stage_is_reported_before_the_first(
    data: Path, tmp_path: Path
) -> None:
    preset = tmp_path / "tiny.yaml"
    preset.write_text("stages: [{}, {batch: 30}]")
    config = FitConfig(data / "speech_commands", tmp_path / "model.onnx")
    with pytest.raises(ConfigError, match="a batch has to be a multiple of that, not 30"):
        fit_stages(stages_of(config, str(preset), (), {}))
    assert not list(tmp_path.glob("*.checkpoint"))
