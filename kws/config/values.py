"""A single value written as text: in a variable of the environment, or on the command line.

What is text takes it as it stands, so that no name of a device has to be written as YAML; all else
is YAML.
"""

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from kws.config.validation import has_fields
from kws.config.yaml12 import parse_yaml
from kws.errors import ConfigError

_NOTHING = ("", "~", "null", "Null", "NULL")


def parse_value(text: str, kind: Any, source: str) -> Any:
    """The plain value that a text means.

    Args:
        text: as it was written.
        kind: type of the value; None where its key is unknown.
        source: where it stands, for messages.

    Raises:
        ConfigError: the value is not written as text, and is no YAML.
    """
    text = text.rstrip("\r\n")  # what a file of variables from Windows leaves
    if kind is None:  # for the message about its key
        with suppress(ConfigError):
            return parse_yaml(text, source)
        return text
    kinds = _alternatives(kind)
    if str in kinds or Path in kinds:
        return None if type(None) in kinds and text.strip() in _NOTHING else unquoted(text)
    if kinds and all(isinstance(each, _Choice) for each in kinds):
        return unquoted(text.strip())
    if tuple in kinds and not text.lstrip().startswith("["):
        return [unquoted(item) for item in items(text)]
    return text.strip() if not text.strip() else parse_yaml(text, source)


def items(text: str) -> list[str]:
    """What is listed in a text, with commas between and without the blanks around each."""
    return [item for each in text.split(",") if (item := each.strip())]


def unquoted(text: str) -> str:
    """A text without the pair of quotes around it, if it has one."""
    inner = text.strip()
    if len(inner) >= 2 and inner[0] == inner[-1] and inner[0] in "\"'":
        return inner[1:-1]
    return text


def type_at(kind: Any, keys: Sequence[str]) -> Any:
    """The type of a value in settings.

    Args:
        kind: of the settings: a `Struct`, a dataclass, or a dictionary of such.
        keys: where the value is, from the outside in.

    Returns:
        None where there is no such key.
    """
    for key in keys:
        if has_fields(kind):
            kind = get_type_hints(kind, include_extras=True).get(key)
        elif get_origin(kind) is dict:
            kind = get_args(kind)[1]
        else:
            return None
    return kind


class _Choice(str):
    """A text out of a list of such."""


def _alternatives(kind: Any) -> tuple[Any, ...]:
    """What a type may be: plain types, and the texts of a `Literal`."""
    origin = get_origin(kind)
    if origin is Annotated:
        return _alternatives(get_args(kind)[0])
    if origin in (Union, UnionType):
        return tuple(each for part in get_args(kind) for each in _alternatives(part))
    if origin is Literal:
        return tuple(
            _Choice(each) if isinstance(each, str) else type(each) for each in get_args(kind)
        )
    return (origin or kind,)
