"""ONNX files: the part of the format that a model file may use, and what is refused. Pure.

Messages and field numbers are those of `onnx.proto` (https://onnx.ai/onnx/api/classes.html). What
is not declared here does not exist in a model file: external data, functions, training graphs,
graphs in attributes (control flow), doc strings and metadata of nodes.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
import numpy.typing as npt

from kws.spotting.protobuf import MalformedError, Message

Weights = Mapping[str, npt.NDArray[np.float32]]
"""Arrays of a network by name."""

OPERATORS = frozenset(
    {
        *("Add", "Cast", "Constant", "Conv", "Div", "Erf", "Flatten", "Gemm"),
        *("LayerNormalization", "MatMul", "Mul", "Pad", "ReduceMean", "ReduceSum", "Relu"),
        *("Reshape", "Sigmoid", "Slice", "Softmax", "Transpose", "Unsqueeze"),
    }
)
"""What a graph may compute."""
IR_VERSION, OPSET = 8, 17
BATCH_AXIS = "n"
LARGEST = 64 * 2**20
"""Bytes of a model file."""
FLOAT, INT8, _INT64 = 1, 3, 7
_TYPES: dict[int, np.dtype[Any]] = {
    FLOAT: np.dtype("<f4"),
    INT8: np.dtype("i1"),
    _INT64: np.dtype("<i8"),
}
_TYPE_NAMES = {FLOAT: "float32", INT8: "int8"}
_ATTRIBUTE_FLOAT, _ATTRIBUTE_INT, _ATTRIBUTE_TENSOR, _ATTRIBUTE_INTS = 1, 2, 4, 7
_MOST_VALUES = 16 * 2**20


@dataclass(frozen=True)
class Tensor(Message):
    """Numbers and their shape."""

    dims: Annotated[tuple[int, ...], 1] = ()
    data_type: Annotated[int, 2] = 0
    name: Annotated[str, 8] = ""
    raw_data: Annotated[bytes, 9] = b""

    def array(self) -> npt.NDArray[Any]:
        """The numbers, in the file's own memory.

        Raises:
            MalformedError: shape, type and bytes do not fit together.
        """
        if self.data_type not in _TYPES:
            raise MalformedError(f"tensor {self.name!r} has type {self.data_type}: not float32")
        kind, size = _TYPES[self.data_type], math.prod(self.dims)
        if any(length < 0 for length in self.dims) or size > _MOST_VALUES:
            raise MalformedError(f"tensor {self.name!r} has the shape {self.dims}")
        if size * kind.itemsize != len(self.raw_data):
            raise MalformedError(f"tensor {self.name!r} does not hold what its shape needs")
        numbers: npt.NDArray[Any] = np.frombuffer(self.raw_data, kind)
        return numbers.reshape(self.dims)

    @classmethod
    def of(cls, array: npt.NDArray[Any], name: str = "") -> "Tensor":
        """A tensor with an array's numbers: float32, or int8 or int64 where they are integers."""
        kind = FLOAT
        if np.issubdtype(array.dtype, np.integer):
            kind = INT8 if array.dtype == np.int8 else _INT64
        return cls(array.shape, kind, name, array.astype(_TYPES[kind]).tobytes())


@dataclass(frozen=True)
class Attribute(Message):
    """A setting of a node."""

    name: Annotated[str, 1] = ""
    f: Annotated[float, 2] = 0.0
    i: Annotated[int, 3] = 0
    t: Annotated[Tensor | None, 5] = None
    ints: Annotated[tuple[int, ...], 8] = ()
    type: Annotated[int, 20] = 0


@dataclass(frozen=True)
class Node(Message):
    """An operator, and the names of what it takes and gives."""

    input: Annotated[tuple[str, ...], 1] = ()
    output: Annotated[tuple[str, ...], 2] = ()
    name: Annotated[str, 3] = ""
    op_type: Annotated[str, 4] = ""
    attribute: Annotated[tuple[Attribute, ...], 5] = ()


@dataclass(frozen=True)
class Dimension(Message):
    """A length, or the name of one that the caller chooses."""

    dim_value: Annotated[int, 1] = 0
    dim_param: Annotated[str, 2] = ""


@dataclass(frozen=True)
class Shape(Message):
    """Lengths of all axes."""

    dim: Annotated[tuple[Dimension, ...], 1] = ()


@dataclass(frozen=True)
class TensorType(Message):
    """Type and shape of an input or output."""

    elem_type: Annotated[int, 1] = 0
    shape: Annotated[Shape | None, 2] = None


@dataclass(frozen=True)
class Type(Message):
    """Only tensors go in and out."""

    tensor_type: Annotated[TensorType | None, 1] = None


@dataclass(frozen=True)
class Value(Message):
    """An input or output of the graph."""

    name: Annotated[str, 1] = ""
    type: Annotated[Type | None, 2] = None

    @classmethod
    def of(cls, name: str, *lengths: int) -> "Value":
        """A batch of float32 arrays."""
        dims = (Dimension(dim_param=BATCH_AXIS), *(Dimension(dim_value=each) for each in lengths))
        return cls(name, Type(TensorType(FLOAT, Shape(dims))))

    @property
    def lengths(self) -> tuple[int, ...] | None:
        """Lengths of the axes but for the batch; None where it is anything but such a batch."""
        kind = self.type.tensor_type if self.type is not None else None
        if kind is None or kind.elem_type != FLOAT or kind.shape is None or not kind.shape.dim:
            return None
        batch, *others = kind.shape.dim
        if not batch.dim_param or any(each.dim_param for each in others):
            return None
        return tuple(each.dim_value for each in others)


@dataclass(frozen=True)
class Graph(Message):
    """Nodes in the order of their computation, and the weights."""

    node: Annotated[tuple[Node, ...], 1] = ()
    name: Annotated[str, 2] = ""
    initializer: Annotated[tuple[Tensor, ...], 5] = ()
    input: Annotated[tuple[Value, ...], 11] = ()
    output: Annotated[tuple[Value, ...], 12] = ()


@dataclass(frozen=True)
class Opset(Message):
    """Version of the operators; the domain of ONNX itself is empty."""

    domain: Annotated[str, 1] = ""
    version: Annotated[int, 2] = 0


@dataclass(frozen=True)
class Property(Message):
    """A piece of metadata."""

    key: Annotated[str, 1] = ""
    value: Annotated[str, 2] = ""


@dataclass(frozen=True)
class Model(Message):
    """A whole file."""

    ir_version: Annotated[int, 1] = 0
    producer_name: Annotated[str, 2] = ""
    graph: Annotated[Graph | None, 7] = None
    opset_import: Annotated[tuple[Opset, ...], 8] = ()
    metadata_props: Annotated[tuple[Property, ...], 14] = ()

    @property
    def properties(self) -> dict[str, str]:
        """The metadata."""
        return {each.key: each.value for each in self.metadata_props}


def check(
    model: Model, inputs: Sequence[int], outputs: Sequence[int], types: Sequence[int] = (FLOAT,)
) -> Mapping[str, npt.NDArray[Any]]:
    """The weights of a model whose graph is one that may run.

    Args:
        model: what a file holds.
        inputs: lengths of the axes of the one input, without the batch.
        outputs: those of the one output.
        types: that weights may have: `FLOAT`, `INT8`.

    Raises:
        MalformedError: the graph is not as it has to be.
    """
    graph = model.graph
    if graph is None:
        raise MalformedError("it has no graph")
    if [(each.domain, each.version) for each in model.opset_import] != [("", OPSET)]:
        raise MalformedError(f"its operators are not those of ONNX, version {OPSET}")
    if model.ir_version > IR_VERSION:
        raise MalformedError(f"its IR version is {model.ir_version}, above {IR_VERSION}")
    for kind, values, lengths in (
        ("input", graph.input, tuple(inputs)),
        ("output", graph.output, tuple(outputs)),
    ):
        if [each.lengths for each in values] != [lengths]:
            found = "; ".join(f"{each.name}: {each.lengths}" for each in values) or "none"
            raise MalformedError(f"its {kind} is not one batch of {lengths} (found: {found})")
    weights = {each.name: _weight(each, types) for each in graph.initializer}
    known: set[str] = set()
    _add([each.name for each in graph.initializer], known)
    _add([each.name for each in graph.input], known)
    for node in graph.node:
        _check_node(node, known)
        _add(node.output, known)
    if not all(each.name in known for each in graph.output):
        raise MalformedError("nothing computes its output")
    if not all(np.isfinite(each).all() for each in weights.values()):
        raise MalformedError("some weights are not finite; train or copy it again")
    return weights


def _weight(tensor: Tensor, types: Sequence[int]) -> npt.NDArray[Any]:
    if tensor.data_type not in types:
        allowed = " or ".join(_TYPE_NAMES[each] for each in types)
        raise MalformedError(f"weights {tensor.name!r} have type {tensor.data_type}: not {allowed}")
    return tensor.array()


def _add(names: Sequence[str], known: set[str]) -> None:
    for name in names:
        if name in known:
            raise MalformedError(f"there is {name!r} twice")
        known.add(name)


def _check_node(node: Node, known: set[str]) -> None:
    if node.op_type not in OPERATORS:
        raise MalformedError(f"operator {node.op_type!r} is not one that a model file may have")
    if missing := [each for each in node.input if each and each not in known]:
        raise MalformedError(f"{node.op_type} needs {missing[0]!r}, which nothing computes")
    for each in node.attribute:
        if each.t is not None:
            each.t.array()


def node(operator: str, inputs: Sequence[str], output: str, **settings: object) -> Node:
    """A node; settings are integers, sequences of integers, or an array."""
    return Node(
        tuple(inputs), (output,), output, operator, tuple(map(_attribute, settings.items()))
    )


def _attribute(setting: tuple[str, object]) -> Attribute:
    name, value = setting
    if isinstance(value, np.ndarray):
        return Attribute(name, t=Tensor.of(value), type=_ATTRIBUTE_TENSOR)
    if isinstance(value, int):
        return Attribute(name, i=value, type=_ATTRIBUTE_INT)
    assert isinstance(value, Sequence)
    return Attribute(name, ints=tuple(value), type=_ATTRIBUTE_INTS)
