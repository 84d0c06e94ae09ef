"""The ONNX graph of a verifier: the encoder of Whisper (arXiv 2212.04356) under a pooling head.

Weights have the names that the network has in torch (`train.teacher.network`). Those of matrices
and convolutions are stored as int8 with a float32 scale for each output, and turned to float32 in
the graph, which ONNX Runtime does once, when it loads it. All is computed in float32: products of
int8 are computed in other ways on other processors.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from kws.spotting.graphs import INPUT, OUTPUT, Steps
from kws.spotting.onnx_format import FLOAT, Graph, Node, Tensor, Value, Weights
from kws.spotting.whisper_mel import BANDS, HOP

ARCHITECTURE = "WhisperEncoder"
FRAME_SAMPLES = 2 * HOP
"""Samples that each frame of the encoder stands for."""
HEAD_WIDTH = 64
"""Values of a frame that each head of the attention takes."""
MOST_WIDTH, MOST_BLOCKS = 1_280, 32
"""Of the largest Whisper."""
_POSITIONS = "encoder.positions"
_SCALE = "_scale"
_MOST_INT8 = 127

Stored = Mapping[str, npt.NDArray[Any]]
"""Arrays of a file by name: int8, and float32."""


@dataclass(frozen=True)
class EncoderSize:
    """What the shapes of all weights follow from.

    Attributes:
        classes: keywords.
        frames: of the encoder, in a window.
        width: values of a frame.
        blocks: of the transformer.
        head_width: channels of the head's convolutions.
    """

    classes: int
    frames: int
    width: int
    blocks: int
    head_width: int

    def __post_init__(self) -> None:
        if self.width % HEAD_WIDTH or not 0 < self.width <= MOST_WIDTH:
            raise ValueError(f"width must be a multiple of {HEAD_WIDTH} up to {MOST_WIDTH}")
        if not (0 < self.blocks <= MOST_BLOCKS and 0 < self.head_width <= MOST_WIDTH):
            raise ValueError(
                f"blocks must be from 1 to {MOST_BLOCKS}, head_width from 1 to {MOST_WIDTH}"
            )

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Shape of each weight of the network, by its name in torch."""
        width, head = self.width, self.head_width
        layers: dict[str, tuple[int, ...]] = {
            "encoder.conv1": (width, BANDS, 3),
            "encoder.conv2": (width, width, 3),
        }
        for number in range(self.blocks):
            block = f"encoder.blocks.{number}"
            layers |= {
                f"{block}.attention_norm": (width,),
                f"{block}.query_key_value": (3 * width, width),
                f"{block}.attention_out": (width, width),
                f"{block}.feed_norm": (width,),
                f"{block}.feed_in": (4 * width, width),
                f"{block}.feed_out": (width, 4 * width),
            }
        layers |= {
            "encoder.norm": (width,),
            "head.conv1": (head, width, 3),
            "head.conv2": (head, head, 3),
            "head.weight": (1 + self.classes, head, 1),
            "head.value": (1 + self.classes, head, 1),
        }
        shapes: dict[str, tuple[int, ...]] = {_POSITIONS: (self.frames, width)}
        for name, shape in layers.items():
            shapes |= {f"{name}.weight": shape, f"{name}.bias": shape[:1]}
        return shapes

    def stored(self) -> dict[str, tuple[np.dtype[Any], tuple[int, ...]]]:
        """Type and shape of each array of a file, by name."""
        arrays: dict[str, tuple[np.dtype[Any], tuple[int, ...]]] = {}
        for name, shape in self.shapes().items():
            if _is_quantised(name, shape):
                scales = (shape[0], *(1 for _ in shape[1:]))
                arrays[name] = (np.dtype(np.int8), shape)
                arrays[name + _SCALE] = (np.dtype(np.float32), scales)
            else:
                arrays[name] = (np.dtype(np.float32), shape)
        return arrays

    def parameters(self) -> int:
        """Number of weights and biases; the positions are fixed."""
        shapes = self.shapes()
        return sum(math.prod(shape) for name, shape in shapes.items() if name != _POSITIONS)


def quantise(weights: Weights, size: EncoderSize) -> Stored:
    """What a file stores of a network's weights: matrices and convolutions as int8.

    Args:
        weights: by their names in torch; of the positions as many as there are, or more.
        size: what they have to fit.

    Raises:
        ValueError: they do not, or are not finite.
    """
    shapes = size.shapes()
    if weights.keys() != shapes.keys():
        different = sorted(weights.keys() ^ shapes.keys())
        raise ValueError(f"{different[0]} is missing or too much")
    stored: dict[str, npt.NDArray[Any]] = {}
    for name, shape in shapes.items():
        array = weights[name][: size.frames] if name == _POSITIONS else weights[name]
        if array.shape != shape:
            raise ValueError(f"{name} has the shape {array.shape}, not {shape}")
        array = array.astype(np.float32)
        if not np.isfinite(array).all():
            raise ValueError("some weights are not finite; train it again")
        if _is_quantised(name, shape):
            stored[name], stored[name + _SCALE] = _as_int8(array)
        else:
            stored[name] = array
    return stored


def dequantise(stored: Stored) -> dict[str, npt.NDArray[np.float32]]:
    """Weights of a network by their names in torch, as they are computed with.

    Args:
        stored: the arrays of a file.
    """
    return {
        name: array.astype(np.float32) * stored.get(name + _SCALE, np.float32(1))
        for name, array in stored.items()
        if not name.endswith(_SCALE)
    }


def make_nodes(size: EncoderSize) -> tuple[Node, ...]:
    """The nodes of a verifier's graph."""
    steps = _EncoderSteps(size)
    steps.convolve_time("encoder.conv1")
    steps.gelu()
    steps.convolve_time("encoder.conv2", stride=2)
    steps.gelu()
    steps.add("Transpose", perm=(0, 2, 1))
    steps.add("Add", _POSITIONS)
    for number in range(size.blocks):
        steps.block(f"encoder.blocks.{number}")
    steps.normalise("encoder.norm")
    steps.add("Transpose", perm=(0, 2, 1))
    steps.convolve_time("head.conv1")
    steps.gelu()
    steps.convolve_time("head.conv2")
    hidden = steps.gelu()
    steps.convolve_time("head.weight", width=1)
    weight = steps.add("Softmax", axis=2)
    steps.last = hidden
    steps.convolve_time("head.value", width=1)
    steps.add("Mul", weight)
    steps.add("ReduceSum", steps.constant([2]), keepdims=0)
    steps.add("Softmax", axis=-1)
    # "none" is the first class.
    steps.slice(axis=1, first=1, end=1 + size.classes, name=OUTPUT)
    return tuple(steps.nodes)


def make_graph(stored: Stored, size: EncoderSize) -> Graph:
    """The graph of a verifier, with the arrays of `quantise` in it."""
    return Graph(
        make_nodes(size),
        ARCHITECTURE,
        tuple(Tensor.of(stored[name], name) for name in size.stored()),
        (Value.of(INPUT, *input_shape(size)),),
        (Value.of(OUTPUT, size.classes),),
    )


def input_shape(size: EncoderSize) -> tuple[int, int]:
    """Lengths of the axes of the graph's input, without the batch."""
    return BANDS, size.frames * FRAME_SAMPLES // HOP


def _as_int8(
    array: npt.NDArray[np.float32],
) -> tuple[npt.NDArray[np.int8], npt.NDArray[np.float32]]:
    """The nearest multiples of a step for each output, and the steps."""
    highest = np.abs(array).max(axis=tuple(range(1, array.ndim)), keepdims=True)
    scale = highest / np.float32(_MOST_INT8)
    scale = np.where(scale > 0, scale, np.float32(1))
    multiples = np.clip(np.rint(array / scale), -_MOST_INT8, _MOST_INT8)
    return multiples.astype(np.int8), scale


def _is_quantised(name: str, shape: tuple[int, ...]) -> bool:
    return len(shape) > 1 and name != _POSITIONS


class _EncoderSteps(Steps):
    """The layers of an encoder.

    Args:
        size: of it.
    """

    def __init__(self, size: EncoderSize) -> None:
        super().__init__({})
        self._width, self._heads = size.width, size.width // HEAD_WIDTH
        self._root_2 = self.constant(np.array(math.sqrt(2), np.float32))
        self._one, self._half = (self.constant(np.array(each, np.float32)) for each in (1, 0.5))

    def convolve_time(self, name: str, *, width: int = 3, stride: int = 1) -> str:
        """A convolution over time that keeps the frames, or one in each `stride`."""
        weight = self._float(name)
        pads = (width // 2, width // 2)
        return self.add(
            *("Conv", weight, f"{name}.bias"), kernel_shape=(width,), strides=(stride,), pads=pads
        )

    def dense(self, name: str) -> str:
        """A dense layer of each frame."""
        before = self.last
        self.last = self._float(name)
        weight = self.add("Transpose", perm=(1, 0))
        self.combine("MatMul", before, weight)
        return self.add("Add", f"{name}.bias")

    def normalise(self, name: str) -> str:
        """Layer normalisation of each frame."""
        return self.add("LayerNormalization", f"{name}.weight", f"{name}.bias")

    def gelu(self) -> str:
        """x (1 + erf(x / √2)) / 2, in the order that ONNX Runtime knows as one function."""
        before = self.last
        self.add("Div", self._root_2)
        self.add("Erf")
        self.add("Add", self._one)
        self.combine("Mul", before, self.last)
        return self.add("Mul", self._half)

    def slice(self, *, axis: int, first: int, end: int, name: str = "") -> str:
        """The part of an axis from `first` up to `end`."""
        return self.add("Slice", *map(self.constant, ([first], [end], [axis])), name=name)

    def block(self, name: str) -> None:
        """A block of the transformer, normalised before its two parts."""
        before = self.last
        self.normalise(f"{name}.attention_norm")
        self._attend(f"{name}.query_key_value")
        self.dense(f"{name}.attention_out")
        before = self.add("Add", before)
        self.normalise(f"{name}.feed_norm")
        self.dense(f"{name}.feed_in")
        self.gelu()
        self.dense(f"{name}.feed_out")
        self.add("Add", before)

    def _attend(self, name: str) -> None:
        """Scaled dot-product attention (arXiv 1706.03762) of several heads."""
        heads = self._heads
        self.dense(name)
        self.add("Reshape", self.constant([0, 0, 3 * heads, HEAD_WIDTH]))
        parts = self.add("Transpose", perm=(0, 2, 1, 3))
        query = self.slice(axis=1, first=0, end=heads)
        self.last = parts
        self.slice(axis=1, first=heads, end=2 * heads)
        key = self.add("Transpose", perm=(0, 1, 3, 2))
        self.last = parts
        value = self.slice(axis=1, first=2 * heads, end=3 * heads)
        self.combine("MatMul", query, key)
        self.add("Mul", self.constant(np.array(HEAD_WIDTH**-0.5, np.float32)))
        self.add("Softmax", axis=-1)
        self.add("MatMul", value)
        self.add("Transpose", perm=(0, 2, 1, 3))
        self.add("Reshape", self.constant([0, 0, self._width]))

    def _float(self, name: str) -> str:
        """The weights of that name as float32; what comes last stays."""
        before = self.last
        self.combine("Cast", f"{name}.weight", to=FLOAT)
        weight = self.add("Mul", f"{name}.weight{_SCALE}")
        self.last = before
        return weight
