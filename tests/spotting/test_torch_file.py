"""Files of torch: read as torch reads them, and never executed."""

import contextlib
import io
import os
import pickle
import struct
import sys
import zipfile
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from kws.spotting.torch_file import ForeignObjectError, MalformedTorchFileError, read_torch
from tests.spotting.models import untrained_file

SEED = torch.Generator().manual_seed(1)


def saved(content: object) -> bytes:
    file = io.BytesIO()
    torch.save(content, file)
    return file.getvalue()


def archive(pickled: bytes, **entries: bytes) -> bytes:
    """A file as torch writes it, with a pickle of one's own."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as made:
        made.writestr("archive/data.pkl", pickled)
        for name, content in entries.items():
            made.writestr(f"archive/data/{name}", content)
    return file.getvalue()


def assert_same(ours: Any, theirs: Any) -> None:
    if isinstance(theirs, torch.Tensor):
        assert isinstance(ours, np.ndarray)
        assert torch.from_numpy(ours.copy()).dtype == theirs.dtype
        assert np.array_equal(ours, theirs.numpy(), equal_nan=theirs.is_floating_point())
    elif isinstance(theirs, dict):
        assert list(ours) == list(theirs)
        for name, value in theirs.items():
            assert_same(ours[name], value)
    elif isinstance(theirs, list | tuple):
        assert type(ours) is type(theirs)
        assert len(ours) == len(theirs)
        for one, other in zip(ours, theirs, strict=True):
            assert_same(one, other)
    else:
        assert type(ours) is type(theirs)
        assert ours == theirs


plain_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.lists(inner, max_size=3).map(tuple)
        | st.dictionaries(st.text(max_size=5), inner, max_size=3)
        | st.dictionaries(st.text(max_size=5), inner, max_size=3).map(OrderedDict)
    ),
    max_leaves=6,
)


@settings(max_examples=50)
@given(plain_values)
def test_plain_values_are_read_as_they_were_written(content: object) -> None:
    assert_same(read_torch(saved(content)), content)


@pytest.mark.parametrize(
    "kind", [torch.float64, torch.float32, torch.float16, torch.int64, torch.int32], ids=str
)
def test_arrays_of_any_strides_are_read_as_they_were_written(kind: torch.dtype) -> None:
    whole = (100 * torch.randn(6, 8, 3, generator=SEED)).to(kind)
    content = {
        "whole": whole,
        "part": whole[1:5, ::2],
        "turned": whole.permute(2, 0, 1),
        "column": whole[:, 3, 1],
        "row": whole[5, 7],
        "single": whole[2, 2, 2],
        "empty": whole[:0],
        "nested": [whole, (whole[0], {"deep": whole.mT})],
    }
    assert_same(read_torch(saved(content)), content)


def test_networks_are_read_as_they_were_written() -> None:
    network = torch.nn.Sequential(torch.nn.Conv2d(1, 3, 3), torch.nn.BatchNorm2d(3))
    assert_same(read_torch(saved(network.state_dict())), network.state_dict())
    parameters = dict(network.named_parameters())
    read = read_torch(saved({"weights": parameters}))["weights"]
    assert_same(read, {name: each.detach() for name, each in parameters.items()})


def test_arrays_are_the_reader_s_own() -> None:
    array = read_torch(saved({"a": torch.zeros(3)}))["a"]
    array += 1
    assert array.tolist() == [1.0, 1.0, 1.0]


class _Calls:
    """What a pickle calls when it is read."""

    def __init__(self, function: Callable[..., object], *arguments: object) -> None:
        self._call = (function, arguments)

    def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
        return self._call


def _line(module: str, name: str) -> bytes:
    """The opcode that looks a name up."""
    return f"c{module}\n{name}\n".encode()


HOSTILE: dict[str, Callable[[str], bytes]] = {
    "os.system": lambda marker: pickle.dumps(_Calls(os.system, f"touch {marker}"), 2),
    "posix by its opcode": lambda marker: (
        _line("posix", "system") + b"(X" + _text(f"touch {marker}") + b"tR."
    ),
    "builtins.eval": lambda marker: pickle.dumps(_Calls(eval, f"open({marker!r}, 'w')"), 2),
    "builtins.exec": lambda marker: pickle.dumps(_Calls(exec, f"open({marker!r}, 'w')"), 2),
    "builtins.open": lambda marker: pickle.dumps(_Calls(open, marker, "w"), 2),
    "protocol 4": lambda marker: pickle.dumps(_Calls(Path.touch, Path(marker)), 4),
    "getattr": lambda marker: pickle.dumps(_Calls(getattr, {}, "clear"), 2),
    "a submodule by dots": lambda marker: _line("torch", "os.system") + b"0N.",
    "a torch function": lambda marker: _line("torch", "load") + b"(X" + _text(marker) + b"tR.",
    "a private part": lambda marker: _line("torch._utils", "_rebuild_tensor_v2.__globals__") + b".",
    "a type of a type": lambda marker: _line("builtins", "type") + b"(N\x85R.",
    "instance opcode": lambda marker: f"(X{_text(marker).decode('latin1')}ios\nmkdir\n.".encode(
        "latin1"
    ),
    "old object opcode": lambda marker: b"(" + _line("os", "mkdir") + b"X" + _text(marker) + b"o.",
    "extension registry": lambda marker: b"\x82\x01.",
    "a thread lock": lambda marker: _line("_thread", "allocate_lock") + b")R.",
    "copyreg": lambda marker: _line("copyreg", "_reconstructor") + b".",
    "a class of this package": lambda marker: _line("kws.spotting.model_file", "load_model") + b".",
    "a class of collections": lambda marker: _line("collections", "UserDict") + b")R.",
}
"""Pickles that would do or fetch something, by what they try."""


def _text(text: str) -> bytes:
    encoded = text.encode()
    return struct.pack("<I", len(encoded)) + encoded


@pytest.mark.parametrize("kind", HOSTILE)
def test_hostile_pickles_are_refused_and_not_executed(kind: str, tmp_path: Path) -> None:
    marker, before = tmp_path / "executed", set(sys.modules)
    with pytest.raises(MalformedTorchFileError):
        read_torch(archive(b"\x80\x02" + HOSTILE[kind](str(marker)).removeprefix(b"\x80\x02")))
    assert not marker.exists()
    assert "antigravity" not in set(sys.modules) - before


@pytest.mark.parametrize("kind", ["os.system", "builtins.eval", "protocol 4", "getattr"])
def test_they_are_distinguished_from_damaged_files(kind: str, tmp_path: Path) -> None:
    with pytest.raises(ForeignObjectError, match="code or objects, which are refused"):
        read_torch(archive(HOSTILE[kind](str(tmp_path / "executed"))))


REBUILD = _line("torch._utils", "_rebuild_tensor_v2")


@pytest.mark.parametrize(
    "pickled",
    [
        REBUILD + b"}X" + _text("__call__") + b"K\x01sb.",
        REBUILD + b"}X" + _text("__class__") + b"K\x01sb.",
        _line("torch._utils", "_rebuild_parameter") + b"}X" + _text("x") + b"K\x01sb.",
        _line("torch", "FloatStorage") + b"}X" + _text("x") + b"K\x01sb.",
        _line("torch", "FloatStorage") + b")R.",
        REBUILD + b")R.",
        REBUILD + b"(NK\x00))tR.",
        b"X" + _text("storage") + b"Q.",
        b"(X" + _text("storage") + b"NNNNtQ.",
        b"P1\n.",
        b"h\x05.",
        b"0.",
        b".",
        b"",
        b"(" * 1000,
    ],
)
def test_pickles_that_set_attributes_or_call_wrongly_are_malformed(pickled: bytes) -> None:
    with pytest.raises(MalformedTorchFileError):
        read_torch(archive(b"\x80\x02" + pickled))


def _number(value: int) -> bytes:
    return b"\x8a\x09" + value.to_bytes(9, "little", signed=True)


def _tuple(*values: int) -> bytes:
    return b"(" + b"".join(map(_number, values)) + b"t"


def _array(offset: int, shape: bytes, strides: bytes, *, key: str = "0", count: int = 4) -> bytes:
    """An array of a file with four numbers."""
    storage = b"(X" + _text("storage") + _line("torch", "FloatStorage") + b"X" + _text(key)
    storage += b"X" + _text("cpu") + _number(count) + b"tQ"
    pickled = REBUILD + b"(" + storage + _number(offset) + shape + strides + b"\x89}tR."
    return archive(b"\x80\x02" + pickled, **{"0": np.arange(4, dtype="<f4").tobytes()})


def test_an_array_that_is_right_is_read() -> None:
    array = read_torch(_array(0, _tuple(2, 2), _tuple(1, 2)))
    assert array.tolist() == [[0, 2], [1, 3]]
    assert read_torch(_array(1, _tuple(3), _tuple(1))).tolist() == [1, 2, 3]


@pytest.mark.parametrize(
    ("offset", "shape", "strides"),
    [
        (0, _tuple(5), _tuple(1)),
        (2, _tuple(3), _tuple(1)),
        (0, _tuple(2, 2), _tuple(4, 1)),
        (0, _tuple(10**9), _tuple(0)),
        (0, _tuple(10**6, 10**6), _tuple(0, 0)),
        (0, _tuple(5), _tuple(0)),
        (0, _tuple(2**62, 4), _tuple(0, 0)),
        (0, _tuple(2**63), _tuple(1)),
        (0, _tuple(2, 0, 2**62), _tuple(1, 1, 1)),
        (-1, _tuple(1), _tuple(1)),
        (-4, _tuple(4), _tuple(1)),
        (2**63, _tuple(1), _tuple(1)),
        (5, _tuple(1), _tuple(1)),
        (3, _tuple(4), _tuple(-1)),
        (0, _tuple(-2, -2), _tuple(1, 1)),
        (0, _tuple(2, 2), _tuple(1)),
        (0, _tuple(2), _tuple()),
        (0, b"N", b"N"),
        (0, b"X" + _text("ab"), b"X" + _text("ab")),
        (0, _tuple(*[1] * 100), _tuple(*[1] * 100)),
    ],
)
def test_arrays_outside_of_their_numbers_are_malformed(
    offset: int, shape: bytes, strides: bytes
) -> None:
    with pytest.raises(MalformedTorchFileError):
        read_torch(_array(offset, shape, strides))


@pytest.mark.parametrize(
    ("key", "count"),
    [("1", 4), ("../0", 4), ("0", 5), ("0", -2), ("0", 2**62), ("0/", 4), ("", 4)],
)
def test_numbers_that_are_not_in_the_file_are_malformed(key: str, count: int) -> None:
    with pytest.raises(MalformedTorchFileError):
        read_torch(_array(0, _tuple(1), _tuple(1), key=key, count=count))


def test_archives_that_are_none() -> None:
    good = saved({"a": torch.ones(3)})
    several = io.BytesIO(good)
    with zipfile.ZipFile(several, "a") as made:
        made.writestr("other/data.pkl", b"\x80\x02N.")
    empty, nested = io.BytesIO(), io.BytesIO()
    with zipfile.ZipFile(empty, "w"):
        pass
    with zipfile.ZipFile(nested, "w") as made:
        made.writestr("archive.zip", good)
    for content in (several, empty, nested):
        with pytest.raises(MalformedTorchFileError):
            read_torch(content.getvalue())


def test_what_would_grow_beyond_all_bounds_is_refused_unread() -> None:
    for name, size, message in (
        ("archive/data/0", 300 * 2**20, "more than"),
        ("archive/data.pkl", 20 * 2**20, "header has"),
    ):
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as made:
            made.writestr(name, bytes(size))
            if name != "archive/data.pkl":
                made.writestr("archive/data.pkl", b"\x80\x02N.")
        with pytest.raises(MalformedTorchFileError, match=message):
            read_torch(file.getvalue())


@settings(max_examples=200)
@given(st.binary(max_size=100))
def test_any_bytes_are_plain_values_or_malformed(content: bytes) -> None:
    for data in (content, archive(content), archive(b"\x80\x02" + content)):
        with contextlib.suppress(MalformedTorchFileError):
            read_torch(data)


@settings(max_examples=100)
@given(st.data())
def test_a_damaged_file_is_another_one_or_malformed(data: st.DataObject) -> None:
    content = bytearray(saved({"a": torch.ones(3), "b": [1, "two"]}))
    for _ in range(data.draw(st.integers(1, 3))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(MalformedTorchFileError):
        read_torch(bytes(content))


def test_a_file_is_refused_wherever_it_is_cut() -> None:
    weights = {name: torch.from_numpy(each) for name, each in untrained_file().weights.items()}
    whole = saved(weights)
    for size in np.linspace(0, len(whole) - 1, 100).astype(int).tolist():
        with pytest.raises(MalformedTorchFileError):
            read_torch(whole[:size])
