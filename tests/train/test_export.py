"""Old bare weights become a model file that says just what the old network said."""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from numpy.testing import assert_allclose
from torch import Tensor, nn

from kws.errors import ConfigError
from kws.spotting.backends.torch import ARCHITECTURES, parameter_count
from kws.spotting.load import load_model
from kws.spotting.networks.bc_resnet import BCResNet
from tests.spotting.models import untrained_file, untrained_model, write_torch_file
from train.export import ExportConfig, export
from train.network import network_of

WORDS = ("yes", "no", "up", "down")
State = OrderedDict[str, Any]


class OldNetwork(nn.Module):
    """The same network as an older program wrote it."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 16, 3, stride=2, padding=1)
        self.conv2 = nn.Conv2d(16, 32, 3, stride=2, padding=1)
        self.conv3 = nn.Conv2d(32, 64, 3, stride=2, padding=1)
        self.fc1 = nn.Linear(4160, 256)
        self.fc2 = nn.Linear(256, classes)

    def forward(self, image: Tensor) -> Tensor:
        for convolution in (self.conv1, self.conv2, self.conv3):
            image = convolution(image).relu()
        logits: Tensor = self.fc2(self.fc1(image.flatten(1)).relu())
        return logits


def old_network(classes: int = 4) -> OldNetwork:
    torch.manual_seed(7)
    return OldNetwork(classes).eval()


@pytest.fixture
def config(tmp_path: Path) -> ExportConfig:
    weights = tmp_path / "model_state_dict.pt"
    torch.save(old_network().state_dict(), weights)
    return ExportConfig(weights, tmp_path / "made" / "old-words.onnx", WORDS)


def change(path: Path, edit: Callable[[State], object]) -> None:
    state = torch.load(path, weights_only=True)
    edit(state)
    torch.save(state, path)


@torch.inference_mode()
def test_the_posteriors_are_those_of_the_old_network(config: ExportConfig) -> None:
    export(config)
    model = load_model(config.output)
    windows = 4 * torch.randn(5, 40, 98)
    expected = old_network()(windows[:, None]).softmax(-1).numpy()
    posteriors = model.posteriors(windows.numpy())
    assert_allclose(posteriors, expected, atol=1e-5)
    assert_allclose(model.posteriors(windows[:1].numpy()), expected[:1], atol=1e-5)
    assert_allclose(posteriors.sum(-1), 1, atol=1e-5)


@torch.inference_mode()
def test_mean_and_scale_are_applied(config: ExportConfig) -> None:
    export(replace(config, mean=-3.0, scale=2.5))
    windows = 4 * torch.randn(5, 40, 98)
    expected = old_network()((windows[:, None] + 3.0) / 2.5).softmax(-1)
    posteriors = load_model(config.output).posteriors(windows.numpy())
    assert_allclose(posteriors, expected.numpy(), atol=1e-5)


def test_the_header(config: ExportConfig) -> None:
    export(config)
    header = load_model(config.output).header
    assert (header.name, header.classes) == ("old-words", WORDS)
    assert not header.reference_class
    assert header.calibration is None
    assert header.sources == ("converted from model_state_dict.pt",)
    export(replace(config, name="old", licence="MIT"))
    assert (load_model(config.output).header.name, load_model(config.output).header.licence) == (
        "old",
        "MIT",
    )


def test_as_many_classes_as_the_network_has(config: ExportConfig) -> None:
    torch.save(old_network(34).state_dict(), config.weights)
    export(replace(config, classes=tuple(f"word {number}" for number in range(34))))
    assert load_model(config.output).parameters == 1_097_250


def test_our_own_names_and_other_numbers_will_do(config: ExportConfig) -> None:
    network = network_of(untrained_model(engine="torch"))
    torch.save({name: each.double() for name, each in network.state_dict().items()}, config.weights)
    export(config)
    exported = network_of(load_model(config.output, "torch"))
    assert {each.dtype for each in exported.parameters()} == {torch.float32}
    windows = torch.randn(5, 40, 98)
    torch.testing.assert_close(exported(windows), network(windows))


@pytest.mark.parametrize("batch_norm", [False, True])
@pytest.mark.parametrize(("architecture", "own"), [("SmallCNN", {}), ("BCResNet", {"width": 8})])
def test_any_architecture_will_do_in_both_its_forms(
    architecture: str, own: dict[str, int], batch_norm: bool, config: ExportConfig
) -> None:
    torch.manual_seed(3)
    network = ARCHITECTURES[architecture](
        classes=4, bands=40, frames=98, batch_norm=batch_norm, **own
    )
    windows = 4 * torch.randn(8, 40, 98)
    network.train()(windows)  # so that there is something to normalise by
    torch.save(network.eval().state_dict(), config.weights)
    export(replace(config, architecture=architecture, network=own))
    model = load_model(config.output)
    assert model.header.architecture == architecture
    assert model.header.arguments == network.arguments()
    assert model.parameters == parameter_count(network.folded())
    with torch.inference_mode():
        expected = network(windows).softmax(-1)
    assert_allclose(model.posteriors(windows.numpy()), expected.numpy(), atol=1e-5, rtol=1e-4)


def test_another_width_or_architecture_is_named(config: ExportConfig) -> None:
    torch.save(BCResNet(4, width=8).state_dict(), config.weights)
    for settings, message in (
        ({"architecture": "BCResNet"}, r"has the shape 16 × 1 × 5 × 5, BCResNet's has 32 × 1"),
        ({}, r"tensors, but SmallCNN without batch normalisation has 10"),
        ({"architecture": "Huge"}, "architecture 'Huge': has to be one of: SmallCNN, BCResNet"),
        ({"network": {"width": 8}}, "SmallCNN: .*width"),
    ):
        with pytest.raises(ConfigError, match=message):
            export(replace(config, **settings))
    torch.save(old_network().state_dict(), config.weights)
    with pytest.raises(ConfigError, match=r"BCResNet without batch normalisation has \d+$"):
        export(replace(config, architecture="BCResNet"))


def test_another_number_of_classes_is_refused(config: ExportConfig) -> None:
    with pytest.raises(ConfigError, match="has 4 outputs, but 3 classes are named: a, b, c"):
        export(replace(config, classes=("a", "b", "c")))
    for classes, message in (((), "name each"), (("a", "", "c", "d"), "name each")):
        with pytest.raises(ConfigError, match=message):
            export(replace(config, classes=classes))
    with pytest.raises(ConfigError, match="different words"):
        export(replace(config, classes=("a", "a", "c", "d")))
    assert not config.output.exists()


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (
            lambda s: s.update({"conv2.weight": torch.zeros(32, 16, 5, 5)}),
            "conv2.weight has the shape 32 × 16 × 5 × 5, SmallCNN's has 32 × 16 × 3 × 3",
        ),
        (
            lambda s: s.update({"fc1.weight": torch.zeros(256, 100)}),
            "fc1.weight has the shape 256 × 100, SmallCNN's has 256 × 4160",
        ),
        (
            lambda s: s.update({"fc2.weight": torch.zeros(4, 128)}),
            "fc2.weight has the shape 4 × 128, SmallCNN's has N × 256",
        ),
        (lambda s: s.update({"fc2.bias": torch.zeros(5)}), "do not belong together"),
        (lambda s: s.update({"fc2.bias": torch.tensor(1.0)}), "of a single number"),
        (lambda s: s.popitem(), "holds 9 tensors, .* has 10, .*16 × 1 × 3 × 3; 16; .*classes"),
        (lambda s: s.update(norm=torch.zeros(16)), "holds 11 tensors"),
        (lambda s: s.move_to_end("conv1.weight"), "conv1.bias has the shape 16, .* 16 × 1 × 3"),
        (lambda s: s.clear(), "holds 0 tensors"),
        (lambda s: s["fc1.bias"].fill_(float("nan")), "fc1.bias holds values that are no finite"),
        (lambda s: s.update({"fc1.bias": torch.zeros(256).int()}), "fc1.bias holds values"),
        (lambda s: s.update(epoch=3), "is not a state dict"),
    ],
)
def test_weights_of_another_network_are_refused(
    config: ExportConfig, edit: Callable[[State], object], message: str
) -> None:
    change(config.weights, edit)
    with pytest.raises(ConfigError, match=f"model_state_dict.pt: .*{message}"):
        export(config)
    assert not config.output.exists()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([1, 2], "is not a state dict"),
        ({"model": old_network().state_dict()}, "is not a state dict"),
        (torch.zeros(3), "is not a state dict"),
    ],
)
def test_what_is_no_state_dict_is_refused(
    config: ExportConfig, content: object, message: str
) -> None:
    torch.save(content, config.weights)
    with pytest.raises(ConfigError, match=message):
        export(config)


def test_a_model_file_needs_no_conversion(config: ExportConfig) -> None:
    write_torch_file(untrained_file(), config.weights)
    with pytest.raises(ConfigError, match="is a model file of kws already"):
        export(config)


class _Hostile:
    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (self.marker,))


def test_code_is_refused_and_not_executed(config: ExportConfig, tmp_path: Path) -> None:
    marker = tmp_path / "executed"
    torch.save({"conv1.weight": _Hostile(marker)}, config.weights)
    with pytest.raises(ConfigError, match=r"holds code or objects, .* nothing in it was executed"):
        export(config)
    # A whole network, as torch.save(network) writes it, is code as well.
    torch.save(old_network(), config.weights)
    with pytest.raises(ConfigError, match="holds code or objects"):
        export(config)
    assert not marker.exists()


def test_files_that_cannot_be_read_or_written_are_named(
    config: ExportConfig, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match=r"missing\.pt: cannot be read"):
        export(replace(config, weights=tmp_path / "missing.pt"))
    with pytest.raises(ConfigError, match="cannot be written"):
        export(replace(config, output=config.weights / "below.onnx"))
    (tmp_path / "folder").mkdir()
    with pytest.raises(ConfigError, match="cannot be written"):
        export(replace(config, output=tmp_path / "folder"))
    with pytest.raises(ConfigError, match="would overwrite the weights"):
        export(replace(config, output=config.weights))
    config.weights.write_text("text")
    with pytest.raises(ConfigError, match="damaged, cut short or not a file of weights"):
        export(config)


@pytest.mark.parametrize(("mean", "scale"), [(float("nan"), 1.0), (0.0, 0.0)])
def test_a_normalisation_that_makes_no_sense_is_refused(
    config: ExportConfig, mean: float, scale: float
) -> None:
    with pytest.raises(ConfigError, match="mean and scale must be finite"):
        export(replace(config, mean=mean, scale=scale))
