"""Training in several processes at once, as torchrun starts them; without it, in one.

Each process computes the gradient of its part of every batch, and all add up theirs, so all hold
the same network. What is written, logged and validated, the first process does alone.
"""

import logging
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor, nn

from kws.errors import ConfigError, KwsError

T = TypeVar("T")
CPU = torch.device("cpu")
PATIENCE = timedelta(hours=12)
"""How long the others wait for the first process to validate. One that dies is noticed at once."""


class PeerLostError(KwsError):
    """Another process of this training has ended."""


@dataclass(frozen=True)
class Processes:
    """The processes of a training, as one of them sees them.

    Attributes:
        rank: number of this one.
        size: how many there are.
        device: what this one computes with.
    """

    rank: int = 0
    size: int = 1
    device: torch.device = CPU

    @property
    def leads(self) -> bool:
        """Whether this is the first."""
        return self.rank == 0

    def part(self, items: Sequence[T]) -> Sequence[T]:
        """What is this process's of something that all have."""
        return items[self.rank :: self.size]

    def add(self, values: Tensor) -> Tensor:
        """The sum of all processes' values, put in their place.

        Raises:
            PeerLostError: another process has ended.
        """
        if self.size > 1:
            with _noticing_losses():
                dist.all_reduce(values)
        return values

    def gather(self, value: T) -> list[T]:
        """Everybody's value, in order.

        Raises:
            PeerLostError: another process has ended.
        """
        if self.size == 1:
            return [value]
        values: list[Any] = [None] * self.size
        with _noticing_losses():
            dist.all_gather_object(values, value)
        return values

    def share(self, value: T) -> T:
        """The first process's value.

        Raises:
            PeerLostError: another process has ended.
        """
        return self.gather(value)[0]

    def together(self, do: Callable[[], T]) -> T:
        """Do something that may fail in one process only, and end together then.

        Raises:
            KwsError: the first one that any process has.
            PeerLostError: another process has ended.
        """
        try:
            result = do()
        except PeerLostError:
            raise
        except KwsError as error:
            self.agree(error)
            raise
        self.agree()
        return result

    def agree(self, error: KwsError | None = None, messages: Sequence[str] = ()) -> tuple[str, ...]:
        """Go on together, or end together.

        Args:
            error: what this process cannot continue for.
            messages: what the others should know.

        Returns:
            The messages of all.

        Raises:
            KwsError: the first one that any process has.
            PeerLostError: another process has ended.
        """
        something = error is not None or bool(messages)
        if not self.add(torch.tensor(float(something), device=self.device)):
            return ()
        said = self.gather((error, tuple(messages)))
        for failure, _ in said:
            if failure is not None:
                raise failure
        return tuple(message for _, each in said for message in each)

    def add_gradients(self, network: nn.Module) -> None:
        """Put the sum of all processes' gradients in their place.

        Raises:
            PeerLostError: another process has ended.
        """
        if self.size == 1:
            return
        gradients = [each.grad for each in network.parameters() if each.grad is not None]
        total = self.add(torch.cat([gradient.flatten() for gradient in gradients]))
        parts = torch.split(total, [gradient.numel() for gradient in gradients])
        for gradient, part in zip(gradients, parts, strict=True):
            gradient.copy_(part.view(gradient.shape))


@contextmanager
def joined_processes() -> Iterator[Processes]:
    """The processes that torchrun started, or this one alone; a GPU for each where there are some.

    Raises:
        ConfigError: there are more processes than GPUs.
    """
    if not dist.is_torchelastic_launched():
        yield Processes(device=_device(0))
        return
    rank, local = int(os.environ["RANK"]), int(os.environ["LOCAL_RANK"])
    if rank:
        # The first process logs the errors of all.
        logging.disable()
    if 0 < torch.cuda.device_count() <= local:
        raise ConfigError(
            f"torchrun: more processes than the {torch.cuda.device_count()} GPUs of this machine; "
            "give --nproc-per-node as many"
        )
    device = _device(local)
    with _noticing_losses():
        backend = "gloo" if device == CPU else "cpu:gloo,cuda:nccl"
        dist.init_process_group(backend, timeout=PATIENCE)
    try:
        yield Processes(rank, dist.get_world_size(), device)
    finally:
        dist.destroy_process_group()


def _device(local: int) -> torch.device:
    if not torch.cuda.is_available():
        return CPU
    device = torch.device("cuda", local)
    torch.cuda.set_device(device)
    # Else the fastest algorithms are found by trying, and the same seed gives another model.
    torch.backends.cudnn.benchmark = False
    torch.backends.cudnn.deterministic = True
    return device


@contextmanager
def _noticing_losses() -> Iterator[None]:
    try:
        yield
    except RuntimeError as error:
        reason = (str(error).splitlines() or [""])[0]
        raise PeerLostError(
            f"another process of this training has ended; torchrun says below which ({reason})"
        ) from error
