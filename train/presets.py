"""Settings of a training by name or on the command line.

`train/presets/NAME.yaml` holds fields of `FitConfig`; `extends: NAME` takes over another preset's,
`more_keywords` adds to its keywords, and `stages` lists trainings that follow one another, each
with settings of its own over the preset's.
"""

from collections.abc import Iterable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from kws.config.load import convert, parse_override, put
from kws.config.paths import path_of
from kws.config.yaml12 import read_yaml
from kws.errors import ConfigError
from train.config import FitConfig

FOLDER = Path(__file__).parent / "presets"
EXTENDS, MORE_KEYWORDS, STAGES = "extends", "more_keywords", "stages"
PREVIOUS = "previous"
"""As a stage's `initial`: the model of the stage before, which is the default; with `.checkpoint`
behind it that stage's checkpoint, for a network that is to be trained on with batch
normalisation."""
Settings = TypeVar("Settings")


@dataclass(frozen=True)
class Preset:
    """What a preset says.

    Attributes:
        path: of its file, for messages.
        settings: by the names of fields.
        stages: of each stage, settings over these; empty without stages.
    """

    path: Path
    settings: dict[str, Any]
    stages: tuple[dict[str, Any], ...] = ()


def read_preset(preset: str) -> Preset:
    """Read a preset and those that it extends.

    Stages of a preset that another one extends are not taken over.

    Args:
        preset: a name in `train/presets`, or the path of a YAML file.

    Raises:
        ConfigError: there is no such preset, or it is none.
    """
    return _read(preset, ())


def stages_of(
    config: FitConfig, preset: str, overrides: Iterable[str], given: Mapping[str, Any]
) -> list[FitConfig]:
    """The trainings of a preset, one for each stage; a single one where it lists none.

    A stage's model lies beside the output, as NAME.stage1.pt; the last one is the output.

    Args:
        config: where to find recordings and where to write.
        preset: a name in `train/presets`, or the path of a YAML file.
        overrides: settings over those of each stage, as "mixture.words=0.3".
        given: the same by the names of fields; `initial` is where the first stage starts.

    Raises:
        ConfigError: there is no such preset, or a setting in it is not valid.
    """
    found, overrides = read_preset(preset), list(overrides)
    base = changed(config, found.settings, str(found.path))
    output, last = config.output, len(found.stages)
    configs: list[FitConfig] = []
    for number, settings in enumerate(found.stages or ({},), 1):
        source = f"{found.path}: stage {number}" if found.stages else str(found.path)
        stage = with_overrides(changed(base, settings, source), overrides)
        stage = changed(stage, given, "command line")
        if number < last:
            stage = replace(
                stage, output=output.with_name(f"{output.stem}.stage{number}{output.suffix}")
            )
        if number > 1:
            initial = str(settings.get("initial", PREVIOUS))
            if initial.removesuffix(".checkpoint") == PREVIOUS:
                before = configs[-1]
                initial = str(before.output if initial == PREVIOUS else before.checkpoint)
            stage = replace(stage, initial=initial)
        configs.append(replace(stage, name=stage.name or output.stem))
    return configs


def with_overrides(settings: Settings, overrides: Iterable[str]) -> Settings:
    """Settings with some set on the command line, as `augmentation.mixup=0.2`.

    Raises:
        ConfigError: one of them is unknown or cannot be.
    """
    for override in overrides:
        key, value, source = parse_override(override, type(settings))
        tree: dict[str, Any] = {}
        put(tree, key.split("."), value, source)
        settings = changed(settings, tree, source)
    return settings


def changed(settings: Settings, said: Mapping[str, Any], source: str) -> Settings:
    """A dataclass with some of its fields set, those of dataclasses in it too.

    Args:
        settings: the dataclass.
        said: plain values by the names of fields.
        source: where they stand, for messages.

    Raises:
        ConfigError: a field is unknown, or its value cannot be.
    """
    plain = msgspec.to_builtins(settings, enc_hook=str)
    return convert(_merged(plain, said), type(settings), source)


def _merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(below)
    for key, value in above.items():
        now = merged.get(key)
        if isinstance(now, Mapping) and isinstance(value, Mapping):
            merged[key] = _merged(now, value)
        else:
            merged[key] = deepcopy(value)
    return merged


def _read(preset: str, extending: tuple[str, ...]) -> Preset:
    path = _find(preset)
    said = read_yaml(path)
    if not isinstance(said, dict):
        raise ConfigError(f"{path}: should hold settings by name, such as 'epochs: 10'")
    stages = _stages(said.pop(STAGES), path) if STAGES in said else ()
    base: dict[str, Any] = {}
    if (name := said.pop(EXTENDS, None)) is not None:
        if name in (*extending, path.stem):
            raise ConfigError(f"{path}: {EXTENDS}: {name} extends this one in turn")
        base = _read(str(name), (*extending, path.stem)).settings
    more = said.pop(MORE_KEYWORDS, [])
    settings = _merged(base, said)
    if more:
        # Checked here: in a sum of lists nobody would find the one that is none.
        added = convert({"keywords": more}, _Keywords, f"{path}: {MORE_KEYWORDS}").keywords
        settings["keywords"] = [*settings.get("keywords", ()), *added]
    return Preset(path, settings, stages)


class _Keywords(msgspec.Struct):
    keywords: tuple[str, ...]


def _stages(said: Any, path: Path) -> tuple[dict[str, Any], ...]:
    if not isinstance(said, list) or not said:
        raise ConfigError(f"{path}: {STAGES}: should be a list of one stage or more")
    for number, stage in enumerate(said, 1):
        if not isinstance(stage, dict):
            raise ConfigError(f"{path}: stage {number}: should hold settings by name")
        if number == 1 and str(stage.get("initial")).removesuffix(".checkpoint") == PREVIOUS:
            raise ConfigError(f"{path}: stage 1: initial: there is no stage before it")
        if wrong := {"output", "words", "resume", "restart"} & stage.keys():
            raise ConfigError(f"{path}: stage {number}: {', '.join(sorted(wrong))}: not in a stage")
    return tuple(said)


def _find(preset: str) -> Path:
    for path in (FOLDER / f"{preset}.yaml", path_of(preset)):
        if path.is_file():
            return path
    raise ConfigError(f"preset {preset!r} not found; there are: {', '.join(_names())}")


def _names() -> Iterator[str]:
    yield from sorted(each.stem for each in FOLDER.glob("*.yaml"))
