"""Batch normalisation over a batch that several processes have parts of."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd import Function

from train.fitting.parallel import Processes


class SharedBatchNorm(nn.BatchNorm2d):
    """Normalises as if one process had all of the batch.

    torch's own `SyncBatchNorm` does that on GPUs only. The sums are taken in float64, so what
    comes out hardly depends on the number of processes.

    Args:
        channels: of the images.
        processes: who has the parts.
    """

    def __init__(self, channels: int, processes: Processes) -> None:
        super().__init__(channels)
        self._processes = processes

    def forward(self, inputs: Tensor) -> Tensor:
        """Normalise images of shape (n, channels, height, width); n may be 0 in some processes."""
        if not self.training:
            return super().forward(inputs)
        values = inputs.double()
        count = values.new_tensor([inputs.numel() / self.num_features])
        local = torch.cat((count, values.sum((0, 2, 3)), values.square().sum((0, 2, 3))))
        total: Tensor = _Sum.apply(local, self._processes)  # type: ignore[no-untyped-call]
        mean, square = (total[1:] / total[0]).chunk(2)
        variance = square - mean.square()
        self._remember(mean.detach(), (variance * total[0] / (total[0] - 1)).detach())
        gain = self.weight / (variance + self.eps).sqrt()
        mean, gain = (each.to(inputs)[:, None, None] for each in (mean, gain))
        return (inputs - mean) * gain + self.bias[:, None, None]

    def _remember(self, mean: Tensor, variance: Tensor) -> None:
        """Let the running figures follow those of a batch, the variance without bias."""
        assert self.running_mean is not None
        assert self.running_var is not None
        assert self.num_batches_tracked is not None
        assert self.momentum is not None
        self.running_mean.lerp_(mean.to(self.running_mean), self.momentum)
        self.running_var.lerp_(variance.to(self.running_var), self.momentum)
        self.num_batches_tracked += 1


class _Sum(Function):
    """The sum of all processes' values, through which gradients flow back to all of them."""

    @staticmethod
    def forward(context: Any, values: Tensor, processes: Processes) -> Tensor:
        context.processes = processes
        return processes.add(values.clone())

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> tuple[Tensor, None]:
        return context.processes.add(gradient.clone()), None


def share_norms(network: nn.Module, processes: Processes) -> None:
    """Let the batch normalisations of a network be over all processes' parts."""
    for name, norm in list(network.named_modules()):
        if isinstance(norm, nn.BatchNorm2d):
            shared = SharedBatchNorm(norm.num_features, processes)
            shared.load_state_dict(norm.state_dict())
            network.set_submodule(name, shared)
