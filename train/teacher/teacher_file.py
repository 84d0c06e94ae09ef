"""A teacher on the disk: finished, or as far as its training has come."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from kws.errors import ConfigError, ModelError
from train.fitting.checkpoint import read_checkpoint, write_checkpoint
from train.teacher.network import TeacherNetwork
from train.teacher.whisper import WhisperEncoder


@dataclass(frozen=True)
class TeacherFile:
    """A teacher that is ready to give posteriors.

    Attributes:
        network: in evaluation mode.
        keywords: its classes, beside "none".
        sources: licence of each collection that it learned from, and of the pretrained encoder.
        history: what each measurement in its training found.
        core_s: seconds of a core's time that it took.
        settings: of its training.
    """

    network: TeacherNetwork
    keywords: tuple[str, ...]
    sources: Mapping[str, str]
    history: tuple[Mapping[str, Any], ...] = ()
    core_s: float = 0.0
    settings: Mapping[str, Any] = field(default_factory=dict)


def untrained_teacher(
    encoder: WhisperEncoder, keywords: Sequence[str], sources: Mapping[str, str], seed: int
) -> TeacherFile:
    """What a first training starts from: an encoder as it is, and a head of random weights.

    Args:
        encoder: pretrained.
        keywords: the classes.
        sources: where the encoder comes from, with its licence.
        seed: of the weights.
    """
    torch.manual_seed(seed)
    return TeacherFile(TeacherNetwork(encoder, len(keywords)), tuple(keywords), sources)


def network_state(network: TeacherNetwork) -> dict[str, Any]:
    """Weights and sizes of a network, for `write_checkpoint`."""
    encoder = network.encoder
    return {
        "width": encoder.width,
        "blocks": len(encoder.blocks),
        "positions": len(encoder.positions),
        "weights": network.state_dict(),
    }


def restore_network(state: Mapping[str, Any], keywords: int) -> TeacherNetwork:
    """The network of a `network_state`.

    Raises:
        KeyError, RuntimeError, TypeError: it is none.
    """
    encoder = WhisperEncoder(state["width"], state["blocks"], state["positions"])
    network = TeacherNetwork(encoder, keywords)
    network.load_state_dict(state["weights"])
    return network


def read_teacher(path: Path) -> TeacherFile:
    """Read a teacher, or the checkpoint of one.

    Raises:
        ModelError: it cannot be read, or is none.
    """
    try:
        state = read_checkpoint(path)
        settings = dict(state["settings"])
        keywords = tuple(map(str, settings["keywords"]))
        network = restore_network(state["network"], len(keywords)).eval()
        sources, history = dict(state["sources"]), tuple(state["history"])
        return TeacherFile(network, keywords, sources, history, float(state["core_s"]), settings)
    except (ConfigError, KeyError, RuntimeError, TypeError) as error:
        raise ModelError(
            f"{path}: is no teacher, or is damaged; make one with python -m train teacher fit"
        ) from error


def write_teacher(state: Mapping[str, Any], path: Path) -> None:
    """Write a finished teacher: a checkpoint's state without what only a training needs.

    Raises:
        ConfigError: it cannot be written.
    """
    kept = {name: value for name, value in state.items() if name not in ("optimizer", "random")}
    write_checkpoint(kept, path)
