"""Weights to start from."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from kws.errors import ConfigError
from tests.train.fitting.test_learner import CONFIG, LABELS, MEAN, SCALE, WINDOWS, learner
from train.fitting.checkpoint import write_checkpoint
from train.fitting.initial import Initial, read_initial
from train.fitting.learner import Learner
from train.fitting.parallel import Processes


def checkpoint_of(taught: Learner, path: Path) -> Path:
    settings = {
        "architecture": CONFIG.architecture,
        "keywords": CONFIG.keywords,
        "front_end": {"high_hz": 8_000.0},
    }
    write_checkpoint({"settings": settings, "learner": taught.state()}, path)
    return path


def test_a_checkpoint_contains_the_batch_normalisation(tmp_path: Path) -> None:
    taught = learner()
    for step in range(3):
        taught.step(WINDOWS, LABELS, 16, 0, step)
    path = checkpoint_of(taught, tmp_path / "first.onnx.checkpoint")
    config = replace(CONFIG, initial=str(path))
    initial = read_initial(config)
    assert initial is not None
    assert torch.tensor(initial.mean).equal(MEAN)
    assert torch.tensor(initial.scale).equal(SCALE)
    second = Learner(config, Processes(), MEAN, SCALE)
    second.start_from(initial)
    ours, theirs = second.state()["network"], taught.state()["network"]
    assert any("running_mean" in name for name in ours)
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)


def test_without_a_model_it_starts_from_random_weights() -> None:
    assert read_initial(CONFIG) is None


def test_what_is_no_checkpoint_is_no_start(tmp_path: Path) -> None:
    bare = tmp_path / "bare.checkpoint"
    write_checkpoint({"settings": {}}, bare)
    damaged = tmp_path / "damaged.checkpoint"
    damaged.write_bytes(b"nothing")
    for path in (bare, damaged, tmp_path / "none.checkpoint"):
        with pytest.raises(ConfigError, match=r"is damaged, or no checkpoint"):
            Initial.of_checkpoint(path)
