"""Models for tests: the real network, small training replaced by a seed."""

from dataclasses import replace
from pathlib import Path

import msgspec
import torch

from kws.config.schema import Engine
from kws.spotting.backends.torch import read_network, weights_of
from kws.spotting.calibration import Calibration, OperatingPoint
from kws.spotting.frontend import FrontEndSettings
from kws.spotting.header import ModelHeader
from kws.spotting.load import open_model
from kws.spotting.model import KeywordModel
from kws.spotting.model_file import ModelFile
from kws.spotting.networks.small_cnn import SmallCNN
from kws.spotting.pair import Lookahead, Pair
from kws.spotting.trigger import TriggerSettings
from tests.spotting.level_verifier import LevelVerifier

EAGER = TriggerSettings(
    threshold=0.3, smoothing_s=0.2, patience_s=0.0, refractory_s=0.3, release=0.28, exclusion_s=0.1
)
"""Fires often on what an untrained network says."""
KEYWORDS = ("yes", "no", "up", "down")
FIRST_LOOK = replace(EAGER, threshold=0.29)
"""Proposes for a verifier."""


def untrained_file(keywords: tuple[str, ...] = KEYWORDS) -> ModelFile:
    """SmallCNN with weights from a seed, whose posteriors for noise keep changing."""
    torch.manual_seed(4)
    network = SmallCNN(len(keywords)).eval().requires_grad_(False)
    network.output.weight *= 20
    header = ModelHeader(
        name="untrained",
        architecture="SmallCNN",
        arguments=network.arguments(),
        classes=keywords,
        front_end=FrontEndSettings(),
        mean=(-2.0,) * 40,
        scale=(2.0,) * 40,
        trigger=dict.fromkeys(keywords, EAGER),
    )
    return ModelFile.of(header, weights_of(network))


def untrained_model(keywords: tuple[str, ...] = KEYWORDS, engine: Engine = "auto") -> KeywordModel:
    """The same, ready to run."""
    return open_model(untrained_file(keywords), engine)


def calibrated_file() -> ModelFile:
    """The same with an operating curve: strict and lax thresholds."""
    file = untrained_file()
    return file.with_header(replace(file.header, calibration=_calibration()))


def _calibration() -> Calibration:
    levels = ((0.0, 0.9), (2.0, 0.5), (30.0, 0.2))
    points = (
        OperatingPoint(rate, 0.5 * level, dict.fromkeys(KEYWORDS, level)) for rate, level in levels
    )
    return Calibration(6.2, tuple(points))


def calibrated_model() -> KeywordModel:
    """The same, ready to run."""
    return open_model(calibrated_file())


def paired_file(verifier: str = "levels", weights_sha256: str = "") -> ModelFile:
    """The untrained model as it works with a verifier."""
    file = untrained_file()
    thresholds = dict.fromkeys(KEYWORDS, 0.6)
    lookaheads = tuple(Lookahead(each, thresholds, _calibration()) for each in (0.2, 0.5))
    pair = Pair(verifier, weights_sha256, dict.fromkeys(KEYWORDS, FIRST_LOOK), lookaheads)
    return file.with_header(replace(file.header, pair=pair))


def paired_model() -> KeywordModel:
    """The same with a verifier that goes by levels."""
    return replace(open_model(paired_file()), verifier=LevelVerifier())


def write_torch_file(file: ModelFile, path: Path) -> None:
    """Write a model as kws 0.1 did."""
    content = {
        "format": "kws-model",
        "version": 1,
        "header": msgspec.to_builtins(file.header),
        "state_dict": read_network(file).state_dict(),
    }
    torch.save(content, path)
