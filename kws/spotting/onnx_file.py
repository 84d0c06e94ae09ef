"""An ONNX file with a header in its metadata: what model files and verifiers have in common.

A property of the metadata is a field of the header, as JSON; beside these there are the file's
format, its version, and a checksum of the weights.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from kws.errors import ModelError
from kws.spotting.onnx_format import IR_VERSION, LARGEST, OPSET, Graph, Model, Opset, Property
from kws.spotting.protobuf import MalformedError

MODEL_FORMAT, VERIFIER_FORMAT = "kws-model", "kws-verifier"
ONNX_BEGIN = b"\x08"
"""The key of a model's first field, its IR version."""
_OTHERS = {
    MODEL_FORMAT: (
        "is a keyword model, which detects by itself; set model.path to it, and model.verifier to "
        "a verifier, auto or none"
    ),
    VERIFIER_FORMAT: (
        "is a verifier, which only confirms what a keyword model detects; set model.path to a "
        "keyword model, and model.verifier to this file"
    ),
}
"""What is said of a file where the other format is wanted."""
T = TypeVar("T")


def read_bytes(path: Path, origin: str) -> bytes:
    """All of a file that is not too large for one.

    Raises:
        ModelError: it cannot be read, or is too large; `origin` stands first.
    """
    try:
        with path.open("rb") as opened:
            data = opened.read(LARGEST + 1)
    except OSError as error:
        raise ModelError(f"{origin}: cannot be read: {error.strerror}") from error
    if len(data) > LARGEST:
        raise ModelError(f"{origin}: has more than {LARGEST >> 20} MiB")
    return data


def write_bytes(data: bytes, path: Path) -> None:
    """Write a file; an existing one is replaced only by a whole new one.

    Raises:
        OSError: it cannot be written.
    """
    partial = path.with_name(path.name + ".partial")
    partial.write_bytes(data)
    partial.replace(path)


def encodable(kind: str, version: int, header: Any, graph: Graph) -> Model:
    """A file of that format: a graph under a header, which is a dataclass."""
    values = {"format": kind, "version": version, "weights_sha256": weights_digest(graph)}
    values |= {each.name: getattr(header, each.name) for each in fields(header)}
    properties = (
        Property(name, msgspec.json.encode(value).decode()) for name, value in values.items()
    )
    return Model(IR_VERSION, "kws", graph, (Opset(version=OPSET),), tuple(properties))


def decode(data: bytes, kind: str, header: type[T], version: int, origin: str) -> tuple[Model, T]:
    """A file of one format, and its header. The graph is not checked.

    Args:
        data: of the file.
        kind: its format, `MODEL_FORMAT` or `VERIFIER_FORMAT`.
        header: type of its header.
        version: of the format that this kws reads.
        origin: stands first in messages.

    Raises:
        MalformedError: it is no ONNX, or has no graph.
        ModelError: it is of the other format, of another program, or has no such header.
    """
    model = Model.decode(data)
    declared = model.properties.get("format")
    if declared != f'"{kind}"':
        for other, message in _OTHERS.items():
            if declared == f'"{other}"':
                raise ModelError(f"{origin}: {message}")
        if model.graph is None:
            raise MalformedError("it has no graph")
        raise ModelError(f"{origin}: written by another program, not by kws")
    return model, header_of(metadata_of(model, origin), header, version, origin)


def metadata_of(model: Model, origin: str) -> dict[str, Any]:
    """The values in a file's metadata, by name.

    Raises:
        ModelError: they are no JSON; `origin` stands first.
    """
    try:
        return {name: msgspec.json.decode(value) for name, value in model.properties.items()}
    except (msgspec.DecodeError, RecursionError) as error:
        raise ModelError(f"{origin}: bad header: {error}") from error


def header_of(values: Mapping[str, Any], kind: type[T], version: int, origin: str) -> T:
    """The header that values are.

    Args:
        values: as `metadata_of` gives them.
        kind: of the header.
        version: of the file's format that this kws reads.
        origin: stands first in messages.

    Raises:
        ModelError: the file is of another version, or the values are no such header.
    """
    if values.get("version") != version:
        raise ModelError(
            f"{origin}: format version {values.get('version')!r}, "
            f"this kws reads version {version}; upgrade kws or export the model again"
        )
    try:
        return msgspec.convert(values, kind)
    except (msgspec.ValidationError, RecursionError) as error:
        raise ModelError(f"{origin}: bad header: {error}") from error


def check_digest(model: Model) -> None:
    """Compare the weights with their checksum.

    Raises:
        MalformedError: they are others.
    """
    graph = model.graph or Graph()
    if model.properties.get("weights_sha256") != f'"{weights_digest(graph)}"':
        raise MalformedError("its weights are not those that were written; copy it again")


def weights_digest(graph: Graph) -> str:
    """SHA-256 of all weights: a bit that a worn memory card turns would go unnoticed."""
    digest = hashlib.sha256()
    for tensor in graph.initializer:
        digest.update(tensor.raw_data)
    return digest.hexdigest()
