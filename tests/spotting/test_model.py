"""SmallCNN, its size, its folding and what its logits mean."""

import pytest
import torch

from kws.spotting.backends.torch import parameter_count, posteriors
from kws.spotting.networks.small_cnn import SmallCNN, SparseLinear


@pytest.mark.parametrize(("classes", "parameters"), [(4, 1_089_540), (34, 1_097_250)])
def test_parameter_count_is_the_published_one(classes: int, parameters: int) -> None:
    assert parameter_count(SmallCNN(classes)) == parameters
    trained = SmallCNN(classes, batch_norm=True, dropout=0.3)
    assert parameter_count(trained.folded()) == parameters


def test_folding_does_not_change_posteriors() -> None:
    torch.manual_seed(0)
    network = SmallCNN(4, batch_norm=True, dropout=0.3)
    for _ in range(3):  # gives the batch norms statistics of their own
        network(torch.randn(16, 40, 98) * 3 + 1)
    network.eval()
    windows = torch.randn(5, 40, 98)
    torch.testing.assert_close(network.folded()(windows), network(windows), atol=1e-5, rtol=1e-4)


def test_the_reference_class_is_a_class_with_logit_zero() -> None:
    logits = torch.tensor([[1.0, -2.0, 0.5]])
    full = torch.tensor([[0.0, 1.0, -2.0, 0.5]]).softmax(-1)
    torch.testing.assert_close(posteriors(logits), full[:, 1:])
    torch.testing.assert_close(posteriors(logits, reference_class=False), logits.softmax(-1))


def test_equal_logits_of_zero_leave_a_share_for_none() -> None:
    torch.testing.assert_close(posteriors(torch.zeros(1, 4)), torch.full((1, 4), 0.2))


@pytest.mark.parametrize("share", [0.0, 0.1, 1.0])
def test_leaving_zeros_out_does_not_change_posteriors(share: float) -> None:
    torch.manual_seed(1)
    layer = SparseLinear(500, 30).eval()
    row = torch.randn(1, 500) * (torch.rand(1, 500) < share)
    expected = torch.nn.functional.linear(row, layer.weight, layer.bias)
    torch.testing.assert_close(layer(row), expected, atol=1e-5, rtol=1e-4)


def test_a_window_alone_gives_the_posteriors_of_a_batch() -> None:
    torch.manual_seed(2)
    network = SmallCNN(4).eval()
    windows = torch.randn(6, 40, 98)
    alone = torch.cat([network(window[None]) for window in windows])
    torch.testing.assert_close(alone, network(windows), atol=1e-5, rtol=1e-4)
