"""The network in training: what a step does to it, and what it is after any number of them."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from kws.errors import ConfigError
from kws.spotting.backends.torch import TorchBackend
from kws.spotting.header import ModelHeader
from kws.spotting.model import KeywordModel
from train.config import WINDOW_FRAMES, FitConfig
from train.fitting.initial import Initial
from train.fitting.parallel import Processes
from train.fitting.shared_norm import share_norms
from train.fitting.teacher import Teacher
from train.network import make_network
from train.scenes.augment import mask, mix
from train.scenes.dataset import STEP


@dataclass(frozen=True)
class Tally:
    """How well windows were decided in training.

    Attributes:
        windows: how many.
        right: those whose most probable class, "none" included, was the right one.
        loss: sum of their cross entropies, in nats.
    """

    windows: int = 0
    right: int = 0
    loss: float = 0.0

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(self.windows + other.windows, self.right + other.right, self.loss + other.loss)

    @property
    def mean_loss(self) -> float:
        """Cross entropy, in nats."""
        return self.loss / max(1, self.windows)

    @property
    def accuracy(self) -> float:
        """Share that was decided right."""
        return self.right / max(1, self.windows)


class Learner:
    """A network, its optimiser and the schedule of the learning rate.

    A step depends on nothing but these, its windows, and the seed, epoch and step: no generator
    lives from one step to the next.

    Args:
        config: of the training.
        processes: that train together.
        mean: ln power per band, shape (bands,).
        scale: its standard deviation.
        teacher: what to learn from beside the labels.

    Raises:
        ConfigError: there is no such network, or the teacher cannot teach it.
    """

    def __init__(
        self,
        config: FitConfig,
        processes: Processes,
        mean: Tensor,
        scale: Tensor,
        teacher: KeywordModel | None = None,
    ) -> None:
        self._config, self._processes = config, processes
        self._mean, self._scale = mean, scale
        self._to_normal = [each[:, None].to(processes.device) for each in (mean, scale)]
        self._teacher = (
            Teacher(
                *(teacher, config.keywords, config.front_end, config.temperature, processes.device)
            )
            if teacher
            else None
        )
        torch.manual_seed(config.seed)
        self._network = make_network(
            *(config.architecture, config.network),
            classes=len(config.keywords),
            bands=config.front_end.bands,
            # The batch normalisation of a finished model is folded into its weights.
            batch_norm=not config.initial or config.starts_from_checkpoint,
            dropout=config.dropout,
        )
        if processes.size > 1:
            share_norms(self._network, processes)
        self._network.to(processes.device)
        self._optimiser = torch.optim.AdamW(
            self._network.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay
        )
        self._schedule = torch.optim.lr_scheduler.OneCycleLR(
            self._optimiser,
            config.learning_rate,
            epochs=config.epochs,
            steps_per_epoch=config.steps,
            pct_start=0.1,
        )

    def start_from(self, initial: Initial) -> None:
        """Take over weights; keywords that they do not know start from nothing.

        Raises:
            ConfigError: they are of another network or front end.
        """
        config, state = self._config, self._network.state_dict()
        weights = dict(initial.weights)
        try:
            if (initial.architecture, initial.front_end) != (config.architecture, config.front_end):
                raise ValueError
            for name in [name for name in state if name.startswith("output.")]:
                ours, theirs = state[name], weights.get(name, state[name])
                for index, keyword in enumerate(config.keywords):
                    if keyword in initial.classes:
                        ours[index] = theirs[initial.classes.index(keyword)]
                weights[name] = ours
            self._network.load_state_dict(weights)
        except (ValueError, RuntimeError) as error:
            raise ConfigError(
                f"initial {config.initial!r}: its network or front end is not that of the training"
            ) from error

    @property
    def learning_rate(self) -> float:
        """Of the next step."""
        return float(self._schedule.get_last_lr()[0])

    def step(self, windows: Tensor, labels: Tensor, batch: int, epoch: int, number: int) -> Tally:
        """Learn from this process's part of a batch.

        Args:
            windows: log-mel windows, float32 of shape (n, bands, frames).
            labels: int64 of shape (n,).
            batch: windows in the whole batch.
            epoch: from 0.
            number: of the step in its epoch, from 0.

        Returns:
            Figures of the whole batch.

        Raises:
            ConfigError: the loss has grown beyond all bounds.
            PeerLostError: another process has ended.
        """
        config, device = self._config, self._processes.device
        draw = np.random.default_rng((config.seed, epoch, number, STEP, self._processes.rank))
        torch.manual_seed(int(draw.integers(2**63)))
        mean, scale = self._to_normal
        self._network.train()
        windows = windows.to(device)
        classes = len(config.keywords) + 1
        targets = nn.functional.one_hot(labels.to(device), classes).float()
        if config.augmentation.mixup:
            windows, targets = mix(windows, targets, config.augmentation.mixup, draw)
        normal = (windows - mean) / scale
        logits = self._network(mask(normal, config.augmentation, draw))
        with_none = nn.functional.pad(logits, (1, 0))
        loss = nn.functional.cross_entropy(
            with_none, targets, label_smoothing=config.label_smoothing, reduction="sum"
        )
        if self._teacher is not None:
            share = config.teacher_share
            loss = (1 - share) * loss + share * self._teacher.loss(windows, with_none)
        self._optimiser.zero_grad(set_to_none=True)
        torch.autograd.backward(loss / batch)
        self._processes.add_gradients(self._network)
        self._optimiser.step()
        self._schedule.step()
        right = (with_none.argmax(1) == targets.argmax(1)).sum()
        sums = self._processes.add(torch.stack((right.double(), loss.detach().double())))
        tally = Tally(batch, int(sums[0]), float(sums[1]))
        if not math.isfinite(tally.loss):
            raise ConfigError(
                f"epoch {epoch + 1}: the loss is no finite number any more; start over with a "
                f"learning_rate below {config.learning_rate:g}"
            )
        return tally

    def model(self, **header: Any) -> KeywordModel:
        """The network as it stands, for inference: on the CPU, batch normalisation folded.

        Args:
            header: further fields of the model's header.
        """
        config = self._config
        self._network.eval()
        network = self._network.folded().requires_grad_(False)
        network.output.bias.add_(config.keyword_prior)
        whole = ModelHeader(
            name=config.name or config.output.stem,
            architecture=config.architecture,
            arguments=network.arguments(),
            classes=config.keywords,
            front_end=config.front_end,
            mean=tuple(self._mean.tolist()),
            scale=tuple(self._scale.tolist()),
            trigger=dict.fromkeys(config.keywords, config.trigger),
            window_frames=WINDOW_FRAMES,
            licence=config.licence,
            sources=config.sources,
            context=config.context,
            **header,
        )
        return KeywordModel(whole, TorchBackend(whole, network))

    def state(self) -> dict[str, Any]:
        """All that it takes to continue."""
        return {
            "network": self._network.state_dict(),
            "optimiser": self._optimiser.state_dict(),
            "schedule": self._schedule.state_dict(),
            "mean": self._mean,
            "scale": self._scale,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Become what `state` was taken of; its mean and scale are for the constructor.

        Raises:
            KeyError, ValueError, RuntimeError, TypeError: it is of no such network.
        """
        self._network.load_state_dict(state["network"])
        self._optimiser.load_state_dict(state["optimiser"])
        self._schedule.load_state_dict(state["schedule"])
