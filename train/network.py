"""An untrained network, as settings name it."""

from collections.abc import Mapping

from kws.errors import ConfigError
from kws.spotting.model import ARCHITECTURES
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
        architecture: name in `kws.spotting.model.ARCHITECTURES`.
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
