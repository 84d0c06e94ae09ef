"""The architectures, and what a network's logits mean.

A keyword model has only its keywords as classes. "None of them" is the implicit reference class
with logit 0, so the posteriors of the keywords need not sum to one.
"""

from collections.abc import Mapping

from torch import Tensor, nn

from kws.spotting.networks.base import Network
from kws.spotting.networks.bc_resnet import BCResNet
from kws.spotting.networks.small_cnn import SmallCNN

ARCHITECTURES: Mapping[str, type[Network]] = {"SmallCNN": SmallCNN, "BCResNet": BCResNet}
"""Architectures that a model file may name."""


def posteriors(logits: Tensor, *, reference_class: bool = True) -> Tensor:
    """Posterior probability of each keyword.

    Args:
        logits: shape (..., keywords).
        reference_class: put the implicit class "none" with logit 0 beside the keywords; without
            it, a plain softmax over the keywords.

    Returns:
        Shape (..., keywords), each in [0, 1].
    """
    if not reference_class:
        return logits.softmax(-1)
    with_none = nn.functional.pad(logits, (1, 0))
    return with_none.softmax(-1)[..., 1:]


def parameter_count(network: nn.Module) -> int:
    """Number of weights and biases."""
    return sum(parameter.numel() for parameter in network.parameters())
