"""BC-ResNet: its published sizes, its folding, and what it cannot be built with."""

from typing import Any

import pytest
import torch
from torch import nn

from kws.spotting.backends.torch import parameter_count
from kws.spotting.networks.bc_resnet import BandGain, BCResNet, SubSpectralNorm

# Table 1 of arXiv 2106.04140, in thousands, for 12 classes.
PUBLISHED = {8: 9.2, 16: 27.3, 24: 54.2, 48: 188, 64: 321}
SEED = torch.Generator().manual_seed(1)


def trained(**settings: int) -> BCResNet:
    """A network whose normalisations are not what they began as."""
    torch.manual_seed(1)
    network = BCResNet(3, batch_norm=True, dropout=0.1, **settings)
    for norm in network.modules():
        if isinstance(norm, nn.BatchNorm2d):
            nn.init.uniform_(norm.weight, 0.5, 1.5)
            nn.init.normal_(norm.bias, std=0.3)
    for _ in range(3):
        network(torch.randn(8, network.bands, 98, generator=SEED))
    return network.eval()


@pytest.mark.parametrize(("width", "thousands"), PUBLISHED.items())
def test_published_sizes(width: int, thousands: float) -> None:
    count = parameter_count(BCResNet(12, width=width, batch_norm=True))
    assert count / 1000 == pytest.approx(thousands, abs=0.05 if thousands < 100 else 0.5)


@pytest.mark.parametrize("width", [8, 16])
def test_the_reference_class_saves_an_output_of_each_class_it_stands_for(width: int) -> None:
    """Ten commands; "silence" and "unknown" are the implicit class."""
    twelve, ten = (BCResNet(classes, width=width, batch_norm=True) for classes in (12, 10))
    assert parameter_count(twelve) - parameter_count(ten) == 2 * (4 * width + 1)


@pytest.mark.parametrize(("bands", "width"), [(40, 16), (40, 10), (80, 8)])
def test_the_folded_network_gives_the_same_logits(bands: int, width: int) -> None:
    network = trained(bands=bands, width=width)
    folded = network.folded()
    assert not any(isinstance(part, nn.BatchNorm2d) for part in folded.modules())
    assert folded.arguments() == network.arguments()
    windows = torch.randn(5, bands, 98, generator=SEED)
    with torch.no_grad():
        said = network(windows)
        assert said.std() > 0.01
        assert torch.allclose(folded(windows), said, atol=1e-5)
        assert torch.equal(folded.folded()(windows), folded(windows))


def test_sub_bands_are_normalised_each_by_itself() -> None:
    norm = SubSpectralNorm(2, 10)
    image = torch.randn(16, 2, 10, 20, generator=SEED)
    image[:, 1, 4:6] = 7 + 3 * image[:, 1, 4:6]
    normal = norm(image).detach().reshape(16, 2, 5, 2, 20)
    assert torch.allclose(normal.mean((0, 3, 4)), torch.zeros(2, 5), atol=1e-5)
    assert torch.allclose(normal.std((0, 3, 4)), torch.ones(2, 5), atol=1e-2)
    plain = norm.eval().folded()
    assert isinstance(plain, BandGain)
    assert torch.allclose(plain(image), norm(image), atol=1e-5)


def test_windows_may_be_of_any_length_and_number() -> None:
    network = trained().folded()
    windows = torch.randn(4, 40, 150, generator=SEED)
    with torch.no_grad():
        together = network(windows)
        assert together.shape == (4, 3)
        each = torch.cat([network(window[None]) for window in windows])
        assert torch.allclose(together, each, atol=1e-5)
        assert network(windows[:0]).shape == (0, 3)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"bands": 64}, "bands must be a multiple of 40 for BCResNet, not 64"),
        ({"bands": 0}, "bands must be a multiple of 40"),
        ({"width": 7}, "width must be an even number of channels, not 7"),
        ({"width": 0}, "width must be"),
    ],
)
def test_what_it_cannot_be(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        BCResNet(4, **settings)
