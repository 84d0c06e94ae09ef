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
from kws.config.values import parse_value, type_at
from kws.config.variables import DEFAULT_PREFIX, PREFIX, keys_of, prefix_of, with_key_of
from kws.config.yaml12 import read_yaml
from kws.errors import ConfigError

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
        overrides: "section.key=value", as `parse_override` takes it; or ("section.key", value).
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
    actions = _actions(config)
    # Those that give way to the file come first, so that a variable of the same key wins.
    for prefix in (DEFAULT_PREFIX, PREFIX):
        for name, text in sorted((environment or {}).items()):
            if prefix != prefix_of(name):
                continue
            keys, source = with_key_of(tree, keys_of(name, prefix)), f"variable {name}"
            if prefix == DEFAULT_PREFIX and _is_set(tree, keys):
                continue
            put(tree, keys, parse_value(text, type_at(Config, keys), source), source)
            config = _with_actions(convert(tree, Config, source), actions, source)
    for override in overrides:
        key, setting, source = parse_override(override, Config)
        put(tree, key.split("."), setting, source)
        config = _with_actions(convert(tree, Config, source), actions, source)
    return config


def _actions(config: Config) -> tuple[object, ...]:
    """What detections start."""
    own = {name: (each.run, each.webhook) for name, each in config.keywords.items()}
    return config.actions, {name: each for name, each in own.items() if any(each)}


def _with_actions(config: Config, actions: tuple[object, ...], source: str) -> Config:
    """The same, where it starts what the file says.

    Raises:
        ConfigError: it does not: what can run a program stands in one place, which its owner can
            protect.
    """
    if _actions(config) != actions:
        raise ConfigError(
            f"{source}: actions, and run and webhook of keywords, are set in the configuration "
            "file only"
        )
    return config


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


def parse_override(override: str | tuple[str, object], kind: Any) -> tuple[str, object, str]:
    """Key, value and, for messages, where they stand.

    Args:
        override: "section.key=value", the value as `parse_value` takes it; or ("section.key",
            value).
        kind: type of the settings.

    Raises:
        ConfigError: it is not of this form, or its value cannot be read.
    """
    if isinstance(override, tuple):
        key, value = override
        return key, value, f"--set {key}={value}"
    key, separator, text = override.partition("=")
    source = f"--set {override}"
    key = key.strip()
    if not separator or not key:
        raise ConfigError(f"{source}: should be section.key=value")
    return key, parse_value(text, type_at(kind, key.split(".")), source), source


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
    given = {
        key: {} if value is None and is_section(hints.get(key)) else value
        for key, value in tree.items()
    }
    if wrong := list(problems(given, kind)):
        raise ConfigError("\n".join(f"{source}: {problem}" for problem in wrong))
    try:
        return msgspec.convert(given, kind, dec_hook=to_path)
    except msgspec.ValidationError as error:
        # A __post_init__ has refused values that are right one by one.
        message, _, path = str(error).partition(" - at `$")
        where = path.strip("`.")
        raise ConfigError(f"{source}: {f'{where}: ' if where else ''}{message}") from error
