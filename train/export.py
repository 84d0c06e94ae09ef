"""Makes a model file of bare weights, a `model_state_dict.pt`: an older SmallCNN's, for one."""

import logging
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from kws.errors import ConfigError, ModelError
from kws.spotting.backends.torch import weights_of
from kws.spotting.frontend import FrontEndSettings
from kws.spotting.header import ModelHeader
from kws.spotting.model_file import ModelFile, save_model
from kws.spotting.networks.base import Network
from kws.spotting.onnx_file import MODEL_FORMAT
from kws.spotting.trigger import TriggerSettings
from train.config import WINDOW_FRAMES
from train.network import make_network
from train.torch_file import read_without_code

log = logging.getLogger(__name__)

_LISTED = 20
"""Shapes that a message can name."""


@dataclass(frozen=True)
class ExportConfig:
    """What to convert, and what the weights do not say themselves.

    The weights have to be for an image of 40 bands times 98 frames, bands first, and of a plain
    softmax over the classes.

    Attributes:
        weights: a file with a state dict, in the network's order; its layers may be called
            anything. Batch normalisation that they have is folded.
        output: the model file to write.
        classes: the keywords, in the order of the network's outputs.
        name: name of the vocabulary; the output's by default.
        mean: ln power that was subtracted from every band in training.
        scale: ln power that every band was then divided by.
        front_end: how samples became frames.
        trigger: when a posterior becomes an event, for each keyword.
        licence: of the weights.
        architecture: of the network, one of `kws.spotting.graphs.ARCHITECTURES`.
        network: arguments of the architecture's own, such as the width of BCResNet.
    """

    weights: Path
    output: Path
    classes: tuple[str, ...]
    name: str = ""
    mean: float = 0.0
    scale: float = 1.0
    front_end: FrontEndSettings = field(default_factory=FrontEndSettings)
    trigger: TriggerSettings = field(default_factory=TriggerSettings)
    licence: str = ""
    architecture: str = "SmallCNN"
    network: dict[str, int] = field(default_factory=dict)


def export(config: ExportConfig) -> None:
    """Write the model file.

    Raises:
        ConfigError: there is no such architecture; the weights cannot be read, hold code, are no
            state dict or of another network; the classes do not fit them; or the output cannot be
            written.
    """
    if not config.classes or not all(config.classes):
        raise ConfigError("classes: name each of the network's outputs, in their order")
    network = _network(config)
    bands = config.front_end.bands
    try:
        header = ModelHeader(
            name=config.name or config.output.stem,
            architecture=config.architecture,
            arguments=network.arguments(),
            classes=config.classes,
            front_end=config.front_end,
            mean=(config.mean,) * bands,
            scale=(config.scale,) * bands,
            trigger=dict.fromkeys(config.classes, config.trigger),
            window_frames=WINDOW_FRAMES,
            reference_class=False,
            licence=config.licence,
            sources=(f"converted from {config.weights.name}",),
        )
    except ValueError as error:
        raise ConfigError(f"{config.weights}: cannot be converted: {error}") from error
    _save(ModelFile.of(header, weights_of(network)), config)


def _network(config: ExportConfig) -> Network:
    tensors = _tensors(config.weights)
    forms = [
        make_network(
            *(config.architecture, config.network),
            classes=len(config.classes),
            bands=config.front_end.bands,
            batch_norm=batch_norm,
        )
        for batch_norm in (False, True)
    ]
    network = next((each for each in forms if len(each.state_dict()) == len(tensors)), forms[0])
    expected = network.state_dict()
    wanted = [tuple(tensor.shape) for tensor in expected.values()]
    found = [tuple(tensor.shape) for tensor in tensors.values()]
    outputs = found[-1][0] if found and found[-1] else 0
    # The last two are of the layer that has an output for each class.
    if found[:-2] != wanted[:-2] or found[-2:] != [(outputs, *wanted[-2][1:]), (outputs,)]:
        raise ConfigError(f"{config.weights}: {_difference(tensors, expected, config)}")
    if outputs != len(config.classes):
        raise ConfigError(
            f"{config.weights}: the network has {outputs} outputs, but "
            f"{len(config.classes)} classes are named: {', '.join(config.classes)}"
        )
    for (name, tensor), each in zip(tensors.items(), expected.values(), strict=True):
        same_kind = tensor.is_floating_point() == each.is_floating_point()
        if not (same_kind and torch.isfinite(tensor).all()):
            raise ConfigError(f"{config.weights}: {name} holds values that are no finite numbers")
    # Copied, not put in place: the network keeps its own layout in memory and type of numbers.
    network.load_state_dict(dict(zip(expected, tensors.values(), strict=True)))
    return network.eval().folded().requires_grad_(False)


def _tensors(path: Path) -> dict[str, Tensor]:
    """The tensors of a state dict, in its order."""
    try:
        content: Any = read_without_code(path, "file of weights")
    except ModelError as error:
        raise ConfigError(str(error)) from error
    if isinstance(content, dict) and content.get("format") == MODEL_FORMAT:
        raise ConfigError(f"{path}: is a model file of kws already; use it as it is")
    if not isinstance(content, dict) or not all(
        isinstance(each, Tensor) for each in content.values()
    ):
        raise ConfigError(
            f"{path}: is not a state dict, which has tensors by name and nothing else; "
            "save one with torch.save(network.state_dict(), FILE)"
        )
    return {str(name): tensor for name, tensor in content.items()}


def _difference(
    tensors: dict[str, Tensor], expected: dict[str, Tensor], config: ExportConfig
) -> str:
    """Where a state dict is not the network's; of the last layer the inputs only count."""
    shapes = [" × ".join(map(str, each.shape)) for each in expected.values()]
    shapes[-2:] = [f"N × {expected['output.weight'].shape[1]}", "N (classes)"]
    if len(tensors) != len(shapes):
        listed = f", of these shapes in this order: {'; '.join(shapes)}"
        return (
            f"holds {len(tensors)} tensors, but {config.architecture} without batch normalisation "
            f"has {len(shapes)}{listed if len(shapes) <= _LISTED else ''}"
        )
    for (name, tensor), wanted, each in zip(
        tensors.items(), expected.values(), shapes, strict=True
    ):
        classes = each.startswith("N")
        if tensor.dim() != wanted.dim() or tensor.shape[classes:] != wanted.shape[classes:]:
            found = " × ".join(map(str, tensor.shape))
            return (
                f"{name} has the shape {found or 'of a single number'}, "
                f"{config.architecture}'s has {each}"
            )
    return "weights and biases of the last layer do not belong together"


def _save(file: ModelFile, config: ExportConfig) -> None:
    output = config.output
    try:
        if output.exists() and output.samefile(config.weights):
            raise ConfigError(f"{output}: would overwrite the weights; name another output")
        output.parent.mkdir(parents=True, exist_ok=True)
        save_model(file, output)
    except OSError as error:
        raise ConfigError(f"{output}: cannot be written: {error}") from error
    log.info(
        'wrote %s; its posteriors always sum to 1, for it has no class "none of them": try on '
        "recordings (kws scan) whether its thresholds and its normalisation are right",
        output,
    )
