"""Batch normalisation over parts of a batch does what torch does over the whole of it."""

import copy

import pytest
import torch
from torch import nn

from train.fitting.parallel import Processes
from train.fitting.shared_norm import SharedBatchNorm, share_norms


def filled(norm: nn.BatchNorm2d) -> nn.BatchNorm2d:
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        norm.weight.copy_(torch.rand(3, generator=generator) + 0.5)
        norm.bias.copy_(torch.randn(3, generator=generator))
    return norm


def test_one_process_normalises_as_torch_does() -> None:
    plain = filled(nn.BatchNorm2d(3))
    network = nn.Sequential(nn.ReLU(), nn.Sequential(copy.deepcopy(plain)))
    share_norms(network, Processes())
    ours = network.get_submodule("1.0")
    assert isinstance(ours, SharedBatchNorm)
    images = 2 + 3 * torch.randn(5, 3, 7, 4, generator=torch.Generator().manual_seed(2))
    aim = torch.randn(5, 3, 7, 4, generator=torch.Generator().manual_seed(3))
    inputs, outputs = [], []
    for norm in (plain, ours):
        own = images.clone().requires_grad_()
        output = norm(own)
        torch.autograd.backward((output * aim).sum())
        inputs.append(own)
        outputs.append(output)
    assert torch.allclose(outputs[0], outputs[1], atol=1e-5)
    assert inputs[0].grad is not None
    assert inputs[1].grad is not None
    assert torch.allclose(inputs[0].grad, inputs[1].grad, atol=1e-5)
    for (name, first), second in zip(plain.named_parameters(), ours.parameters(), strict=True):
        assert first.grad is not None, name
        assert second.grad is not None, name
        assert torch.allclose(first.grad, second.grad, atol=1e-4), name
    for (name, first), second in zip(
        plain.state_dict().items(), ours.state_dict().values(), strict=True
    ):
        assert torch.allclose(first, second, atol=1e-6), name
    assert torch.allclose(plain.eval()(images), ours.eval()(images), atol=1e-5)


def test_large_means_cost_no_precision() -> None:
    norm = SharedBatchNorm(1, Processes())
    images = 1_000 + 0.01 * torch.randn(64, 1, 8, 8, generator=torch.Generator().manual_seed(1))
    plain = nn.BatchNorm2d(1)(images).detach()
    assert torch.allclose(norm(images).detach(), plain, atol=0.01)
    assert float(plain.std()) == pytest.approx(0.95, abs=0.05)
