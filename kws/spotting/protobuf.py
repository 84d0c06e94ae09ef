"""Protocol Buffers, as far as ONNX files need them: messages to bytes and back. Pure.

The wire format is that of https://protobuf.dev/programming-guides/encoding/. A message is a frozen
dataclass; a field's type is annotated with its number, as `name: Annotated[str, 8] = ""`, and may
be int, float, str, bytes, `M | None`, or a tuple of any number of int, str or M, where M is
a message declared before, so that no message nests without end. What is not declared is refused: a
file cannot hold anything that nobody checks.

The library (`google.protobuf`) would take 7 MB of a daemon's memory, and would keep unknown fields.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from types import NoneType
from typing import (
    Annotated,
    Any,
    ClassVar,
    NamedTuple,
    Self,
    get_args,
    get_origin,
    get_type_hints,
)

_VARINT, _FIXED_64, _LENGTH, _FIXED_32 = 0, 1, 2, 5
_LONGEST_VARINT = 10


class MalformedError(ValueError):
    """Bytes that are not the message that was expected; says why."""


class _Field(NamedTuple):
    """How a field is declared: `kind` is the type of one of its values."""

    number: int
    name: str
    kind: type
    repeated: bool


@dataclass(frozen=True)
class Message:
    """A message; its subclasses declare the fields."""

    _declared: ClassVar[tuple[_Field, ...]] = ()

    def __init_subclass__(cls) -> None:
        fields = []
        for name, hint in get_type_hints(cls, include_extras=True).items():
            if get_origin(hint) is Annotated:
                kind, number = get_args(hint)
                repeated = get_origin(kind) is tuple
                kinds = [each for each in get_args(kind) if each not in (NoneType, ...)]
                fields.append(_Field(number, name, [*kinds, kind][0], repeated))
        cls._declared = tuple(fields)

    @classmethod
    def decode(cls, data: bytes | memoryview) -> Self:
        """The message that the bytes are; its own bytes are views of them, not copies.

        Raises:
            MalformedError: they are cut short, or hold a field that is not declared.
        """
        declared = {field.number: field for field in cls._declared}
        values: dict[str, Any] = {}
        for number, wire, value in _wire_fields(memoryview(data)):
            if number not in declared:
                raise MalformedError(f"{cls.__name__} has field {number}, which is not allowed")
            field = declared[number]
            items = tuple(_items(field, wire, value))
            if field.repeated:
                values[field.name] = values.get(field.name, ()) + items
            elif items:
                values[field.name] = items[-1]
        return cls(**values)

    def encode(self) -> bytes:
        """The message as bytes; what is empty or zero is left out."""
        parts = []
        for field in self._declared:
            value = getattr(self, field.name)
            items = value if field.repeated else (value,) if value else ()
            parts += [_encoded(field, item) for item in items]
        return b"".join(parts)


def _wire_fields(data: memoryview) -> Iterator[tuple[int, int, Any]]:
    """Number, wire type and value of each field."""
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        wire = key & 7
        if wire == _VARINT:
            value, at = _varint(data, at)
            yield key >> 3, wire, value
            continue
        if wire == _LENGTH:
            length, at = _varint(data, at)
        elif wire in (_FIXED_32, _FIXED_64):
            length = 4 if wire == _FIXED_32 else 8
        else:
            raise MalformedError(f"wire type {wire}, which no field has")
        if length > len(data) - at:
            raise MalformedError("cut short")
        yield key >> 3, wire, data[at : at + length]
        at += length


def _varint(data: memoryview, at: int) -> tuple[int, int]:
    value = 0
    for index in range(_LONGEST_VARINT):
        if at + index >= len(data):
            raise MalformedError("cut short")
        byte = data[at + index]
        value |= (byte & 0x7F) << (7 * index)
        if byte < 0x80:
            return value & (2**64 - 1), at + index + 1
    raise MalformedError("a number of more than 64 bits")


def _items(field: _Field, wire: int, value: Any) -> Iterator[Any]:
    """The values that one field on the wire gives: a packed one has any number of them."""
    if field.kind is int and field.repeated and wire == _LENGTH:
        at = 0
        while at < len(value):
            item, at = _varint(value, at)
            yield _signed(item)
        return
    if wire != {int: _VARINT, float: _FIXED_32}.get(field.kind, _LENGTH):
        raise MalformedError(f"{field.name} has wire type {wire}")
    if field.kind is int:
        yield _signed(value)
    elif field.kind is float:
        yield struct.unpack("<f", value)[0]
    elif field.kind is str:
        try:
            yield str(value, "utf-8")
        except UnicodeDecodeError as error:
            raise MalformedError(f"{field.name} is not UTF-8") from error
    elif issubclass(field.kind, Message):
        yield field.kind.decode(value)
    else:
        yield value


def _signed(value: int) -> int:
    return value - 2**64 if value >= 2**63 else value


def _encoded(field: _Field, item: Any) -> bytes:
    if field.kind is int:
        return _as_varint(field.number << 3 | _VARINT) + _as_varint(item % 2**64)
    if field.kind is float:
        return _as_varint(field.number << 3 | _FIXED_32) + struct.pack("<f", item)
    content = item.encode() if isinstance(item, Message | str) else bytes(item)
    return _as_varint(field.number << 3 | _LENGTH) + _as_varint(len(content)) + content


def _as_varint(value: int) -> bytes:
    parts = bytearray()
    while value >= 0x80:
        parts.append(value & 0x7F | 0x80)
        value >>= 7
    parts.append(value)
    return bytes(parts)
