"""Settings of a training by name or on the command line.

`train/presets/NAME.yaml` holds fields of `FitConfig`; `extends: NAME` takes over another preset's,
and `more_keywords` adds to its keywords.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields, is_dataclass, replace
from functools import reduce
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, get_type_hints

import msgspec

from kws.config.validation import describe
from kws.config.yaml12 import parse_yaml, read_yaml
from kws.errors import ConfigError
from train.config import FitConfig

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

FOLDER = Path(__file__).parent / "presets"
EXTENDS, MORE_KEYWORDS = "extends", "more_keywords"
SettingsT = TypeVar("SettingsT", bound="DataclassInstance")


def with_preset(config: FitConfig, preset: str) -> FitConfig:
    """A training's settings with what a preset says over them.

    Args:
        config: where to find recordings and where to write.
        preset: a name in `train/presets`, or the path of a YAML file.

    Raises:
        ConfigError: there is no such preset, or it says something that cannot be.
    """
    return _with(config, preset, ())


def _with(config: FitConfig, preset: str, extending: tuple[str, ...]) -> FitConfig:
    path = _find(preset)
    said = _read(path)
    if (base := said.pop(EXTENDS, None)) is not None:
        if base in (*extending, path.stem):
            raise ConfigError(f"{path}: {EXTENDS}: {base} extends this one in turn")
        config = _with(config, str(base), (*extending, path.stem))
    more = said.pop(MORE_KEYWORDS, [])
    config = changed(config, said, str(path))
    added = changed(config, {"keywords": more}, f"{path}: {MORE_KEYWORDS}").keywords
    return replace(config, keywords=(*config.keywords, *added))


def with_overrides(config: SettingsT, overrides: Iterable[str]) -> SettingsT:
    """Settings with some set on the command line, as `augmentation.mixup=0.2`.

    Raises:
        ConfigError: one of them is unknown or cannot be.
    """
    for override in overrides:
        source = f"--set {override}"
        name, separator, text = override.partition("=")
        if not separator or not name.strip():
            raise ConfigError(f"{source}: should be setting=value")
        value = parse_yaml(text, source) if text.strip() else ""
        keys = reversed(name.strip().split("."))
        config = changed(config, reduce(lambda below, key: {key: below}, keys, value), source)
    return config


def changed(settings: SettingsT, said: Any, source: str) -> SettingsT:
    """A dataclass with some of its fields set, those of dataclasses in it too.

    Args:
        settings: the dataclass.
        said: plain values by the names of fields.
        source: where they stand, for messages.

    Raises:
        ConfigError: a field is unknown, or its value cannot be.
    """
    return _changed(settings, said, source, "")


def _changed(settings: SettingsT, said: Any, source: str, at: str) -> SettingsT:
    names = [field.name for field in fields(settings)]
    if not isinstance(said, Mapping):
        where = f"{source}: {at}" if at else source
        raise ConfigError(f"{where}: should hold settings by name: {', '.join(names)}")
    kinds = get_type_hints(type(settings), include_extras=True)
    values = {}
    for name, value in said.items():
        below = f"{at}.{name}" if at else str(name)
        if name not in names:
            raise ConfigError(f"{source}: {below}: unknown key; allowed here: {', '.join(names)}")
        current = getattr(settings, name)
        if is_dataclass(current) and not isinstance(current, type):
            values[name] = _changed(current, value, source, below)
        else:
            values[name] = _converted(value, kinds[name], f"{source}: {below}")
    try:
        return replace(settings, **values)
    except ValueError as error:
        raise ConfigError(f"{source}: {at}: {error}") from error


def _converted(value: Any, kind: Any, where: str) -> Any:
    try:
        return msgspec.convert(value, kind, dec_hook=lambda path, text: path(text))
    except (msgspec.ValidationError, TypeError) as error:
        raise ConfigError(f"{where}: got {value!r}; allowed: {_describe(kind)}") from error


def _describe(kind: Any) -> str:
    return "a path" if "Path" in str(kind) else describe(kind)


def _find(preset: str) -> Path:
    for path in (FOLDER / f"{preset}.yaml", Path(preset)):
        if path.is_file():
            return path
    raise ConfigError(f"preset {preset!r} not found; there are: {', '.join(_names())}")


def _names() -> Iterator[str]:
    yield from sorted(each.stem for each in FOLDER.glob("*.yaml"))


def _read(path: Path) -> dict[str, Any]:
    said = read_yaml(path) or {}
    if not isinstance(said, dict):
        raise ConfigError(f"{path}: should hold settings by name, such as 'epochs: 10'")
    return said
