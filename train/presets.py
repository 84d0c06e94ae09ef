"""Settings of a training by name: `train/presets/NAME.yaml` holds fields of `FitConfig`."""

from dataclasses import fields, replace
from pathlib import Path
from typing import Any, get_type_hints

import msgspec
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from kws.errors import ConfigError
from train.fit import FitConfig

FOLDER = Path(__file__).parent / "presets"


def with_preset(config: FitConfig, preset: str) -> FitConfig:
    """A training's settings with what a preset says over them.

    Args:
        config: where to find recordings and where to write.
        preset: a name in `train/presets`, or the path of a YAML file.

    Raises:
        ConfigError: there is no such preset, or it says something that cannot be.
    """
    path = FOLDER / f"{preset}.yaml"
    if not path.is_file():
        path = Path(preset)
    try:
        said = YAML(typ="safe", pure=True).load(path.read_text())
    except OSError as error:
        names = ", ".join(sorted(each.stem for each in FOLDER.glob("*.yaml")))
        raise ConfigError(f"preset {preset!r} not found; there are: {names}") from error
    except YAMLError as error:
        raise ConfigError(f"{path}: not valid YAML: {error}") from error
    return replace(config, **_fields(said or {}, path))


def _fields(said: dict[str, Any], path: Path) -> dict[str, Any]:
    kinds = get_type_hints(FitConfig)
    values = {}
    for name, value in said.items():
        if name not in kinds:
            allowed = ", ".join(field.name for field in fields(FitConfig))
            raise ConfigError(f"{path}: {name}: unknown key; allowed here: {allowed}")
        try:
            values[name] = msgspec.convert(value, kinds[name])
        except msgspec.ValidationError as error:
            raise ConfigError(f"{path}: {name}: {error}") from error
    return values
