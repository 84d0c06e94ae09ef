"""Files of verifiers: what is written is what is read, and nothing foreign gets in."""

import json
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from kws.errors import ModelError
from kws.spotting.backends.onnx import OnnxVerifier
from kws.spotting.backends.torch import weights_of
from kws.spotting.model_file import read_model, save_model
from kws.spotting.onnx_format import LARGEST, Graph, Model, Property, Tensor
from kws.spotting.verifier_file import VerifierFile, read_verifier, save_verifier
from tests.spotting.models import untrained_file
from tests.spotting.verifiers import untrained_network, untrained_verifier

Content = dict[str, Any]
Edit = Callable[[Content], object]
WINDOWS = np.random.default_rng(1).normal(0, 0.1, (3, 24_000)).astype(np.float32)


@pytest.fixture(scope="module")
def file() -> VerifierFile:
    return untrained_verifier()


@pytest.fixture
def path(file: VerifierFile, tmp_path: Path) -> Path:
    path = tmp_path / "verifier.onnx"
    save_verifier(file, path)
    return path


def change(path: Path, edit: Edit) -> None:
    """Edit the header of a file."""
    model = Model.decode(path.read_bytes())
    content = {name: json.loads(value) for name, value in model.properties.items()}
    edit(content)
    properties = tuple(Property(name, json.dumps(value)) for name, value in content.items())
    path.write_bytes(replace(model, metadata_props=properties).encode())


def change_graph(path: Path, edit: Callable[[Graph], Graph]) -> None:
    model = Model.decode(path.read_bytes())
    assert model.graph is not None
    path.write_bytes(replace(model, graph=edit(model.graph)).encode())


def test_what_is_written_is_read(file: VerifierFile, path: Path) -> None:
    read = read_verifier(path)
    assert read == replace(file, origin=f"verifier {path}")
    assert (read.header.window_samples, read.header.sample_rate) == (24_000, 16_000)
    ours, theirs = OnnxVerifier(file), OnnxVerifier(read)
    assert np.array_equal(theirs.scores(WINDOWS), ours.scores(WINDOWS))
    assert (theirs.classes, theirs.window_samples) == (("yes", "no", "up", "down"), 24_000)
    assert (theirs.sample_rate, theirs.parameters) == (16_000, file.parameters)


def test_a_keyword_model_is_no_verifier_nor_the_other_way_round(path: Path, tmp_path: Path) -> None:
    model = tmp_path / "model.onnx"
    save_model(untrained_file(), model)
    with pytest.raises(ModelError, match=f"^verifier {model}: is a keyword model, .*model.path"):
        read_verifier(model)
    with pytest.raises(ModelError, match=f"^model file {path}: is a verifier, .*model.verifier"):
        read_model(path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "not a verifier: it is empty; nothing in it was executed"),
        (b"yes, no\n", "not a verifier: not ONNX; nothing"),
        (b"PK\x03\x04 torch", r"not a verifier: a \.pt file is none; nothing"),
        (b"\x08", "not a verifier, or a damaged one"),
        (b"\x08\x08", "not a verifier, or a damaged one"),
    ],
)
def test_what_is_no_verifier_at_all_is_told(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "verifier.onnx"
    path.write_bytes(content)
    with pytest.raises(ModelError, match=f"^verifier {path}: {message}"):
        read_verifier(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"gone\.onnx: cannot be read: No such file"):
        read_verifier(tmp_path / "gone.onnx")


def test_a_file_is_refused_wherever_it_is_cut_and_its_size_is_limited(path: Path) -> None:
    whole = path.read_bytes()
    for size in np.linspace(0, len(whole) - 1, 100).astype(int).tolist():
        path.write_bytes(whole[:size])
        with pytest.raises(ModelError, match=r"empty|cut short|another program|bad header"):
            read_verifier(path)
    with path.open("wb") as opened:
        opened.truncate(LARGEST + 1)
    with pytest.raises(ModelError, match="has more than 64 MiB"):
        read_verifier(path)


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda c: c.clear(), "another program"),
        (lambda c: c.update(format="other"), "another program"),
        (lambda c: c.update(version=2), "format version 2, this kws reads version 1"),
        (lambda c: c.pop("classes"), "bad header.*classes"),
        (lambda c: c.update(classes=[]), "bad header.*different words"),
        (lambda c: c.update(classes=["a", "a"]), "bad header.*different words"),
        (lambda c: c.update(classes=["a"]), "output is not one batch of"),
        (lambda c: c.update(architecture="SmallCNN"), "not one of: WhisperEncoder"),
        (lambda c: c.update(sample_rate=8_000), "sample_rate must be 16000"),
        (lambda c: c.update(window_samples=24_001), "multiple of 320"),
        (lambda c: c.update(window_samples=0), "multiple of 320"),
        (lambda c: c.update(window_samples=320 * 10**9), "multiple of 320 up to 160000"),
        (lambda c: c.update(window_samples=16_000), "input is not one batch of"),
        (lambda c: c["arguments"].pop("width"), "arguments must be blocks, head_width, width"),
        (lambda c: c["arguments"].update(size=1), "arguments must be blocks, head_width, width"),
        (lambda c: c["arguments"].update(width="64"), "bad header.*arguments"),
        (lambda c: c["arguments"].update(width=-64), "width must be"),
        (lambda c: c["arguments"].update(width=128), "do not have the shapes"),
        (lambda c: c["arguments"].update(blocks=1), "do not have the shapes"),
        (lambda c: c["arguments"].update(blocks=10**12), "blocks must be"),
        (lambda c: c.update(weights_sha256="0" * 64), "not those that were written"),
        (lambda c: c.pop("weights_sha256"), "not those that were written"),
    ],
)
def test_a_header_that_contradicts_itself_is_refused(path: Path, edit: Edit, message: str) -> None:
    change(path, edit)
    with pytest.raises(ModelError, match=f"^verifier {path}: .*{message}"):
        read_verifier(path)


def test_metadata_that_is_no_json_is_refused(path: Path) -> None:
    model = Model.decode(path.read_bytes())
    for text in ("", "{", "NaN", "[" * 100_000):
        properties = tuple(
            replace(each, value=text) if each.key == "licence" else each
            for each in model.metadata_props
        )
        path.write_bytes(replace(model, metadata_props=properties).encode())
        with pytest.raises(ModelError, match="bad header"):
            read_verifier(path)


def weight(name: str, edit: Callable[[Tensor], Tensor]) -> Callable[[Graph], Graph]:
    """Changes one array of a graph."""

    def change(graph: Graph) -> Graph:
        arrays = (edit(each) if each.name == name else each for each in graph.initializer)
        return replace(graph, initializer=tuple(arrays))

    return change


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda g: replace(g, node=g.node[:-1]), "nothing computes its output"),
        (lambda g: replace(g, node=g.node[::-1]), "which nothing computes"),
        (
            lambda g: replace(
                g, node=(*g.node[:-1], replace(g.node[-1], input=(*g.node[-1].input[1:], "")))
            ),
            "its graph is not that of WhisperEncoder",
        ),
        (lambda g: replace(g, initializer=g.initializer[1:]), "needs .*, which nothing computes"),
        (
            weight(
                "encoder.norm.bias", lambda t: Tensor.of(np.full(64, math.nan, np.float32), t.name)
            ),
            "not finite",
        ),
        (
            weight("encoder.norm.bias", lambda t: Tensor.of(np.zeros(64, np.int64), t.name)),
            "weights 'encoder.norm.bias' have type 7: not float32 or int8",
        ),
        (
            weight("encoder.norm.bias", lambda t: Tensor.of(np.zeros(64, np.int8), t.name)),
            "do not have the shapes",
        ),
        (
            weight("head.conv2.weight", lambda t: Tensor.of(np.zeros(t.dims, np.float32), t.name)),
            "do not have the shapes",
        ),
        (
            weight("head.conv2.weight", lambda t: replace(t, dims=t.dims[::-1])),
            "do not have the shapes",
        ),
        (
            weight("head.conv2.weight", lambda t: replace(t, raw_data=bytes(len(t.raw_data)))),
            "its weights are not those that were written; copy it again",
        ),
        (
            weight("head.conv2.weight", lambda t: replace(t, raw_data=t.raw_data[1:])),
            "does not hold what its shape needs",
        ),
    ],
)
def test_a_graph_that_is_not_the_architectures_own_is_refused(
    path: Path, edit: Callable[[Graph], Graph], message: str
) -> None:
    change_graph(path, edit)
    with pytest.raises(ModelError, match=f"^verifier {path}: .*{message}"):
        read_verifier(path)


def test_a_keyword_model_may_not_hold_int8(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    save_model(untrained_file(), path)
    change_graph(
        path,
        weight("output.weight", lambda t: Tensor.of(np.zeros(t.dims, np.int8), t.name)),
    )
    with pytest.raises(ModelError, match=r"'output\.weight' have type 3: not float32"):
        read_model(path)


def test_weights_of_another_network_make_no_verifier(file: VerifierFile) -> None:
    weights = weights_of(untrained_network(keywords=3))
    with pytest.raises(ModelError, match="do not fit its architecture WhisperEncoder: head"):
        VerifierFile.of(file.header, weights)
    network = untrained_network()
    torch.nn.init.constant_(network.encoder.norm.bias, math.inf)
    with pytest.raises(ModelError, match="not finite"):
        VerifierFile.of(file.header, weights_of(network))
    torch.nn.init.constant_(network.encoder.norm.bias, 0)
    torch.nn.init.constant_(network.head.value.weight, math.nan)
    with pytest.raises(ModelError, match="not finite"):
        VerifierFile.of(file.header, weights_of(network))


def test_a_failed_write_leaves_the_old_file(file: VerifierFile, path: Path) -> None:
    before = path.read_bytes()
    path.with_name(path.name + ".partial").mkdir()
    with pytest.raises(OSError, match="partial"):
        save_verifier(file, path)
    assert path.read_bytes() == before
