"""What every architecture is: a network with one form for training and one for inference."""

from abc import ABC, abstractmethod
from typing import Self

from torch import Tensor, nn


class Network(nn.Module, ABC):
    """From normalised log-mel windows to logits of the keywords.

    A constructor takes the number of `classes`, of `bands` and of `frames`, and what is the
    architecture's own; with `batch_norm` it builds the form that is trained, without it the one
    that hears; `dropout` matters in training only.

    Attributes:
        output: the last layer, an output a keyword.
    """

    output: nn.Linear

    @abstractmethod
    def forward(self, windows: Tensor) -> Tensor:
        """Logits, shape (n, classes), of normalised log-mel windows, shape (n, bands, frames)."""

    @abstractmethod
    def arguments(self) -> dict[str, int]:
        """What the constructor needs to build this network, folded, again."""

    @abstractmethod
    def folded(self) -> Self:
        """A copy for inference, in which all that can be has been folded into weights."""
