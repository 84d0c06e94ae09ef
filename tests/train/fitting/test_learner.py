"""What a step of training does."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from kws.errors import ConfigError
from kws.spotting.frontend import FrontEndSettings
from kws.spotting.model import KeywordModel
from train.config import FitConfig
from train.fitting.initial import Initial
from train.fitting.learner import Learner
from train.fitting.parallel import Processes
from train.network import network_of
from train.scenes.augment import NO_AUGMENTATION, Augmentation

CONFIG = FitConfig(
    Path("words"), Path("model.onnx"), keywords=("low", "high"), epochs=2, windows=64, batch=16
)
MEAN, SCALE = torch.full((40,), -3.0), torch.full((40,), 2.0)
WINDOWS = torch.randn(16, 40, 98, generator=torch.Generator().manual_seed(1))
LABELS = torch.arange(16) % 3


def learner(**settings: Any) -> Learner:
    return Learner(replace(CONFIG, **settings), Processes(), MEAN, SCALE)


def after(learner: Learner, steps: range) -> dict[str, torch.Tensor]:
    """Weights after some steps on the same batch."""
    for step in steps:
        learner.step(WINDOWS, LABELS, 16, 0, step)
    return {**learner.state()["network"]}


def same(first: dict[str, torch.Tensor], second: dict[str, torch.Tensor]) -> bool:
    return all(torch.equal(value, second[name]) for name, value in first.items())


def test_the_same_seed_gives_the_same_network_and_another_one_another() -> None:
    first = after(learner(), range(3))
    torch.manual_seed(99)
    assert same(first, after(learner(), range(3)))
    assert not same(first, after(learner(seed=2), range(3)))
    assert not same(first, after(learner(dropout=0.0), range(3)))


@pytest.mark.parametrize("mixup", [0.0, 0.4])
def test_a_restored_learner_gives_the_same_as_one_without_a_stop(mixup: float) -> None:
    settings = {"augmentation": Augmentation(mixup=mixup)}
    whole = after(learner(**settings), range(4))
    first = learner(**settings)
    after(first, range(2))
    second = learner(**settings)
    second.restore(first.state())
    assert same(after(second, range(2, 4)), whole)


def test_it_learns_its_examples() -> None:
    quiet = learner(augmentation=NO_AUGMENTATION, dropout=0.0, epochs=8)
    tallies = [quiet.step(WINDOWS, LABELS, 16, 0, step) for step in range(12)]
    assert tallies[0].windows == 16
    assert tallies[-1].mean_loss < tallies[0].mean_loss / 2
    assert tallies[-1].accuracy == 1.0
    assert quiet.learning_rate > 0


@pytest.mark.parametrize(
    "change", [{"mask_frames": 40}, {"mask_bands": 20}, {"mixup": 1.0}], ids=str
)
def test_what_varies_windows_is_switched_on_one_by_one(change: dict[str, Any]) -> None:
    plain = after(learner(augmentation=NO_AUGMENTATION), range(2))
    varied = after(learner(augmentation=replace(NO_AUGMENTATION, **change)), range(2))
    assert not same(plain, varied)


def test_soft_targets_cost_more_than_hard_ones() -> None:
    """Of a network that is sure of each window, mixed windows are not sure."""
    quiet = learner(augmentation=NO_AUGMENTATION, dropout=0.0, label_smoothing=0.0, epochs=8)
    after(quiet, range(12))
    mixed = learner(
        augmentation=replace(NO_AUGMENTATION, mixup=50.0),
        dropout=0.0,
        label_smoothing=0.0,
        epochs=8,
    )
    mixed.restore(quiet.state())
    state = {name: value.clone() for name, value in quiet.state()["network"].items()}
    hard = quiet.step(WINDOWS, LABELS, 16, 0, 12)
    mixed.restore({**quiet.state(), "network": state})
    soft = mixed.step(WINDOWS, LABELS, 16, 0, 12)
    assert soft.mean_loss > 5 * hard.mean_loss


def test_a_loss_that_is_no_number_ends_it() -> None:
    with pytest.raises(ConfigError, match="epoch 1: the loss is no finite number any more; start"):
        after(learner(learning_rate=1e30, epochs=30), range(20))


def test_it_can_start_from_a_model_of_other_keywords() -> None:
    known = learner(keywords=("high", "else")).model()
    first = learner(initial="known")
    first.start_from(Initial.of_model(known))
    ours, theirs = first.model(), network_of(known).state_dict()
    for name, weights in network_of(ours).state_dict().items():
        if name.startswith("output."):
            assert torch.equal(weights[1], theirs[name][0])
            assert not torch.equal(weights[0], theirs[name][1])
        else:
            assert torch.equal(weights, theirs[name])
    other = learner(initial="known", front_end=FrontEndSettings(high_hz=4_000))
    with pytest.raises(ConfigError, match="initial 'known': its network or front end is not that"):
        other.start_from(Initial.of_model(known))


def test_the_model_is_for_inference_and_has_its_header() -> None:
    model = learner(context="anywhere", name="tones").model(training={"epochs": 2})
    assert isinstance(model, KeywordModel)
    assert model.header.context == "anywhere"
    assert model.header.training == {"epochs": 2}
    assert model.header.name == "tones"
    assert model.header.mean == tuple(MEAN.tolist())
    assert model.posteriors(WINDOWS.numpy()).shape == (16, 2)
    assert not any(parameter.requires_grad for parameter in network_of(model).parameters())
    assert {parameter.device.type for parameter in network_of(model).parameters()} == {"cpu"}


def test_keywords_become_likelier_by_the_prior_in_the_model_only() -> None:
    plain, shifted = (learner(keyword_prior=prior).model() for prior in (0.0, 0.7))
    difference = (
        network_of(shifted).state_dict()["output.bias"]
        - network_of(plain).state_dict()["output.bias"]
    )
    assert difference.tolist() == pytest.approx([0.7, 0.7])


def test_a_training_can_start_from_a_model() -> None:
    model = learner(keywords=("high", "other", "low")).model()
    started = learner(initial="some.onnx", keywords=("low", "high"))
    started.start_from(Initial.of_model(model))
    again = network_of(started.model()).state_dict()
    before = network_of(model).state_dict()
    for name, weights in before.items():
        expected = weights[[2, 0]] if name.startswith("output") else weights
        assert torch.equal(again[name], expected), name


def test_a_model_with_another_front_end_is_no_start() -> None:
    model = learner(front_end=FrontEndSettings(high_hz=4_000)).model()
    with pytest.raises(ConfigError, match=r"initial 'narrow\.onnx': its network or front end"):
        learner(initial="narrow.onnx").start_from(Initial.of_model(model))


def test_it_is_the_architecture_that_was_asked_for() -> None:
    small = learner(architecture="BCResNet", network={"width": 8})
    model = small.model()
    assert (model.header.architecture, model.header.arguments["width"]) == ("BCResNet", 8)
    assert model.posteriors(WINDOWS.numpy()).shape == (16, 2)
    with pytest.raises(ConfigError, match="has to be one of: SmallCNN, BCResNet"):
        learner(architecture="Huge")
    with pytest.raises(ConfigError, match="width must be an even number of channels, not 5"):
        learner(architecture="BCResNet", network={"width": 5})
    with pytest.raises(ConfigError, match=r"network \{'width': 8\}: SmallCNN: .*width"):
        learner(network={"width": 8})


def test_weights_of_another_network_are_no_start() -> None:
    other = learner(architecture="BCResNet", network={"width": 8}).model()
    wider = learner(initial="other.onnx", architecture="BCResNet", network={"width": 10})
    for different in (learner(initial="other.onnx"), wider):
        with pytest.raises(ConfigError, match=r"initial 'other\.onnx': its network or front end"):
            different.start_from(Initial.of_model(other))


def test_a_student_approaches_the_posteriors_of_its_teacher() -> None:
    quiet: dict[str, Any] = {"augmentation": NO_AUGMENTATION, "dropout": 0.0, "epochs": 20}
    first = learner(**quiet)
    after(first, range(12))
    teacher = first.model()
    # Labels that say nothing: all that is learnt is the teacher's.
    student = Learner(
        replace(CONFIG, teacher="first.onnx", teacher_share=1.0, seed=2, **quiet),
        Processes(),
        MEAN,
        SCALE,
        teacher,
    )
    losses = [
        student.step(WINDOWS, torch.zeros_like(LABELS), 16, 0, step).mean_loss for step in range(40)
    ]
    assert losses[-1] < losses[0] / 5
    said, taught = (
        each.posteriors(WINDOWS.numpy()).argmax(1) for each in (student.model(), teacher)
    )
    assert (said == taught).mean() > 0.9
