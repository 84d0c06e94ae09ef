"""Settings that contradict themselves are named."""

from pathlib import Path
from typing import Any

import pytest

from kws.errors import ConfigError
from train.config import FitConfig

FOLDER = Path(__file__).parent


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"epochs": 0}, "epochs: got 0; allowed: a whole number from 1"),
        ({"views": 0}, "views: got 0; allowed: a whole number from 1"),
        ({"seed": -1}, "seed: got -1; allowed: a whole number from 0"),
        ({"batch": 30}, "a batch has to be a multiple of that, not 30"),
        ({"windows": 3}, "and windows no less, not 3"),
        ({"scene_frames": 90}, "scene_frames: got 90; allowed: a whole number from 98"),
        ({"keywords": ("yes", "yes")}, "keywords: have to be different words, not yes, yes"),
        ({"keywords": ("yes", "")}, "keywords: have to be different words"),
        ({"output": FOLDER}, "is a folder; name a file for the model"),
        ({"resume": True, "restart": True}, "resume and restart: only one of them"),
    ],
)
def test_what_cannot_be_is_named(settings: dict[str, Any], message: str) -> None:
    config = FitConfig(**{"words": Path("words"), "output": Path("model.onnx"), **settings})
    with pytest.raises(ConfigError, match=message):
        config.check()


def test_steps_take_all_scenes() -> None:
    config = FitConfig(Path("words"), Path("a.b/m.1.onnx"), windows=1_000, views=3, batch=33)
    assert (config.epoch_scenes, config.batch_scenes, config.steps) == (333, 11, 31)
    assert config.checkpoint == Path("a.b/m.1.onnx.checkpoint")
    config.check()


def test_what_shapes_the_result_does_not_say_where_it_lies() -> None:
    first = FitConfig(Path("a"), Path("b"), workers=1)
    second = FitConfig(Path("c"), Path("d"), workers=5, resume=True, licence="MIT")
    assert first.shaping() == second.shaping()
    assert first.shaping() != FitConfig(Path("a"), Path("b"), seed=2).shaping()
