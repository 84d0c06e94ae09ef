"""How the configuration is read and overridden.

Later wins: defaults, those of an image or a package (`KWS_DEFAULT__AUDIO__SOURCE=auto`), file,
environment (`KWS_SERVER__PORT=9000`), command line (`--set server.port=9000`).
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar, get_type_hints

import msgspec

from kws.config.schema import Config
from kws.config.validation import is_section, problems, to_path
from kws.config.yaml12 import parse_yaml, read_yaml
from kws.errors import ConfigError

ENVIRONMENT_PREFIX, DEFAULT_PREFIX = "KWS_", "KWS_DEFAULT__"
ENVIRONMENT_SEPARATOR = "__"
Settings = TypeVar("Settings")


def load_config(
    path: Path | None = None,
    *,
    overrides: Sequence[str | tuple[str, object]] = (),
    environment: Mapping[str, str] | None = None,
) -> Config:
    """Read the configuration.

    Args:
        path: a YAML file; without one, the defaults.
        overrides: "section.key=value", the value in YAML; or ("section.key", value).
        environment: variables, of which those that begin with KWS_ and hold a double underscore
            count: KWS_SECTION__KEY; KWS_DEFAULT__SECTION__KEY gives way to the file.

    Raises:
        ConfigError: a key is unknown, or a value of the wrong type or out of range.
    """
    tree: dict[str, Any] = {}
    config = Config()
    if path is not None:
        tree = _read_file(path)
        config = convert(tree, Config, str(path))
    # Those that give way to the file come first, so that a variable of the same key wins.
    for prefix in (DEFAULT_PREFIX, ENVIRONMENT_PREFIX):
        for name, value in sorted((environment or {}).items()):
            if prefix != _prefix(name):
                continue
            keys = name.removeprefix(prefix).lower().split(ENVIRONMENT_SEPARATOR)
            if prefix == DEFAULT_PREFIX and _is_set(tree, keys):
                continue
            put(tree, keys, _parse_value(value, f"variable {name}"), f"variable {name}")
            config = convert(tree, Config, f"variable {name}")
    for override in overrides:
        key, setting, source = parse_override(override)
        put(tree, key.split("."), setting, source)
        config = convert(tree, Config, source)
    return config


def misspelt_variables(environment: Mapping[str, str]) -> dict[str, str]:
    """Variables that set no key only for want of an underscore, each with what is probably meant.

    Args:
        environment: variables, as of `load_config`.
    """
    single = DEFAULT_PREFIX.removesuffix("_")
    meant = {}
    for name in sorted(each for each in environment if ENVIRONMENT_SEPARATOR not in each):
        for prefix, right in ((single, DEFAULT_PREFIX), (ENVIRONMENT_PREFIX, ENVIRONMENT_PREFIX)):
            section, _, key = name.removeprefix(prefix).partition("_")
            if name.startswith(prefix) and key and section.lower() in Config.__struct_fields__:
                meant[name] = f"{right}{section}{ENVIRONMENT_SEPARATOR}{key}"
    return meant


def _prefix(name: str) -> str | None:
    """That of a variable which sets a key; None of any other."""
    if name.startswith(DEFAULT_PREFIX):
        return DEFAULT_PREFIX
    if name.startswith(ENVIRONMENT_PREFIX) and ENVIRONMENT_SEPARATOR in name:
        return ENVIRONMENT_PREFIX
    return None


def _is_set(tree: Any, keys: Sequence[str]) -> bool:
    for key in keys:
        if not isinstance(tree, Mapping) or key not in tree:
            return False
        tree = tree[key]
    return True


def _read_file(path: Path) -> dict[str, Any]:
    tree = read_yaml(path)
    if tree is None:
        return {}
    if not isinstance(tree, dict):
        raise ConfigError(f"{path}: should hold sections such as 'server:', not a single value")
    return tree


def parse_override(override: str | tuple[str, object]) -> tuple[str, object, str]:
    """Key, value and, for messages, where they stand.

    Args:
        override: "section.key=value", the value in YAML; or ("section.key", value).

    Raises:
        ConfigError: it is not of this form, or its value no YAML.
    """
    if isinstance(override, tuple):
        key, value = override
        return key, value, f"--set {key}={value}"
    key, separator, text = override.partition("=")
    source = f"--set {override}"
    if not separator or not key.strip():
        raise ConfigError(f"{source}: should be section.key=value")
    return key.strip(), _parse_value(text, source), source


def _parse_value(text: str, source: str) -> Any:
    # A dash alone begins a list in YAML; here it is standard input.
    return text.strip() if text.strip() in ("", "-") else parse_yaml(text, source)


def put(tree: dict[str, Any], keys: Sequence[str], value: Any, source: str) -> None:
    """Set one value in a tree; sections that are missing are made.

    Raises:
        ConfigError: there is a value where a section would have to be.
    """
    for depth, key in enumerate(keys[:-1]):
        below = tree.setdefault(key, {})
        if below is None:
            below = tree[key] = {}
        if not isinstance(below, dict):
            raise ConfigError(f"{source}: {'.'.join(keys[: depth + 1])} is a value, not a section")
        tree = below
    tree[keys[-1]] = value


def convert(tree: Mapping[str, Any], kind: type[Settings], source: str) -> Settings:
    """Settings of a type out of plain values.

    Args:
        tree: by key.
        kind: a `Struct` or a dataclass.
        source: where the values stand, for messages.

    Raises:
        ConfigError: a key is unknown, a value of the wrong type or out of range, or values
            contradict each other.
    """
    hints = get_type_hints(kind, include_extras=True)
    # A section without keys is null in YAML.
    said = {
        key: {} if value is None and is_section(hints.get(key)) else value
        for key, value in tree.items()
    }
    if wrong := list(problems(said, kind)):
        raise ConfigError("\n".join(f"{source}: {problem}" for problem in wrong))
    try:
        return msgspec.convert(said, kind, dec_hook=to_path)
    except msgspec.ValidationError as error:
        # A __post_init__ has refused values that are right one by one.
        message, _, path = str(error).partition(" - at `$")
        where = path.strip("`.")
        raise ConfigError(f"{source}: {f'{where}: ' if where else ''}{message}") from error
