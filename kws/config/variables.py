"""Variables of the environment: which key each one sets, and which set none by mistake."""

import re
from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import Any, get_origin, get_type_hints

from kws.config.schema import Config, TriggerConfig
from kws.config.token import TOKEN_VARIABLE
from kws.config.validation import has_fields

PREFIX, DEFAULT_PREFIX = "KWS_", "KWS_DEFAULT__"
SEPARATOR = "__"
_KEYWORDS = "keywords"
_OTHERS = frozenset((TOKEN_VARIABLE, "KWS_TORCH_INDEX", "KWS_BENCH_RERUN"))
"""Variables that are read elsewhere."""
_OF_KUBERNETES = re.compile(r"KWS_(SERVICE_(HOST|PORT)(_.*)?|PORT_[0-9]+_.*)")
_CLOSE = 0.7


def prefix_of(name: str) -> str | None:
    """That of a variable which sets a key; None of any other."""
    if name.startswith(DEFAULT_PREFIX):
        return DEFAULT_PREFIX
    if name.startswith(PREFIX) and SEPARATOR in name:
        return PREFIX
    return None


def keys_of(name: str, prefix: str) -> list[str]:
    """The keys that a variable sets, from the outside in.

    A keyword keeps its letters where some of them are small: KWS_KEYWORDS__Alexa__THRESHOLD.
    """
    section, *keys = name.removeprefix(prefix).split(SEPARATOR)
    section = section.lower()
    if section == _KEYWORDS and keys:
        keyword, *keys = keys
        return [section, keyword.lower() if keyword.isupper() else keyword, *map(str.lower, keys)]
    return [section, *map(str.lower, keys)]


def unread_variables(environment: Mapping[str, str]) -> dict[str, str]:
    """Variables that begin like those of kws and set nothing, each with the nearest that does.

    Those that Kubernetes sets for a service of the name "kws" are none of them.

    Args:
        environment: variables, as of `kws.config.load.load_config`.
    """
    return {
        name: _nearest(name)
        for name in sorted(environment)
        if name.startswith(PREFIX)
        and prefix_of(name) is None
        and name not in _OTHERS
        and not _OF_KUBERNETES.fullmatch(name)
        and "://" not in environment[name]
    }


def _nearest(name: str) -> str:
    """The variable that was most likely meant by one that is not read; "" where none is near."""
    wanted = _bare(name)
    defaults = wanted.startswith(_bare(DEFAULT_PREFIX))
    known = {_bare(each): each for each in _known(DEFAULT_PREFIX if defaults else PREFIX)}
    if wanted in known:
        return known[wanted]
    # The name of a key alone: KWS_PORT.
    ends = [each for bare, each in known.items() if bare.endswith(f"_{wanted.partition('_')[2]}")]
    if len(ends) == 1:
        return ends[0]
    close = get_close_matches(wanted, known, n=1, cutoff=_CLOSE)
    return known[close[0]] if close else ""


def _known(prefix: str) -> Iterator[str]:
    """All variables of a prefix."""
    yield TOKEN_VARIABLE
    yield from (_name(prefix, *keys) for keys in _keys(Config))
    for key in TriggerConfig.__struct_fields__:
        yield _name(prefix, _KEYWORDS, "word", key)


def _keys(kind: Any) -> Iterator[tuple[str, ...]]:
    """The keys of every value in settings; of those by keyword there is none."""
    for key, below in get_type_hints(kind).items():
        if has_fields(below):
            yield from ((key, *keys) for keys in _keys(below))
        elif get_origin(below) is not dict:
            yield (key,)


def _name(prefix: str, *keys: str) -> str:
    return f"{prefix}{SEPARATOR.join(keys)}".upper()


def _bare(name: str) -> str:
    """A name as it is read by who overlooks letter case and underscores in a row."""
    return re.sub("_+", "_", name.upper())


def with_key_of(tree: Mapping[str, object], keys: Sequence[str]) -> list[str]:
    """The keys of a variable, with its keyword spelt as it is in a tree already, if it is there."""
    section, *inner = keys
    there = tree.get(section)
    if section != _KEYWORDS or not inner or not isinstance(there, Mapping):
        return list(keys)
    same = [each for each in there if str(each).lower() == inner[0]]
    return [section, same[0] if len(same) == 1 else inner[0], *inner[1:]]
