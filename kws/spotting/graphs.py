"""The ONNX graph of each architecture, over weights with the names that the network has in torch.

A graph goes from ln mel power to posteriors, normalisation and softmax included, so that any
program that runs ONNX can use a model file as it is.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from kws.spotting.onnx_format import Graph, Node, Tensor, Value, Weights, node

INPUT, OUTPUT = "log_mel", "posteriors"


@dataclass
class Steps:
    """Nodes of a graph, one after the other.

    Attributes:
        weights: what they may take.
        nodes: so far.
        last: name of what the last one gives.
    """

    weights: Weights
    nodes: list[Node] = field(default_factory=list)
    last: str = INPUT

    def add(self, operator: str, *inputs: str, name: str = "", **settings: object) -> str:
        """Append a node that takes what the last one gives and then `inputs`; gives its name."""
        return self.combine(operator, self.last, *inputs, name=name, **settings)

    def combine(self, operator: str, *inputs: str, name: str = "", **settings: object) -> str:
        """Append a node that takes only `inputs`; gives its name."""
        self.last = name or f"{operator.lower()}_{len(self.nodes)}"
        self.nodes.append(node(operator, inputs, self.last, **settings))
        return self.last

    def constant(self, value: npt.NDArray[np.float32] | Sequence[int]) -> str:
        """The name of numbers that are no weights."""
        name = f"constant_{len(self.nodes)}"
        self.nodes.append(node("Constant", (), name, value=np.asarray(value)))
        return name

    def convolve(
        self,
        name: str,
        *,
        strides: Sequence[int] = (1, 1),
        padding: Sequence[int] = (0, 0),
        dilation: int = 1,
        depthwise: bool = False,
    ) -> str:
        """Append a convolution with the weights of that name; `dilation` is along time."""
        shape = self.weights[f"{name}.weight"].shape
        bias = [f"{name}.bias"] if f"{name}.bias" in self.weights else []
        return self.add(
            "Conv",
            f"{name}.weight",
            *bias,
            kernel_shape=shape[2:],
            strides=strides,
            pads=(*padding, *padding),
            dilations=(1, dilation),
            group=shape[0] if depthwise else 1,
        )

    def dense(self, name: str) -> str:
        """Append a dense layer with the weights of that name."""
        return self.add("Gemm", f"{name}.weight", f"{name}.bias", transB=1)


def make_nodes(
    architecture: str,
    weights: Weights,
    *,
    mean: Sequence[float],
    scale: Sequence[float],
    reference_class: bool,
) -> tuple[Node, ...]:
    """The nodes of a keyword model's graph; of the weights only names and shapes count.

    Args:
        architecture: name in `ARCHITECTURES`.
        weights: of the network, batch normalisation folded.
        mean: ln power, per band, that is subtracted.
        scale: ln power, per band, that the rest is divided by.
        reference_class: whether "none" is an implicit class with logit 0.

    Raises:
        KeyError: weights are missing.
    """
    steps = Steps(weights)
    gain: npt.NDArray[np.float32] = (np.float32(1) / np.array(scale, np.float32))[:, None]
    offset = -np.array(mean, np.float32)[:, None] * gain
    steps.add("Mul", steps.constant(gain))
    steps.add("Add", steps.constant(offset))
    steps.add("Unsqueeze", steps.constant([1]))
    ARCHITECTURES[architecture](steps)
    if reference_class:
        steps.add("Pad", steps.constant([0, 1, 0, 0]))
        steps.add("Softmax", axis=-1)
        steps.add("Slice", *map(steps.constant, ([1], [2**31 - 1], [1])), name=OUTPUT)
    else:
        steps.add("Softmax", axis=-1, name=OUTPUT)
    return tuple(steps.nodes)


def make_graph(
    architecture: str,
    weights: Weights,
    *,
    mean: Sequence[float],
    scale: Sequence[float],
    window_frames: int,
    reference_class: bool,
) -> Graph:
    """The graph of a keyword model, with the weights in it.

    Args:
        architecture, weights, mean, scale, reference_class: as for `make_nodes`.
        window_frames: frames in a window.

    Raises:
        KeyError: weights are missing.
    """
    return Graph(
        make_nodes(architecture, weights, mean=mean, scale=scale, reference_class=reference_class),
        architecture,
        tuple(Tensor.of(array, name) for name, array in weights.items()),
        (Value.of(INPUT, len(mean), window_frames),),
        (Value.of(OUTPUT, len(weights["output.bias"])),),
    )


def _small_cnn(steps: Steps) -> None:
    """See `kws.spotting.networks.small_cnn`."""
    for layer in range(3):
        steps.convolve(f"convolutions.{layer}", strides=(2, 2), padding=(1, 1))
        steps.add("Relu")
    steps.add("Flatten", axis=1)
    steps.dense("hidden")
    steps.add("Relu")
    steps.dense("output")


def _bc_resnet(steps: Steps) -> None:
    """See `kws.spotting.networks.bc_resnet`."""
    steps.convolve("head.0", strides=(2, 1), padding=(2, 2))
    steps.add("Relu")
    # Blocks of each stage: their number, and the stride of the first one along frequency.
    stages = ((2, 1), (2, 2), (4, 2), (4, 1))
    blocks = [
        (stride if block == 0 else 1, 2**stage)
        for stage, (count, stride) in enumerate(stages)
        for block in range(count)
    ]
    for index, (stride, dilation) in enumerate(blocks):
        _broadcasted_block(steps, f"blocks.{index}", stride, dilation)
    steps.convolve("last", padding=(0, 2), depthwise=True)
    steps.convolve("wide.0")
    steps.add("Relu")
    steps.add("ReduceMean", axes=(2, 3), keepdims=0)
    steps.dense("output")


def _broadcasted_block(steps: Steps, name: str, stride: int, dilation: int) -> None:
    before = steps.last
    changes_channels = f"{name}.transition.0.weight" in steps.weights
    if changes_channels:
        steps.convolve(f"{name}.transition.0")
        steps.add("Relu")
    steps.convolve(f"{name}.frequency", strides=(stride, 1), padding=(1, 0), depthwise=True)
    steps.add("Mul", f"{name}.sub_bands.gain")
    inside = steps.add("Add", f"{name}.sub_bands.offset")
    steps.add("ReduceMean", axes=(2,), keepdims=1)
    in_time = steps.convolve(
        f"{name}.time.0", padding=(0, dilation), dilation=dilation, depthwise=True
    )
    steps.add("Sigmoid")
    steps.add("Mul", in_time)
    steps.convolve(f"{name}.channels")
    steps.add("Add", inside)
    if not changes_channels:
        steps.add("Add", before)
    steps.add("Relu")


ARCHITECTURES: Mapping[str, Callable[[Steps], None]] = {
    "SmallCNN": _small_cnn,
    "BCResNet": _bc_resnet,
}
"""Architectures that a model file may name: each appends its nodes, from image to logits."""
