"""What a teacher says, and what a student is told of it."""

from dataclasses import replace

import pytest
import torch

from kws.errors import ConfigError
from kws.spotting.frontend import FrontEndSettings
from tests.spotting.models import untrained_model
from train.fitting.teacher import Teacher
from train.network import network_of

WINDOWS = torch.randn(6, 40, 98, generator=torch.Generator().manual_seed(1)) * 3 - 8
FRONT_END = FrontEndSettings()
CPU = torch.device("cpu")


def test_at_temperature_one_it_gives_its_posteriors() -> None:
    model = untrained_model(("yes", "no", "up"), "torch")
    said = Teacher(model, ("up", "yes"), FRONT_END, 1.0, CPU).targets(WINDOWS)
    posteriors = torch.from_numpy(model.posteriors(WINDOWS.numpy()))
    assert torch.allclose(said[:, 1:], posteriors[:, [2, 0]], atol=1e-6)
    assert torch.allclose(said.sum(1), torch.ones(6), atol=1e-6)
    # What it knows beyond the keywords is none of them.
    assert (said[:, 0] > posteriors[:, 1]).all()


def test_a_higher_temperature_makes_it_less_sure() -> None:
    model = untrained_model(("yes", "no", "up"), "torch")
    sure, doubtful = (
        Teacher(model, model.classes, FRONT_END, heat, CPU).targets(WINDOWS).amax(1)
        for heat in (1.0, 4.0)
    )
    assert (doubtful < sure).all()


def test_the_loss_is_zero_only_for_equal_posteriors() -> None:
    model = untrained_model(("yes", "no"), "torch")
    teacher = Teacher(model, model.classes, FRONT_END, 3.0, CPU)
    mean, scale = (torch.tensor(each)[:, None] for each in (model.header.mean, model.header.scale))
    own = torch.nn.functional.pad(network_of(model)((WINDOWS - mean) / scale), (1, 0))
    assert float(teacher.loss(WINDOWS, own)) == pytest.approx(0.0, abs=1e-4)
    assert float(teacher.loss(WINDOWS, own.flip(1))) > 0.1


def test_models_that_cannot_be_teachers() -> None:
    model = untrained_model(("yes", "no"), "torch")
    with pytest.raises(ConfigError, match="does not know go"):
        Teacher(model, ("yes", "go"), FRONT_END, 2.0, CPU)
    with pytest.raises(ConfigError, match="another front end"):
        Teacher(model, ("yes",), replace(FRONT_END, low_hz=60.0), 2.0, CPU)
