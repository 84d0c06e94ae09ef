"""Networks: untrained ones as settings name them, and those of models."""

from collections.abc import Mapping

from kws.errors import ConfigError
from kws.spotting.backends.torch import ARCHITECTURES, TorchBackend, weights_of
from kws.spotting.model import KeywordModel
from kws.spotting.model_file import ModelFile
from kws.spotting.networks.base import Network
from train.config import WINDOW_FRAMES


def make_network(
    architecture: str,
    own: Mapping[str, int],
    *,
    classes: int,
    bands: int,
    batch_norm: bool = False,
    dropout: float = 0.0,
) -> Network:
    """A network with weights as chance has it.

    Args:
        architecture: name in `kws.spotting.backends.torch.ARCHITECTURES`.
        own: arguments of the architecture's own, such as the width of BCResNet.
        classes: number of keywords.
        bands: height of the log-mel image.
        batch_norm: the form for training, not the one for inference.
        dropout: probability, in training.

    Raises:
        ConfigError: there is no such architecture, or it cannot be built so.
    """
    if architecture not in ARCHITECTURES:
        known = ", ".join(ARCHITECTURES)
        raise ConfigError(f"architecture {architecture!r}: has to be one of: {known}")
    try:
        return ARCHITECTURES[architecture](
            classes=classes,
            bands=bands,
            frames=WINDOW_FRAMES,
            batch_norm=batch_norm,
            dropout=dropout,
            **own,
        )
    except (TypeError, ValueError) as error:
        raise ConfigError(f"network {dict(own)}: {architecture}: {error}") from error


def network_of(model: KeywordModel) -> Network:
    """The network of a model that PyTorch runs, such as `load_model(path, "torch")`."""
    assert isinstance(model.backend, TorchBackend)
    return model.backend.network


def file_of(model: KeywordModel) -> ModelFile:
    """What is written of such a model."""
    return ModelFile.of(model.header, weights_of(network_of(model)))
