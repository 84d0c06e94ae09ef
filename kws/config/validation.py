"""What is wrong with settings, in words, from their types: Structs or dataclasses."""

from collections.abc import Iterator, Mapping
from dataclasses import is_dataclass
from pathlib import Path
from typing import Any, get_args, get_origin, get_type_hints

import msgspec
from msgspec import Struct, inspect

from kws.config.paths import path_of
from kws.text import escaped


def problems(tree: Any, kind: Any, path: str = "") -> Iterator[str]:
    """Every key of a tree that `kind` does not allow, with what is allowed there.

    Args:
        tree: plain values, as read from YAML.
        kind: a `Struct` or dataclass, a dictionary of such, or the type of a single value.
        path: where the tree hangs, as "server.port".
    """
    if has_fields(kind):
        hints = get_type_hints(kind, include_extras=True)
    elif get_origin(kind) is dict and isinstance(tree, Mapping):
        hints = dict.fromkeys((key for key in tree if isinstance(key, str)), get_args(kind)[1])
    else:
        if not _fits(tree, kind):
            yield f"{path}: got {_show(tree)}; allowed: {describe(kind)}"
        return
    if not isinstance(tree, Mapping):
        yield f"{path}: got {_show(tree)}; allowed: a section with {', '.join(hints)}"
        return
    for key, value in tree.items():
        below = escaped(f"{path}.{key}" if path else str(key))
        if not isinstance(key, str):
            yield f"{below}: a key should be text; write it in quotes"
        elif key not in hints:
            yield f"{below}: unknown key; allowed here: {', '.join(hints)}"
        else:
            yield from problems(value, hints[key], below)


def is_section(kind: Any) -> bool:
    """Whether values of a type are settings by name."""
    return has_fields(kind) or get_origin(kind) is dict


def to_path(kind: type, value: Any) -> Path:
    """A path out of text, for `msgspec.convert`.

    Raises:
        TypeError: another type is wanted, or the value is no text.
    """
    if kind is Path and isinstance(value, str):
        return path_of(value)
    raise TypeError(f"{value!r} is no {kind.__name__}")


def has_fields(kind: Any) -> bool:
    """Whether a type is a `Struct` or a dataclass."""
    return isinstance(kind, type) and (issubclass(kind, Struct) or is_dataclass(kind))


def describe(kind: Any) -> str:
    """What a type allows, as "a whole number from 0 to 65535"."""
    return _describe(inspect.type_info(kind))


def _describe(info: inspect.Type) -> str:
    match info:
        case inspect.UnionType(types=types):
            return " or ".join(map(_describe, types))
        case inspect.LiteralType(values=values):
            return ", ".join(map(str, values))
        case inspect.BoolType():
            return "true or false"
        case inspect.IntType():
            return f"a whole number{_limits(info)}"
        case inspect.FloatType():
            return f"a number{_limits(info)}"
        case inspect.VarTupleType(item_type=item):
            return f"a list, each {_describe(item)}"
        case inspect.StrType(min_length=least):
            return "text that is not empty" if least else "text"
        case inspect.NoneType():
            return "null"
        case inspect.CustomType(cls=cls) if cls is Path:
            return "a path"
        case _:
            return "a section"


def _limits(info: inspect.IntType | inspect.FloatType) -> str:
    low = f" from {info.ge:g}" if info.ge is not None else ""
    low = f" above {info.gt:g}" if info.gt is not None else low
    return f"{low} to {_plain(info.le)}" if info.le is not None else low


def _plain(number: float) -> str:
    return f"{number:.12g}"


def _fits(value: Any, kind: Any) -> bool:
    try:
        msgspec.convert(value, kind, dec_hook=to_path)
    except (msgspec.ValidationError, UnicodeEncodeError):  # the latter: bytes that are no UTF-8
        return False
    return True


def _show(value: Any) -> str:
    text = "nothing" if value is None else repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
