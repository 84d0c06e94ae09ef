"""The ONNX graph of each architecture gives what its network gives in torch."""

from collections.abc import Mapping

import numpy as np
import onnx
import pytest
import torch

from kws.spotting.backends.onnx import OnnxBackend
from kws.spotting.backends.torch import ARCHITECTURES, TorchBackend, open_torch, weights_of
from kws.spotting.frontend import FrontEndSettings
from kws.spotting.graphs import ARCHITECTURES as GRAPHS
from kws.spotting.header import ModelHeader
from kws.spotting.model import KeywordModel
from kws.spotting.model_file import ModelFile
from kws.spotting.trigger import TriggerSettings

RANDOM = np.random.default_rng(3)


def file_of(
    architecture: str,
    classes: int,
    own: Mapping[str, int],
    *,
    reference_class: bool = True,
    bands: int = 40,
    frames: int = 98,
) -> ModelFile:
    """A model with weights from a seed, whose logits are far from each other."""
    torch.manual_seed(7)
    network = ARCHITECTURES[architecture](
        classes=classes, bands=bands, frames=frames, batch_norm=True, **own
    )
    # Batch normalisation, folded, keeps what passes through untrained layers from fading away.
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.momentum = None
    with torch.no_grad():
        network.train()(torch.randn(32, bands, 1) + torch.randn(32, bands, frames))
    network = network.eval().folded().requires_grad_(False)
    network.output.weight *= 4
    keywords = tuple(f"word {number}" for number in range(classes))
    header = ModelHeader(
        name="random",
        architecture=architecture,
        arguments=network.arguments(),
        classes=keywords,
        front_end=FrontEndSettings(bands=bands),
        mean=tuple(RANDOM.normal(-3, 2, bands).tolist()),
        scale=tuple(RANDOM.uniform(0.5, 4, bands).tolist()),
        trigger=dict.fromkeys(keywords, TriggerSettings()),
        window_frames=frames,
        reference_class=reference_class,
    )
    return ModelFile.of(header, weights_of(network))


def windows(count: int, bands: int = 40, frames: int = 98) -> np.ndarray:
    bands_alone = RANDOM.normal(-3, 2, (count, bands, 1))
    return (bands_alone + RANDOM.normal(0, 2, (count, bands, frames))).astype(np.float32)


def assert_same(file: ModelFile, batch: np.ndarray) -> None:
    ours = KeywordModel(file.header, OnnxBackend(file)).posteriors(batch)
    reference = KeywordModel(file.header, open_torch(file)).posteriors(batch)
    assert ours.shape == (len(batch), len(file.header.classes))
    assert ours.dtype == np.float32
    np.testing.assert_allclose(ours, reference, atol=1e-5)
    # Who tells no windows apart tests nothing; of one class alone the posterior is always 1.
    alone = len(file.header.classes) == 1 and not file.header.reference_class
    assert len(batch) < 3 or alone or ours.std(0).max() > 1e-3


@pytest.mark.parametrize("reference_class", [True, False])
@pytest.mark.parametrize(
    ("architecture", "classes", "own"),
    [
        ("SmallCNN", 2, {}),
        ("SmallCNN", 34, {}),
        ("BCResNet", 1, {"width": 8}),
        ("BCResNet", 4, {"width": 8}),
        ("BCResNet", 10, {"width": 16}),
        ("BCResNet", 3, {"width": 24}),
    ],
)
def test_posteriors_are_those_of_the_network(
    architecture: str, classes: int, own: dict[str, int], reference_class: bool
) -> None:
    file = file_of(architecture, classes, own, reference_class=reference_class)
    assert_same(file, windows(5))


@pytest.mark.parametrize(("architecture", "own"), [("SmallCNN", {}), ("BCResNet", {"width": 8})])
def test_any_number_of_windows_will_do(architecture: str, own: dict[str, int]) -> None:
    file = file_of(architecture, 4, own)
    batch = windows(40)
    for count in (1, 2, 31, 32, 33, 40):
        assert_same(file, batch[:count])
    # A window of a batch gives what it gives alone.
    backend = OnnxBackend(file)
    alone = np.concatenate([backend.posteriors(window[None]) for window in batch[:32]])
    np.testing.assert_allclose(alone, backend.posteriors(batch[:32]), atol=1e-5)


@pytest.mark.parametrize(("bands", "frames"), [(40, 150), (80, 98), (40, 61)])
@pytest.mark.parametrize(("architecture", "own"), [("SmallCNN", {}), ("BCResNet", {"width": 8})])
def test_windows_may_have_other_sizes(
    architecture: str, own: dict[str, int], bands: int, frames: int
) -> None:
    file = file_of(architecture, 4, own, bands=bands, frames=frames)
    assert_same(file, windows(3, bands, frames))


@pytest.mark.parametrize("architecture", GRAPHS)
def test_every_architecture_is_in_torch_and_its_graph_is_valid(architecture: str) -> None:
    assert GRAPHS.keys() == ARCHITECTURES.keys()
    file = file_of(architecture, 3, {})
    onnx.checker.check_model(file.encoded, full_check=True)
    assert isinstance(open_torch(file), TorchBackend)
    # Batch normalisation is folded, so that each weight and bias is a parameter of the network.
    assert file.parameters == open_torch(file).parameters == OnnxBackend(file).parameters
