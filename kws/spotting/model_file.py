"""The model file: everything that a keyword model is, in one ONNX file.

Its metadata hold the header (`ModelHeader`), a property a field, each as JSON; its graph goes from
log-mel windows to posteriors. `.pt` files of kws 0.1 are read too. Files are not trusted: see
`kws.spotting.onnx_format` and `kws.spotting.torch_file`.
"""

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import msgspec
import numpy as np
import numpy.typing as npt

from kws.errors import ModelError
from kws.spotting.graphs import make_graph, make_nodes
from kws.spotting.header import ModelHeader
from kws.spotting.onnx_file import (
    MODEL_FORMAT,
    ONNX_BEGIN,
    check_digest,
    decode,
    encodable,
    header_of,
    read_bytes,
    write_bytes,
)
from kws.spotting.onnx_format import Weights, check
from kws.spotting.protobuf import MalformedError
from kws.spotting.torch_file import (
    MAGIC,
    ForeignObjectError,
    MalformedTorchFileError,
    read_torch,
)

VERSION = 2
_TORCH_VERSION = 1
"""Of the `.pt` files of kws 0.1."""


@dataclass(frozen=True)
class ModelFile:
    """What a model file holds; `ModelFile.of` makes one.

    Attributes:
        header: all but the weights.
        weights: of the network, by name.
        encoded: the bytes of the file, in ONNX.
        origin: where it comes from, for messages.
    """

    header: ModelHeader
    weights: Weights
    encoded: bytes
    origin: str

    @property
    def parameters(self) -> int:
        """Number of weights and biases."""
        return sum(each.size for each in self.weights.values())

    @classmethod
    def of(cls, header: ModelHeader, weights: Weights, origin: str = "this model") -> Self:
        """A header and weights of any precision as a file.

        Raises:
            ModelError: the weights are not those of the architecture, or not finite.
        """
        try:
            weights = {name: _float32(name, each) for name, each in weights.items()}
            graph = make_graph(
                header.architecture,
                weights,
                mean=header.mean,
                scale=header.scale,
                window_frames=header.window_frames,
                reference_class=header.reference_class,
            )
            model = encodable(MODEL_FORMAT, VERSION, header, graph)
            check(model, *_shapes(header))
        except (KeyError, IndexError, TypeError, ValueError) as error:
            raise ModelError(
                f"{origin}: its weights do not fit its architecture {header.architecture}: {error}"
            ) from error
        return cls(header, weights, model.encode(), origin)

    def with_header(self, header: ModelHeader) -> "ModelFile":
        """The same weights under another header."""
        return ModelFile.of(header, self.weights, self.origin)


def _float32(name: str, array: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
    if array.dtype.kind != "f":
        raise ValueError(f"{name} holds {array.dtype}, not floating-point numbers")
    return array.astype(np.float32, copy=False)


def _shapes(header: ModelHeader) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Lengths of the axes of input and output, without the batch."""
    return (header.front_end.bands, header.window_frames), (len(header.classes),)


def save_model(file: ModelFile, path: Path) -> None:
    """Write a model file; an existing one is replaced only by a whole new one.

    Raises:
        ModelError: the weights are not those of the architecture.
        OSError: the file cannot be written.
    """
    write_bytes(file.encoded, path)


def read_model(path: Path) -> ModelFile:
    """Read a model file.

    Raises:
        ModelError: the file is missing, damaged, of another program, or holds anything but a
            network and its header (such a file is refused; nothing in it is executed).
    """
    data = read_bytes(path, f"model file {path}")
    if data.startswith(MAGIC):
        return _of_torch(path, data)
    if data.startswith(ONNX_BEGIN):
        return _of_onnx(path, data)
    problem = "neither ONNX nor a .pt file of kws 0.1" if data else "it is empty"
    raise ModelError(f"model file {path}: not a model file: {problem}; nothing in it was executed")


def _of_onnx(path: Path, data: bytes) -> ModelFile:
    origin = f"model file {path}"
    try:
        model, header = decode(data, MODEL_FORMAT, ModelHeader, VERSION, origin)
        weights = check(model, *_shapes(header))
        # An allowed operator can still be told to take all memory: a graph that is not the
        # architecture's own never runs.
        own = make_nodes(
            header.architecture,
            weights,
            mean=header.mean,
            scale=header.scale,
            reference_class=header.reference_class,
        )
        if model.graph is None or model.graph.node != own:
            raise MalformedError(f"its graph is not that of {header.architecture}")
        check_digest(model)
    except (MalformedError, KeyError) as error:
        raise ModelError(
            f"{origin}: not a model file, or a damaged one ({error}); nothing in it was executed"
        ) from error
    return ModelFile(header, weights, data, origin)


def _of_torch(path: Path, data: bytes) -> ModelFile:
    try:
        content = read_torch(data)
    except ForeignObjectError as error:
        raise ModelError(f"model file {path}: {error}; nothing in it was executed") from error
    except MalformedTorchFileError as error:
        raise ModelError(
            f"model file {path}: not a model file, or a damaged one; nothing in it was executed"
        ) from error
    if not isinstance(content, dict) or not _is_text(content.get("format"), MODEL_FORMAT):
        if isinstance(content, dict) and content and _are_arrays(content):
            raise ModelError(
                f"model file {path}: bare weights without their class list; a model file of kws "
                "carries its classes and front end. Make one, naming the classes in the order of "
                "the network's outputs, in a checkout of kws: python -m train export "
                f"--classes yes,no,up,down {shlex.quote(str(path))} OUTPUT.onnx"
            )
        raise ModelError(f"model file {path}: written by another program, not by kws")
    origin, declared = f"model file {path}", content.get("header")
    values = {**(declared if isinstance(declared, dict) else {}), "version": content.get("version")}
    header = header_of(_plain(values, origin), ModelHeader, _TORCH_VERSION, origin)
    weights = content.get("state_dict")
    if not isinstance(weights, dict) or not _are_arrays(weights):
        raise ModelError(
            f"model file {path}: its weights do not fit its architecture {header.architecture}"
        )
    named = {str(name): each for name, each in weights.items()}
    return ModelFile.of(header, named, origin)


def _plain(values: Mapping[str, Any], origin: str) -> dict[str, Any]:
    """Values of a pickle as those of JSON, which is what the header of a current file holds.

    Raises:
        ModelError: there are arrays among them, or text that is none; `origin` stands first.
    """
    try:
        plain: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(values))
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        raise ModelError(f"{origin}: bad header: not only plain values: {error}") from error
    return plain


def _is_text(value: object, text: str) -> bool:
    # An array would be compared number by number.
    return isinstance(value, str) and value == text


def _are_arrays(values: Mapping[Any, Any]) -> bool:
    return all(isinstance(each, np.ndarray) for each in values.values())
