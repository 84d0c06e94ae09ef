"""Weights that a training starts from, out of a model file or another training's checkpoint."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import msgspec
from torch import Tensor

from kws.spotting.frontend import FrontEndSettings
from kws.spotting.load import load_model
from kws.spotting.model import KeywordModel
from train.config import FitConfig
from train.fitting.checkpoint import read_checkpoint, unusable
from train.network import network_of


@dataclass(frozen=True)
class Initial:
    """What is taken over.

    Attributes:
        architecture: of the network.
        classes: keywords in the order of the last layer's outputs.
        front_end: that the network was trained with.
        mean: ln power per band.
        scale: its standard deviation.
        weights: by their names; a checkpoint's have the batch normalisation in them, a model's
            have not.
    """

    architecture: str
    classes: tuple[str, ...]
    front_end: FrontEndSettings
    mean: tuple[float, ...]
    scale: tuple[float, ...]
    weights: Mapping[str, Tensor]

    @classmethod
    def of_model(cls, model: KeywordModel) -> Self:
        """The weights of a model that PyTorch runs."""
        header, weights = model.header, network_of(model).state_dict()
        return cls(
            *(header.architecture, header.classes, header.front_end, header.mean, header.scale),
            weights,
        )

    @classmethod
    def of_checkpoint(cls, path: Path) -> Self:
        """The weights as another training left them, ready to be trained on.

        Raises:
            ConfigError: it is damaged, or no checkpoint.
        """
        saved: dict[str, Any] = read_checkpoint(path)
        try:
            settings, learner = saved["settings"], saved["learner"]
            return cls(
                settings["architecture"],
                tuple(settings["keywords"]),
                msgspec.convert(settings["front_end"], FrontEndSettings),
                tuple(learner["mean"].tolist()),
                tuple(learner["scale"].tolist()),
                learner["network"],
            )
        except (KeyError, TypeError, AttributeError, msgspec.ValidationError) as error:
            raise unusable(path) from error


def read_initial(config: FitConfig) -> Initial | None:
    """What a training starts from, if from anything.

    Raises:
        ConfigError: the checkpoint is damaged, or none.
        ModelError: there is no such model, or it is damaged.
    """
    if not config.initial:
        return None
    if config.starts_from_checkpoint:
        return Initial.of_checkpoint(Path(config.initial))
    return Initial.of_model(load_model(config.initial, "torch"))
