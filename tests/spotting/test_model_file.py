"""Model files: what is written is what is read, and nothing foreign gets in."""

import json
import math
import pickle
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from kws.config.paths import bundled_models
from kws.config.schema import Engine
from kws.errors import ModelError
from kws.spotting.header import ModelHeader
from kws.spotting.load import load_model, open_model
from kws.spotting.model_file import ModelFile, read_model, save_model
from kws.spotting.onnx_format import LARGEST, Graph, Model, Property, Tensor
from kws.text import is_plain
from tests.spotting.models import (
    EAGER,
    calibrated_file,
    calibrated_model,
    untrained_file,
    untrained_model,
    write_torch_file,
)

Content = dict[str, Any]
Edit = Callable[[Content], object]
WINDOWS = np.random.default_rng(1).normal(-2, 2, (40, 40, 98)).astype(np.float32)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "model.onnx"
    save_model(untrained_file(), path)
    return path


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A file as kws 0.1 wrote it."""
    path = tmp_path / "model.pt"
    write_torch_file(untrained_file(), path)
    return path


def change(path: Path, edit: Edit) -> None:
    """Edit the header of a file."""
    model = Model.decode(path.read_bytes())
    content = {name: json.loads(value) for name, value in model.properties.items()}
    edit(content)
    properties = tuple(Property(name, json.dumps(value)) for name, value in content.items())
    path.write_bytes(replace(model, metadata_props=properties).encode())


def change_old(path: Path, edit: Edit) -> None:
    """Edit what a file of kws 0.1 holds."""
    content = torch.load(path, weights_only=True)
    edit(content)
    torch.save(content, path)


def change_graph(path: Path, edit: Callable[[Graph], Graph]) -> None:
    model = Model.decode(path.read_bytes())
    assert model.graph is not None
    path.write_bytes(replace(model, graph=edit(model.graph)).encode())


def test_what_is_written_is_read(path: Path) -> None:
    model, read = untrained_model(), load_model(path)
    assert read.header == model.header
    assert np.array_equal(read.posteriors(WINDOWS), model.posteriors(WINDOWS))
    assert read.posteriors(WINDOWS).shape == (40, 4)
    assert read.posteriors(WINDOWS[:0]).shape == (0, 4)
    assert (read.sample_rate, read.window_samples, read.parameters) == (16_000, 16_000, 1_089_540)


def test_a_file_of_the_release_before_is_the_same_model(path: Path, old: Path) -> None:
    current, before = read_model(path), read_model(old)
    assert before.header == current.header
    assert before.encoded == current.encoded
    assert before.weights.keys() == current.weights.keys()
    expected = load_model(path).posteriors(WINDOWS)
    assert np.array_equal(load_model(old).posteriors(WINDOWS), expected)
    assert np.allclose(load_model(old, "torch").posteriors(WINDOWS), expected, atol=1e-5)
    # Written again, it is a current one.
    save_model(before, old)
    assert old.read_bytes() == path.read_bytes()


@pytest.mark.parametrize("bit", [0, 7, 30])
def test_a_changed_bit_in_the_weights_is_refused(path: Path, bit: int) -> None:
    model = Model.decode(path.read_bytes())
    assert model.graph is not None
    tensor = next(each for each in model.graph.initializer if each.name == "hidden.weight")
    data = bytearray(path.read_bytes())
    at = bytes(data).index(bytes(tensor.raw_data)) + 4 * 1_000 + bit // 8
    data[at] ^= 1 << bit % 8
    path.write_bytes(data)
    with pytest.raises(ModelError, match=r"weights are not (those that were written|finite)"):
        load_model(path)


def test_a_calibration_and_a_context_are_kept(path: Path, old: Path) -> None:
    file = calibrated_file()
    file = file.with_header(replace(file.header, context="alone"))
    save_model(file, path)
    write_torch_file(file, old)
    for header in (load_model(path).header, load_model(old).header):
        assert header == file.header
        assert header.calibration is not None
        assert header.calibration.at(3.0).thresholds == dict.fromkeys(header.classes, 0.5)


def test_a_file_without_them_loads(path: Path, old: Path) -> None:
    def forget(header: Content) -> None:
        del header["calibration"], header["context"]

    change(path, forget)
    change_old(old, lambda content: forget(content["header"]))
    for file in (path, old):
        header = load_model(file).header
        assert (header.calibration, header.context) == (None, "anywhere")


def test_thresholds_for_a_spotter_by_their_false_alarms() -> None:
    model = calibrated_model()
    assert model.trigger_at(3.0)["no"] == replace(EAGER, threshold=0.5)
    assert model.trigger_at(30.0)["no"] == replace(EAGER, threshold=0.2, release=0.2)
    with pytest.raises(ValueError, match="cannot be shown"):
        model.trigger_at(0.4)
    with pytest.raises(ValueError, match="'untrained' is not calibrated; set thresholds"):
        untrained_model().trigger_at(3.0)


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda c: c["points"][0]["thresholds"].pop("yes"), "for exactly the classes"),
        (lambda c: c["points"][0]["thresholds"].update(maybe=0.5), "for exactly the classes"),
        (lambda c: c["points"][0]["thresholds"].update(yes=0.0), "above 0 and at most 1"),
        (lambda c: c.update(points=c["points"][::-1]), "must ascend"),
        (lambda c: c.update(points=[]), "at least one"),
        (lambda c: c["points"][0].update(miss_rate=2), "from 0 to 1"),
        (lambda c: c.update(hours=0), "above 0"),
        (lambda c: c.pop("hours"), "hours"),
    ],
)
def test_a_calibration_that_contradicts_itself_is_refused(
    path: Path, edit: Edit, message: str
) -> None:
    save_model(calibrated_file(), path)
    change(path, lambda content: edit(content["calibration"]))
    with pytest.raises(ModelError, match=f"bad header.*{message}"):
        load_model(path)


def test_every_bundled_model_loads() -> None:
    assert "yes-no-up-down" in bundled_models()
    for name, file in bundled_models().items():
        model = load_model(name)
        assert model.header.name == name == file.stem
        assert model.header.licence
        assert model.header.sources
        assert file.stat().st_size <= 4_400_000 * max(1, model.parameters / 1_089_540)


def test_the_default_model_is_the_published_one() -> None:
    model = load_model()
    assert model.classes == ("yes", "no", "up", "down")
    assert model.header.architecture == "SmallCNN"
    assert model.parameters == 1_089_540


def test_a_missing_model_names_the_bundled_ones(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"'nothing' not found.*bundled: .*yes-no-up-down"):
        load_model("nothing")
    with pytest.raises(ModelError, match="is a folder"):
        load_model(tmp_path)


@pytest.mark.parametrize("size", [0, 1, 3, 100, 10_000, 3_000_000])
def test_a_file_that_is_cut_short_is_refused(path: Path, old: Path, size: int) -> None:
    for file in (path, old):
        file.write_bytes(file.read_bytes()[:size])
        with pytest.raises(ModelError, match=f"{file}: not a model file") as caught:
            load_model(file)
        assert ("it is empty" in str(caught.value)) is (size == 0)


def test_a_file_is_refused_wherever_it_is_cut_and_its_size_is_limited(path: Path) -> None:
    whole = path.read_bytes()
    for size in np.linspace(0, len(whole) - 1, 200).astype(int).tolist():
        path.write_bytes(whole[:size])
        with pytest.raises(ModelError, match=r"empty|cut short|another program|bad header"):
            load_model(path)
    with path.open("wb") as opened:
        opened.truncate(LARGEST + 1)
    with pytest.raises(ModelError, match="has more than 64 MiB"):
        load_model(path)


def test_a_file_of_another_program_is_refused(path: Path, tmp_path: Path) -> None:
    change(path, lambda content: content.pop("format"))
    with pytest.raises(ModelError, match="another program"):
        load_model(path)
    foreign = tmp_path / "foreign.pt"
    foreign.write_text("no model at all")
    with pytest.raises(ModelError, match="not a model file"):
        load_model(foreign)
    torch.save({"epoch": 3, "weights": torch.zeros(2)}, foreign)
    with pytest.raises(ModelError, match="another program"):
        load_model(foreign)
    weights = untrained_file().weights
    torch.save({name: torch.from_numpy(each) for name, each in weights.items()}, foreign)
    with pytest.raises(ModelError, match="bare weights without their class list") as caught:
        load_model(foreign)
    # All that one has to type, but for the words.
    command = f"python -m train export --classes yes,no,up,down {foreign} OUTPUT.onnx"
    assert command in str(caught.value)


@pytest.mark.parametrize(
    "content", [b"yes, no, up, down\n", b"\xff\xfe random", bytes(100), b"{}", b"RIFF\x00WAVE"]
)
def test_a_file_that_is_no_model_is_reported_first(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(content)
    expected = f"^model file {path}: not a model file: neither ONNX nor a .pt file of kws 0.1; "
    with pytest.raises(ModelError, match=expected):
        load_model(path)


@pytest.mark.parametrize(
    "content", [b"", b"\x08", b"\x08\x08", b"\x08\xff", b"PK\x03\x04 no torch"]
)
def test_no_phrase_is_twice_in_a_message(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(content)
    with pytest.raises(ModelError) as caught:
        load_model(path)
    for phrase in ("not a model file", "damaged", "cut short", "empty"):
        assert str(caught.value).count(phrase) <= 1, phrase


class _Hostile:
    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (self.marker,))


@pytest.mark.parametrize(
    "write", [torch.save, lambda item, path: path.write_bytes(pickle.dumps(item))]
)
def test_a_hostile_file_is_refused_and_not_executed(
    tmp_path: Path, write: Callable[[object, Path], object]
) -> None:
    marker, hostile = tmp_path / "executed", tmp_path / "hostile.pt"
    write({"format": "kws-model", "header": _Hostile(marker)}, hostile)
    with pytest.raises(ModelError, match="nothing in it was executed"):
        load_model(hostile)
    assert not marker.exists()


HEADERS: list[tuple[Edit, str]] = [
    (lambda c: c.clear(), "bad header|another program"),
    (lambda c: c.pop("classes"), "bad header.*classes"),
    (lambda c: c.update(classes=["yes"]), "bad header.*exactly the classes"),
    (lambda c: c.update(classes=["a", "a"]), "different words"),
    (lambda c: c.update(mean=[0.0]), "40 values"),
    (lambda c: c.update(scale=[0.0] * 40), "scale above 0"),
    (lambda c: c.update(architecture="Huge"), "not one of: SmallCNN"),
    (lambda c: c["front_end"].update(bands=0), "bad header"),
    (lambda c: c["front_end"].update(fft_length=10**10), "bad header.*65536"),
    (lambda c: c.update(hop_s=0), "bad header.*hop_s"),
    (lambda c: c.update(window_frames=10**9), "bad header.*window_frames"),
    (lambda c: c.update(context="here"), "bad header.*context"),
    (lambda c: c["trigger"]["no"].update(smoothing_s=1e12), "smoothing_s must"),
]


@pytest.mark.parametrize(("edit", "message"), HEADERS)
def test_a_header_that_contradicts_itself_is_refused(
    path: Path, old: Path, edit: Edit, message: str
) -> None:
    change(path, edit)
    change_old(old, lambda content: edit(content["header"]))
    for file in (path, old):
        with pytest.raises(ModelError, match=f"{file}: .*({message})"):
            load_model(file)


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda c: c.update(version=99), "format version 99"),
        (lambda c: c.pop("header"), "bad header"),
        (lambda c: c["header"]["front_end"].update(floor=math.nan), "bad header.*floor"),
        (lambda c: c["header"].update(hop_s=math.nan), "bad header.*hop_s"),
        (lambda c: c["header"]["trigger"]["no"].update(patience_s=math.inf), "patience_s"),
        (lambda c: c["header"].update(classes=["a"], trigger={"a": {}}), "do not fit.*output"),
        (lambda c: c["header"].update(window_frames=50), "cannot run"),
        (lambda c: c["header"].update(architecture="BCResNet"), "do not fit"),
        (lambda c: c.pop("state_dict"), "do not fit"),
        (lambda c: c.update(state_dict=[1]), "do not fit"),
        (lambda c: c["state_dict"].popitem(), "do not fit"),
        (lambda c: c["state_dict"].update({"output.bias": torch.tensor(1.0)}), "do not fit"),
        (lambda c: c["state_dict"].update({"hidden.bias": torch.zeros(9)}), "do not fit|cannot"),
        (
            lambda c: c["state_dict"].update({"hidden.bias": torch.zeros(256).int()}),
            "hidden.bias holds int32, not floating",
        ),
        (lambda c: c["state_dict"].update({"log_mel": torch.zeros(9)}), "do not fit|cannot"),
        (lambda c: c["state_dict"]["output.bias"].fill_(math.nan), "not finite"),
    ],
)
def test_a_file_of_the_release_before_that_contradicts_itself_is_refused(
    old: Path, edit: Edit, message: str
) -> None:
    change_old(old, edit)
    with pytest.raises(ModelError, match=f"{old}: .*({message})"):
        load_model(old)


@pytest.mark.parametrize("kind", [torch.float64, torch.float16])
def test_weights_of_another_precision_become_float32(old: Path, kind: torch.dtype) -> None:
    def convert(content: Content) -> None:
        weights = content["state_dict"]
        content["state_dict"] = {name: each.to(kind) for name, each in weights.items()}

    expected = load_model(old).posteriors(WINDOWS)
    change_old(old, convert)
    assert {each.dtype for each in read_model(old).weights.values()} == {np.dtype(np.float32)}
    for engine in ("onnx", "torch"):
        posteriors = load_model(old, engine).posteriors(WINDOWS)
        assert np.allclose(posteriors, expected, atol=1e-5 if kind == torch.float64 else 0.05)


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda c: c.update(version=99), "format version 99"),
        (lambda c: c.update(version="2"), "format version '2'"),
        (lambda c: c.update(format="other"), "another program"),
        (lambda c: c.update(classes=["a"], trigger={"a": {}}), "output is not one batch of"),
        (lambda c: c.update(window_frames=97), "input is not one batch of"),
    ],
)
def test_a_file_that_contradicts_itself_is_refused(path: Path, edit: Edit, message: str) -> None:
    change(path, edit)
    with pytest.raises(ModelError, match=f"{path}: .*{message}"):
        load_model(path)


def test_metadata_that_is_no_json_is_refused(path: Path) -> None:
    model = Model.decode(path.read_bytes())
    for text in ("", "{", "NaN", "1e999", "[" * 100_000):
        properties = tuple(
            replace(each, value=text) if each.key == "hop_s" else each
            for each in model.metadata_props
        )
        path.write_bytes(replace(model, metadata_props=properties).encode())
        with pytest.raises(ModelError, match="bad header"):
            load_model(path)


@pytest.mark.parametrize(
    "arguments", [{"classes": 5, "bands": 40, "frames": 98}, {"size": 1}, {"classes": -1}]
)
def test_torch_refuses_arguments_of_another_network(path: Path, arguments: dict[str, int]) -> None:
    change(path, lambda content: content.update(arguments=arguments))
    with pytest.raises(ModelError, match="do not fit its architecture SmallCNN"):
        load_model(path, "torch")


def _reshaped(tensor: Tensor) -> Tensor:
    return replace(tensor, dims=tensor.dims[::-1]) if tensor.name == "output.weight" else tensor


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (
            lambda g: replace(g, initializer=g.initializer[:-1]),
            "needs 'output.bias', which nothing computes",
        ),
        (
            lambda g: replace(g, initializer=tuple(map(_reshaped, g.initializer))),
            "ONNX Runtime cannot run it",
        ),
        (
            lambda g: replace(
                g, node=(*g.node[:-1], replace(g.node[-1], attribute=g.node[4].attribute))
            ),
            "its graph is not that of SmallCNN",
        ),
        (lambda g: replace(g, node=g.node[::-1]), "which nothing computes"),
        (lambda g: replace(g, node=g.node[:-1]), "nothing computes its output"),
    ],
)
def test_a_graph_that_cannot_run_is_refused(
    path: Path, edit: Callable[[Graph], Graph], message: str
) -> None:
    change_graph(path, edit)
    with pytest.raises(ModelError, match=f"{path}: .*{message}"):
        load_model(path)


def test_a_graph_that_computes_anything_else_is_refused(path: Path) -> None:
    def whole_softmax(graph: Graph) -> Graph:
        *others, softmax, _, _, _, cut = graph.node
        assert softmax.op_type == "Softmax"
        # What is computed has the column of "none" as well.
        return replace(graph, node=(*others, replace(softmax, output=cut.output)))

    change_graph(path, whole_softmax)
    with pytest.raises(ModelError, match=f"{path}: .*its graph is not that of SmallCNN"):
        load_model(path)


def test_what_does_not_fit_its_architecture_is_no_model_file() -> None:
    file = untrained_file()
    weights = {name: each for name, each in file.weights.items() if name != "hidden.bias"}
    with pytest.raises(ModelError, match="do not fit its architecture SmallCNN"):
        open_model(ModelFile.of(file.header, weights))


def test_a_failed_write_leaves_the_old_file(path: Path) -> None:
    before = path.read_bytes()
    path.with_name(path.name + ".partial").mkdir()
    with pytest.raises(OSError, match="partial"):
        save_model(calibrated_file(), path)
    assert path.read_bytes() == before


def test_a_header_needs_settings_for_its_classes() -> None:
    header = untrained_file().header
    with pytest.raises(ValueError, match="exactly the classes"):
        replace(header, trigger={})
    with pytest.raises(ValueError, match="context must be one of: alone, anywhere"):
        replace(header, context="here")  # type: ignore[arg-type]
    assert isinstance(header, ModelHeader)


@pytest.mark.parametrize("name", ["\ud800", "a\nb", "\x1b[31m", "\u202eon", "", "\u2028"])
@pytest.mark.parametrize("engine", ["onnx", "torch"])
def test_names_that_cannot_be_shown_are_refused(path: Path, name: str, engine: Engine) -> None:
    def rename(content: Content) -> None:
        content["classes"][0] = name
        content["trigger"][name] = content["trigger"].pop("yes")

    change(path, rename)
    with pytest.raises(ModelError, match="bad header") as refused:
        load_model(path, engine)
    assert is_plain(str(refused.value))


def test_names_in_any_language_are_taken(path: Path) -> None:
    words = ("größer", "мир", "क्\u200dष", "你好")
    assert open_model(untrained_file(words)).classes == words


@pytest.mark.parametrize("engine", ["onnx", "torch"])
@pytest.mark.parametrize(
    "edit",
    [
        lambda file: ModelFile.of(
            file.header, {name: np.full_like(each, 3e38) for name, each in file.weights.items()}
        ),
        lambda file: file.with_header(replace(file.header, scale=(1e-300,) * 40)),
        lambda file: file.with_header(replace(file.header, mean=(1e300,) * 40)),
    ],
)
@pytest.mark.filterwarnings("ignore:overflow encountered", "ignore:divide by zero")
def test_a_model_that_would_detect_nothing_is_refused(
    path: Path, edit: Callable[[ModelFile], ModelFile], engine: Engine
) -> None:
    save_model(edit(untrained_file()), path)
    with pytest.raises(ModelError, match="of silence are no probabilities"):
        load_model(path, engine)


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda content: content.update(format=torch.zeros(3)), "by another program"),
        (lambda content: content.update(version=torch.zeros(3)), "not only plain values"),
        (lambda content: content["header"].update(name=torch.zeros(3)), "not only plain values"),
        (lambda content: content["header"]["training"].update(x=10**5000), "not only plain values"),
        (lambda content: content["header"].update(name="\ud800"), "not only plain values"),
        (lambda content: content["state_dict"].update(x=torch.zeros(3).to("meta")), "refused"),
    ],
)
def test_a_file_of_the_release_before_with_hostile_values_is_refused(
    old: Path, edit: Edit, message: str
) -> None:
    change_old(old, edit)
    with pytest.raises(ModelError, match=message):
        load_model(old)
