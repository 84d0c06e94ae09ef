"""PyTorch: the reference, and what training measures with. Needs `kws[torch]`."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from kws.errors import ModelError
from kws.spotting.header import ModelHeader
from kws.spotting.model_file import ModelFile
from kws.spotting.networks.base import Network
from kws.spotting.networks.bc_resnet import BCResNet
from kws.spotting.networks.small_cnn import SmallCNN
from kws.spotting.onnx_format import Weights
from kws.typing import Posteriors, Windows

ARCHITECTURES: Mapping[str, type[Network]] = {"SmallCNN": SmallCNN, "BCResNet": BCResNet}
"""Networks by the names that a model file may have for them."""


class TorchBackend:
    """Runs a network in PyTorch.

    Args:
        header: of the model.
        network: in its form for inference.

    Attributes:
        engine: "torch".
        network: the same.
        parameters: number of weights and biases.
    """

    engine = "torch"

    def __init__(self, header: ModelHeader, network: Network) -> None:
        self.network = network
        self.parameters = parameter_count(network)
        mean = torch.tensor(header.mean, dtype=torch.float32)[:, None]
        # One gain and one offset a band subtract the mean and divide by the scale.
        self._gain = 1 / torch.tensor(header.scale, dtype=torch.float32)[:, None]
        self._offset = -mean * self._gain
        self._reference_class = header.reference_class

    @torch.inference_mode()
    def posteriors(self, windows: Windows) -> Posteriors:
        """Posteriors, float32 of shape (n, keywords), of windows, shape (n, bands, frames)."""
        # Windows overlap in memory, bands last; the convolutions are much faster with frames last.
        tensor = torch.from_numpy(np.array(windows, order="C"))
        logits = self.network(torch.addcmul(self._offset, tensor, self._gain))
        values: Posteriors = posteriors(logits, reference_class=self._reference_class).numpy()
        return values


def open_torch(file: ModelFile) -> TorchBackend:
    """The backend of a model file.

    Raises:
        ModelError: its weights are not those of its architecture.
    """
    # Small networks gain nothing from more, and the other cores are for other processes.
    torch.set_num_threads(1)
    return TorchBackend(file.header, read_network(file))


def read_network(file: ModelFile) -> Network:
    """The network of a model file, in its form for inference.

    Raises:
        ModelError: its weights are not those of its architecture.
    """
    header = file.header
    try:
        # On the meta device weights take neither time nor memory until the file's replace them.
        with torch.device("meta"):
            network = ARCHITECTURES[header.architecture](**header.arguments)
        state = {name: torch.from_numpy(np.array(each)) for name, each in file.weights.items()}
        network.load_state_dict(state, assign=True)
        network.eval().requires_grad_(False)
        outputs = network(torch.zeros(1, header.front_end.bands, header.window_frames)).shape[-1]
    except (KeyError, RuntimeError, TypeError, ValueError, AttributeError) as error:
        raise ModelError(
            f"{file.origin}: its weights do not fit its architecture {header.architecture}: {error}"
        ) from error
    if outputs != len(header.classes):
        raise ModelError(
            f"{file.origin}: {len(header.classes)} classes, but the network has {outputs}"
        )
    return network


def weights_of(network: nn.Module) -> Weights:
    """Weights of a network, by their names in it."""
    state: Mapping[str, Any] = network.state_dict()
    return {name: tensor.detach().cpu().numpy().copy() for name, tensor in state.items()}


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
