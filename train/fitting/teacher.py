"""Distillation: soft targets of another model for training (Hinton et al., arXiv 1503.02531)."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from kws.errors import ConfigError
from kws.spotting.frontend import FrontEndSettings
from kws.spotting.model import KeywordModel
from train.network import network_of


class Teacher:
    """Gives soft targets for windows (knowledge distillation).

    Args:
        model: the teacher, in PyTorch.
        keywords: of the student; all other classes of the model are "none of them".
        front_end: of the windows.
        temperature: that logits are divided by; above 1 it flattens the distribution.
        device: where it works.

    Raises:
        ConfigError: the model does not know a keyword, or has another front end.
    """

    def __init__(
        self,
        model: KeywordModel,
        keywords: Sequence[str],
        front_end: FrontEndSettings,
        temperature: float,
        device: torch.device,
    ) -> None:
        header = model.header
        if unknown := [keyword for keyword in keywords if keyword not in header.classes]:
            raise ConfigError(f"teacher {header.name!r}: does not know {', '.join(unknown)}")
        if header.front_end != front_end or not header.reference_class:
            raise ConfigError(f"teacher {header.name!r}: has another front end, or no class 'none'")
        self._network = network_of(model).to(device).eval()
        self._mean, self._scale = (
            torch.tensor(each, device=device)[:, None] for each in (header.mean, header.scale)
        )
        self._known = [1 + header.classes.index(keyword) for keyword in keywords]
        self._temperature = temperature

    @torch.no_grad()
    def targets(self, windows: Tensor) -> Tensor:
        """Probabilities of "none" and of each keyword, softened; shape (n, 1 + keywords).

        Args:
            windows: ln mel power, shape (n, bands, frames).
        """
        logits = self._network((windows - self._mean) / self._scale)
        shares = nn.functional.pad(logits / self._temperature, (1, 0)).softmax(1)
        said = shares[:, self._known]
        return torch.cat((1 - said.sum(1, keepdim=True), said), dim=1).clamp_min(0)

    def loss(self, windows: Tensor, with_none: Tensor) -> Tensor:
        """Distillation loss, scaled to the size of a cross entropy's gradient.

        Args:
            windows: ln mel power, shape (n, bands, frames).
            with_none: the student's logits, "none" first, shape (n, 1 + keywords).

        Returns:
            Sum over the windows of the Kullback-Leibler divergence, times the temperature squared.
        """
        said = (with_none / self._temperature).log_softmax(1)
        divergence = nn.functional.kl_div(said, self.targets(windows), reduction="sum")
        return self._temperature**2 * divergence
