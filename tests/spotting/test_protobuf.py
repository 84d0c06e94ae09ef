"""Protocol Buffers: what `onnx` writes is read the same, and it reads what is written here."""

import contextlib
import dataclasses
import struct
from collections.abc import Callable
from types import NoneType
from typing import Annotated, Any, get_args, get_origin, get_type_hints

import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kws.spotting import onnx_format
from kws.spotting.onnx_format import Attribute, Dimension, Graph, Model, Node, Tensor
from kws.spotting.protobuf import MalformedError, Message

THEIRS: dict[type[Message], Callable[[], Any]] = {
    Tensor: onnx.TensorProto,
    Attribute: onnx.AttributeProto,
    Node: onnx.NodeProto,
    Dimension: onnx.TensorShapeProto.Dimension,
    onnx_format.Shape: onnx.TensorShapeProto,
    onnx_format.TensorType: onnx.TypeProto.Tensor,
    onnx_format.Type: onnx.TypeProto,
    onnx_format.Value: onnx.ValueInfoProto,
    Graph: onnx.GraphProto,
    onnx_format.Opset: onnx.OperatorSetIdProto,
    onnx_format.Property: onnx.StringStringEntryProto,
    Model: onnx.ModelProto,
}
"""The same messages in the library."""
ONE_OF_BOTH = {(Dimension, "dim_param")}
"""A length has a value or a name, never both."""

int64 = st.integers(-(2**63), 2**63 - 1)
float32 = st.floats(width=32, allow_nan=False)


def values(kind: type, name: str) -> st.SearchStrategy[Any]:
    if issubclass(kind, Message):
        return MESSAGES[kind]
    if kind is int:
        # The types of data, which are numbered up to 14.
        return st.integers(0, 14) if name in ("data_type", "elem_type", "type") else int64
    if kind is str:
        return st.text(max_size=8)
    return {float: float32, bytes: st.binary(max_size=8)}[kind]


def messages(kind: type[Message]) -> st.SearchStrategy[Any]:
    """Any message of that type."""
    fields: dict[str, st.SearchStrategy[Any]] = {}
    for name, hint in get_type_hints(kind, include_extras=True).items():
        if get_origin(hint) is not Annotated or (kind, name) in ONE_OF_BOTH:
            continue
        declared = get_args(hint)[0]
        inner = [each for each in get_args(declared) if each not in (NoneType, ...)]
        one = values([*inner, declared][0], name)
        if get_origin(declared) is tuple:
            fields[name] = st.lists(one, max_size=2).map(tuple)
        else:
            fields[name] = st.none() | one if inner else one
    return st.builds(kind, **fields)


MESSAGES: dict[type[Message], st.SearchStrategy[Any]] = {}
for _kind in THEIRS:  # which has those that are parts of others before them
    MESSAGES[_kind] = messages(_kind)


def plain(value: Any) -> Any:
    """Without views of a file's bytes."""
    if isinstance(value, Message):
        return {each.name: plain(getattr(value, each.name)) for each in dataclasses.fields(value)}
    if isinstance(value, tuple):
        return [plain(each) for each in value]
    return bytes(value) if isinstance(value, memoryview) else value


@pytest.mark.parametrize("kind", THEIRS, ids=lambda kind: kind.__name__)
@settings(max_examples=8)
@given(data=st.data())
def test_it_is_what_the_library_reads_and_writes(kind: type[Message], data: st.DataObject) -> None:
    message = data.draw(MESSAGES[kind])
    encoded = message.encode()
    assert plain(kind.decode(encoded)) == plain(message)
    theirs = THEIRS[kind]()
    theirs.ParseFromString(encoded)
    assert_same(message, theirs)
    assert plain(kind.decode(theirs.SerializeToString())) == plain(message)


def assert_same(ours: Message, theirs: Any) -> None:
    """The library has understood the same."""
    names = {each.name for each in dataclasses.fields(ours)}
    assert names >= {field.name for field, _ in theirs.ListFields()}
    for name in names:
        our, their = getattr(ours, name), getattr(theirs, name)
        if isinstance(our, tuple):
            assert len(our) == len(their)
            for one, other in zip(our, their, strict=True):
                assert_equal(one, other)
        elif our is None:
            assert not theirs.HasField(name)
        else:
            assert_equal(our, their)


def assert_equal(our: Any, their: Any) -> None:
    if isinstance(our, Message):
        assert_same(our, their)
    else:
        assert our == (
            their.decode() if isinstance(our, str) and isinstance(their, bytes) else their
        )


@settings(max_examples=80)
@given(st.binary(max_size=80))
def test_any_bytes_are_a_message_or_malformed(data: bytes) -> None:
    for kind in THEIRS:
        with contextlib.suppress(MalformedError):
            message = kind.decode(data)
            assert repr(plain(kind.decode(message.encode()))) == repr(plain(message))


@settings(max_examples=80)
@given(data=st.data())
def test_a_damaged_message_is_another_one_or_malformed(data: st.DataObject) -> None:
    encoded = bytearray(data.draw(MESSAGES[Node].filter(lambda each: len(each.encode()))).encode())
    place = data.draw(st.integers(0, len(encoded) - 1))
    encoded[place] ^= 1 << data.draw(st.integers(0, 7))
    for damaged in (bytes(encoded), bytes(encoded[:place])):
        with contextlib.suppress(MalformedError):
            Node.decode(damaged)


def test_nothing_is_copied() -> None:
    encoded = Tensor((2,), 1, "w", struct.pack("<2f", 1.0, 2.0)).encode()
    raw = Tensor.decode(encoded).raw_data
    assert memoryview(raw).obj is encoded


def test_packed_and_single_numbers_are_the_same() -> None:
    # proto2, which ONNX uses, writes repeated numbers one by one; proto3 packs them.
    assert Tensor.decode(b"\x08\x02\x08\x03") == Tensor.decode(b"\x0a\x02\x02\x03")
    assert Tensor.decode(b"\x08\x02\x08\x03").dims == (2, 3)
    # The last one of a field that there is once counts.
    assert Tensor.decode(b"\x10\x01\x10\x07").data_type == 7


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"\x08", "cut short"),
        (b"\x80", "cut short"),
        (b"\x42\x05yes", "cut short"),
        (b"\x42\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", "cut short"),
        (b"\x80" * 11, "more than 64 bits"),
        (b"\x10" + b"\xff" * 10 + b"\x01", "more than 64 bits"),
        (b"\x0b", "wire type 3"),
        (b"\x0c", "wire type 4"),
        (b"\x0e", "wire type 6"),
        (b"\x0f", "wire type 7"),
        (b"\x12\x01a", "data_type has wire type 2"),
        (b"\x40\x01", "name has wire type 0"),
        (b"\x45abcd", "name has wire type 5"),
        (b"\x42\x01\xff", "name is not UTF-8"),
        (b"\x00\x01", "field 0, which is not allowed"),
        (b"\x18\x01", "Tensor has field 3, which is not allowed"),
        (b"\x22\x04abcd", "Tensor has field 4, which is not allowed"),
        (b"\x6a\x00", "Tensor has field 13, which is not allowed"),
    ],
)
def test_what_is_malformed_is_refused_with_a_reason(data: bytes, message: str) -> None:
    with pytest.raises(MalformedError, match=message):
        Tensor.decode(data)
