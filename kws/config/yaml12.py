"""YAML 1.2 to plain values, for files that a person writes and a stranger may have changed.

PyYAML (libyaml) reads the syntax; which plain text is null, a truth value or a number is decided
here, by the core schema of YAML 1.2.2 (section 10.3.2): `yes`, `no`, `on`, `off`, `12:30` and dates
are text, and `010` is ten. What the schema does not need is refused: other tags, merge keys, a
second document, and everything that would make a small file a large value.
"""

import copy
import re
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NoReturn

import yaml

from kws.errors import ConfigError

MAX_BYTES = 2**20
MAX_DEPTH = 64
MAX_ALIASED = 10_000
"""Values that all aliases together may repeat."""
MAX_DIGITS = 100
"""Characters of a number."""

_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_TEXT_TAGS = ("!", "tag:yaml.org,2002:str")
_WORDS = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_NUMBERS: tuple[tuple[re.Pattern[str], Callable[[str], int | float]], ...] = (
    (re.compile(r"[-+]?[0-9]+"), int),
    (re.compile(r"0o[0-7]+"), lambda text: int(text, 8)),
    (re.compile(r"0x[0-9a-fA-F]+"), lambda text: int(text, 16)),
    (re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?"), float),
    (
        re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)"),
        lambda text: float(text.replace(".", "")),
    ),
)
# YAML 1.2.2, production 1 (c-printable), without a byte order mark.
_UNPRINTABLE = re.compile(
    "[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]"
)


def read_yaml(path: Path) -> Any:
    """The plain values of a configuration file in UTF-8.

    Raises:
        ConfigError: there is no such file, it is no regular file, too large, or not YAML that
            `parse_yaml` takes.
    """
    try:
        # A pipe could block, and a device never end.
        if not stat.S_ISREG(path.stat().st_mode):
            raise ConfigError(f"{path}: cannot be read: it is not a regular file")
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except FileNotFoundError as error:
        raise ConfigError(f"{path}: no such configuration file") from error
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path}: cannot be read: {error}") from error
    if len(content) > MAX_BYTES:
        raise ConfigError(f"{path}: cannot be read: larger than {MAX_BYTES} bytes")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ConfigError(f"{path}, line {line}: cannot be read: it is not UTF-8") from error
    return parse_yaml(text, str(path))


def parse_yaml(text: str, source: str) -> Any:
    """The plain values of a YAML text: dict, list, str, int, float, bool, None.

    Args:
        text: one document, in YAML 1.2.
        source: where it stands, for messages.

    Raises:
        ConfigError: it is not YAML, or holds what is refused here.
    """
    if bad := _UNPRINTABLE.search(text):
        line = text.count("\n", 0, bad.start()) + 1
        problem = f"the character {bad.group()!a} is not allowed; write it in quotes, escaped"
        raise ConfigError(f"{source}, line {line}: not valid YAML: {problem}")
    try:
        return _Document(yaml.parse(text, Loader=_Loader), source).value()
    except yaml.MarkedYAMLError as error:
        # What is not closed is missed after the last line.
        last = text.rstrip().count("\n")
        mark = error.problem_mark
        where = f"{source}, line {min(mark.line, last) + 1}" if mark else source
        raise ConfigError(f"{where}: not valid YAML: {error.problem}") from error
    except yaml.YAMLError as error:
        raise ConfigError(f"{source}: not valid YAML: {error}") from error


class _Document:
    """One document, made from the events of its parser."""

    def __init__(self, events: Iterator[yaml.Event], source: str) -> None:
        self._events, self._source = events, source
        self._anchors: dict[str, tuple[Any, int]] = {}
        self._values = self._aliased = 0

    def value(self) -> Any:
        next(self._events)  # the start of the stream
        if isinstance(next(self._events), yaml.StreamEndEvent):
            return None
        value = self._value(next(self._events), 0)
        next(self._events)  # the end of the document
        if not isinstance(event := next(self._events), yaml.StreamEndEvent):
            self._refuse(event, "a second document; there should be only one")
        return value

    def _value(self, event: Any, depth: int) -> Any:
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event)
        if depth == MAX_DEPTH and isinstance(event, yaml.CollectionStartEvent):
            self._refuse(event, f"more than {MAX_DEPTH} levels of nesting")
        before = self._values
        self._values += 1
        value: Any
        if isinstance(event, yaml.ScalarEvent):
            value = self._scalar(event)
        elif event.tag is not None:
            self._refuse_tag(event)
        elif isinstance(event, yaml.SequenceStartEvent):
            value = [self._value(each, depth + 1) for each in self._until(yaml.SequenceEndEvent)]
        else:
            value = self._mapping(depth)
        if event.anchor is not None:
            self._anchors[event.anchor] = value, self._values - before
        return value

    def _mapping(self, depth: int) -> dict[Any, Any]:
        mapping: dict[Any, Any] = {}
        for event in self._until(yaml.MappingEndEvent):
            if isinstance(event, yaml.CollectionStartEvent):
                self._refuse(event, "a list or section as a key; a key should be text")
            if isinstance(event, yaml.ScalarEvent) and event.value == "<<" and event.implicit[0]:
                self._refuse(event, "a merge key (<<); write the keys out")
            key = self._value(event, depth + 1)
            if isinstance(key, dict | list):
                self._refuse(event, "a list or section as a key; a key should be text")
            if key in mapping:
                self._fail(event, f"not valid YAML: found duplicate key {key!r}")
            mapping[key] = self._value(next(self._events), depth + 1)
        return mapping

    def _scalar(self, event: yaml.ScalarEvent) -> Any:
        text: str = event.value
        if "\0" in text:  # no name of a file or a device has it
            self._refuse(event, 'text with "\\0" in it')
        if event.tag in _TEXT_TAGS:
            return text
        if event.tag is not None:
            self._refuse_tag(event)
        if not event.implicit[0]:  # in quotes, or a block
            return text
        if text in _WORDS:
            return _WORDS[text]
        for pattern, number in _NUMBERS:
            if pattern.fullmatch(text):
                if len(text) > MAX_DIGITS:
                    self._refuse(event, f"numbers of more than {MAX_DIGITS} characters")
                return number(text)
        return text

    def _alias(self, event: yaml.AliasEvent) -> Any:
        if event.anchor not in self._anchors:
            self._fail(event, f"not valid YAML: no anchor &{event.anchor} before this alias")
        value, size = self._anchors[event.anchor]
        self._values += size
        self._aliased += size
        if self._aliased > MAX_ALIASED:
            self._refuse(event, f"aliases that repeat more than {MAX_ALIASED} values")
        # Each has a value of its own: an override of one must not change the others.
        return copy.deepcopy(value)

    def _until(self, end: type[yaml.Event]) -> Iterator[yaml.Event]:
        while not isinstance(event := next(self._events), end):
            yield event

    def _refuse_tag(self, event: yaml.ScalarEvent | yaml.CollectionStartEvent) -> NoReturn:
        tag = str(event.tag).replace("tag:yaml.org,2002:", "!!")
        self._refuse(event, f"the tag {tag}; leave it out")

    def _refuse(self, event: Any, what: str) -> NoReturn:
        self._fail(event, f"kws does not read {what}")

    def _fail(self, event: Any, problem: str) -> NoReturn:
        raise ConfigError(f"{self._source}, line {event.start_mark.line + 1}: {problem}")
