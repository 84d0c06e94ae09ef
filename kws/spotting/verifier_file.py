"""The file of a verifier: a network that decides on what a keyword model proposes, in ONNX.

Its metadata hold the header (`VerifierHeader`), its graph (`kws.spotting.encoder_graph`) goes from
log-mel frames to posteriors. Files are not trusted: all names, types and shapes follow from the
header, and nothing else ever runs.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from kws.errors import ModelError
from kws.spotting.encoder_graph import (
    ARCHITECTURE,
    FRAME_SAMPLES,
    EncoderSize,
    dequantise,
    input_shape,
    make_graph,
    make_nodes,
    quantise,
)
from kws.spotting.onnx_file import (
    ONNX_BEGIN,
    VERIFIER_FORMAT,
    check_digest,
    decode,
    encodable,
    read_bytes,
    weights_digest,
    write_bytes,
)
from kws.spotting.onnx_format import FLOAT, INT8, Model, Weights, check
from kws.spotting.protobuf import MalformedError
from kws.spotting.torch_file import MAGIC
from kws.spotting.whisper_mel import SAMPLE_RATE
from kws.text import check_plain

VERSION = 1
LONGEST = 10 * SAMPLE_RATE
"""Samples of a window, at most."""
_ARGUMENTS = {"width", "blocks", "head_width"}


@dataclass(frozen=True)
class VerifierHeader:
    """What a verifier's file says beside its weights.

    Attributes:
        name: name of the vocabulary, for people.
        architecture: "WhisperEncoder".
        arguments: what builds the network: width, blocks and head_width of
            `kws.spotting.encoder_graph.EncoderSize`.
        classes: the keywords, in the order of the posteriors.
        sample_rate: of the windows, Hz.
        window_samples: samples in a window.
        licence: under what the weights may be used.
        sources: what the verifier was trained on, a line each with its licence.
        training: settings of the training, and what it took.
        measured: figures that the trainer measured, by name.
    """

    name: str
    architecture: str
    arguments: dict[str, int]
    classes: tuple[str, ...]
    sample_rate: int = SAMPLE_RATE
    window_samples: int = 24_000
    licence: str = ""
    sources: tuple[str, ...] = ()
    training: dict[str, Any] = field(default_factory=dict)
    measured: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_plain(self.name, *self.classes, self.licence, *self.sources)
        if not self.classes or not all(self.classes) or len(set(self.classes)) < len(self.classes):
            raise ValueError("classes must be a list of different words")
        if self.architecture != ARCHITECTURE:
            raise ValueError(f"architecture {self.architecture!r} is not one of: {ARCHITECTURE}")
        if self.sample_rate != SAMPLE_RATE:
            raise ValueError(f"sample_rate must be {SAMPLE_RATE}")
        if self.window_samples % FRAME_SAMPLES or not 0 < self.window_samples <= LONGEST:
            raise ValueError(
                f"window_samples must be a multiple of {FRAME_SAMPLES} up to {LONGEST}"
            )
        if self.arguments.keys() != _ARGUMENTS:
            raise ValueError(f"arguments must be {', '.join(sorted(_ARGUMENTS))}")
        self.size()

    def size(self) -> EncoderSize:
        """What the network's shapes follow from."""
        frames = self.window_samples // FRAME_SAMPLES
        return EncoderSize(classes=len(self.classes), frames=frames, **self.arguments)


@dataclass(frozen=True)
class VerifierFile:
    """What a verifier's file holds; `VerifierFile.of` makes one.

    Attributes:
        header: all but the weights.
        encoded: the bytes of the file, in ONNX.
        origin: where it comes from, for messages.
        parameters: number of weights and biases.
        weights_sha256: checksum of the weights as they are stored.
    """

    header: VerifierHeader
    encoded: bytes
    origin: str
    parameters: int
    weights_sha256: str

    @classmethod
    def of(cls, header: VerifierHeader, weights: Weights, origin: str = "this verifier") -> Self:
        """A header and the weights of a network, which are quantised, as a file.

        Args:
            header: of the file.
            weights: float32, by their names in torch (`train.teacher.network.TeacherNetwork`).
            origin: where they come from, for messages.

        Raises:
            ModelError: the weights are not those of the architecture, or not finite.
        """
        size = header.size()
        try:
            graph = make_graph(quantise(weights, size), size)
            model = encodable(VERIFIER_FORMAT, VERSION, header, graph)
            _check(model, header)
        except ValueError as error:
            raise ModelError(
                f"{origin}: its weights do not fit its architecture {header.architecture}: {error}"
            ) from error
        return cls(header, model.encode(), origin, size.parameters(), weights_digest(graph))

    def weights(self) -> dict[str, npt.NDArray[np.float32]]:
        """Its weights by their names in torch, as they are computed with."""
        graph = Model.decode(self.encoded).graph
        assert graph is not None
        return dequantise({each.name: each.array() for each in graph.initializer})


def save_verifier(file: VerifierFile, path: Path) -> None:
    """Write a verifier's file; an existing one is replaced only by a whole new one.

    Raises:
        OSError: the file cannot be written.
    """
    write_bytes(file.encoded, path)


def read_verifier(path: Path) -> VerifierFile:
    """Read a verifier's file.

    Raises:
        ModelError: the file is missing, damaged, of another program, a keyword model, or holds
            anything but a network and its header (such a file is refused; nothing in it is
            executed).
    """
    origin = f"verifier {path}"
    data = read_bytes(path, origin)
    if not data.startswith(ONNX_BEGIN):
        problem = "not ONNX" if data else "it is empty"
        if data.startswith(MAGIC):
            problem = "a .pt file is none"
        raise ModelError(f"{origin}: not a verifier: {problem}; nothing in it was executed")
    try:
        model, header = decode(data, VERIFIER_FORMAT, VerifierHeader, VERSION, origin)
        _check(model, header)
        check_digest(model)
    except MalformedError as error:
        raise ModelError(
            f"{origin}: not a verifier, or a damaged one ({error}); nothing in it was executed"
        ) from error
    graph = model.graph
    assert graph is not None
    return VerifierFile(header, data, origin, header.size().parameters(), weights_digest(graph))


def _check(model: Model, header: VerifierHeader) -> None:
    """Find whether the graph is that of the header.

    Raises:
        MalformedError: it is not, or weights are of another type or shape.
    """
    size = header.size()
    weights = check(model, input_shape(size), (size.classes,), (FLOAT, INT8))
    found = {name: (each.dtype, each.shape) for name, each in weights.items()}
    if found != size.stored():
        raise MalformedError(f"its weights do not have the shapes of {header.architecture}")
    # An allowed operator can still be told to take all memory: a graph that is not the
    # architecture's own never runs.
    if model.graph is None or model.graph.node != make_nodes(size):
        raise MalformedError(f"its graph is not that of {header.architecture}")
