"""From a model's name to a model that is ready to run, with its verifier."""

import sys
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

from kws.config.paths import DEFAULT_MODEL, bundled_verifiers, find_model
from kws.config.schema import AUTO, NO_VERIFIER, Engine
from kws.errors import ConfigError
from kws.spotting.model import Backend, KeywordModel
from kws.spotting.model_file import ModelFile, read_model
from kws.spotting.pair import Pair
from kws.spotting.trial import try_model, try_verifier
from kws.spotting.verifier import Verifier
from kws.spotting.verifier_file import VerifierFile, read_verifier


def load_model(
    name: str | Path = DEFAULT_MODEL, engine: Engine = "auto", verifier: str = AUTO
) -> KeywordModel:
    """Read a model file, and that of its verifier, ready to run.

    Args:
        name: a model's name, or the path of a model file: see `kws.config.paths.find_model`.
        engine: what runs the model; "auto" is "onnx", which runs every verifier.
        verifier: the name or path of a verifier; "auto" for the one that the model was calibrated
            with, if any; "none" for none.

    Raises:
        ModelError: the file is missing, damaged, of another program, or holds anything but a
            network and its header (such a file is refused; nothing in it is executed).
        ConfigError: the engine is not installed, or the model was not calibrated with the verifier.
    """
    path = find_model(name)
    model = open_model(read_model(path), engine)
    pair = model.header.pair
    if verifier == NO_VERIFIER or (verifier == AUTO and pair is None):
        return model
    if pair is None:
        raise ConfigError(
            f"model.verifier: {verifier}: model {model.header.name!r} was calibrated with no "
            f"verifier; set it to {NO_VERIFIER}, or calibrate them together: python -m train "
            "stream --calibrate --verifier"
        )
    wanted = pair.verifier if verifier == AUTO else verifier
    return replace(model, verifier=_open_verifier(wanted, pair, path))


def find_verifier(name: str, model: Path) -> Path:
    """The file of a verifier: beside a model file, bundled, or where models are found.

    Raises:
        ModelError: there is no such file.
    """
    beside = model.parent / f"{name}.onnx"
    if beside.is_file():
        return beside
    return bundled_verifiers().get(name) or find_model(name)


def _open_verifier(name: str, pair: Pair, model: Path) -> Verifier:
    file = read_verifier(find_verifier(name, model))
    if file.weights_sha256 != pair.weights_sha256:
        raise ConfigError(
            f"model.verifier: {file.origin} is not the {pair.verifier!r} that {model} was "
            f"calibrated with; copy that one, or set model.verifier to {NO_VERIFIER}"
        )
    return open_verifier(file)


def open_verifier(file: VerifierFile) -> Verifier:
    """What runs a verifier's file.

    Raises:
        ModelError: it cannot be run, or gives no probabilities.
    """
    from kws.spotting.backends.onnx import OnnxVerifier

    verifier = OnnxVerifier(file)
    try_verifier(verifier, file.origin)
    return verifier


def open_model(file: ModelFile, engine: Engine = "auto") -> KeywordModel:
    """What runs a model file.

    Raises:
        ModelError: its weights do not fit its architecture, or it gives no probabilities.
        ConfigError: the engine is not installed.
    """
    model = KeywordModel(file.header, _backend(file, engine))
    try_model(model, file.origin)
    return model


def _backend(file: ModelFile, engine: Engine) -> Backend:
    # Each takes a large package, which is imported by those only who need it.
    if engine == "torch":
        if find_spec("torch") is None:
            raise ConfigError(
                f"model.engine: torch is not installed. To install it: {sys.executable} -m pip "
                "install torch --index-url https://download.pytorch.org/whl/cpu (in a checkout: "
                "make run ENGINE=torch); or set model.engine to onnx"
            )
        from kws.spotting.backends.torch import open_torch

        return open_torch(file)
    from kws.spotting.backends.onnx import OnnxBackend

    return OnnxBackend(file)
