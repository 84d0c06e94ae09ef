"""The configuration: what `config.yaml` may say, and how it is read and overridden.

Later wins: defaults, file, environment (`KWS_SERVER__PORT=9000`), command line
(`--set server.port=9000`).
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct, field
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from kws.config_help import problems
from kws.errors import ConfigError

Seconds = Annotated[float, Meta(ge=0, le=60)]
Level = Annotated[float, Meta(gt=0, le=1)]
ENVIRONMENT_PREFIX = "KWS_"
ENVIRONMENT_SEPARATOR = "__"


class AudioConfig(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Where sound comes from.

    Attributes:
        source: "microphone", "demo", "-" for standard input, the path of an audio file, or
            "network": none but what others send.
        device: part of the microphone's name; empty for the system's default.
        device_rate: samples per second to open the microphone at; 0: the model's rate where the
            device takes it, else the device's own.
        stdin_rate: samples per second of raw audio on standard input.
        stdin_channels: channels of it.
        stdin_format: type of its samples.
        lost_after_s: a live source that delivers nothing for so long is lost; less than the
            patience of a supervisor (`kws.supervisor`).
        silent_after_s: a microphone that delivers nothing but zeros for so long is doubtful, and
            is opened anew; 0: never.
        ready_after_sound: say that the daemon is ready only when the first sound has come.
    """

    source: Annotated[str, Meta(min_length=1)] = "microphone"
    device: str = ""
    device_rate: Annotated[int, Meta(ge=0, le=768_000)] = 0
    stdin_rate: Annotated[int, Meta(ge=4_000, le=768_000)] = 16_000
    stdin_channels: Annotated[int, Meta(ge=1, le=64)] = 1
    stdin_format: Literal["s16le", "f32le"] = "s16le"
    lost_after_s: Annotated[float, Meta(ge=1, le=15)] = 3.0
    silent_after_s: Annotated[float, Meta(ge=0, le=86_400)] = 60.0
    ready_after_sound: bool = False


class ModelConfig(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What to hear with.

    Attributes:
        path: of a model file, or the name of a model: see `kws.places.find_model`.
        hop_s: seconds between windows, a multiple of 0.01; null: as the model was calibrated (0.1).
    """

    path: Annotated[str, Meta(min_length=1)] = "yes-no-up-down"
    hop_s: Annotated[float, Meta(ge=0.01, le=0.5)] | None = None


class DetectionConfig(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What detecting may cost.

    Attributes:
        false_alarms_per_hour: take the thresholds that gave at most so many, all keywords
            together, when the model was calibrated; null: take its own.
    """

    false_alarms_per_hour: Annotated[float, Meta(gt=0, le=1000)] | None = None


class TriggerConfig(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """When a posterior becomes an event; null leaves it to the model file.

    See `kws.spotting.trigger.TriggerSettings` for what each means.
    """

    threshold: Level | None = None
    smoothing_s: Seconds | None = None
    patience_s: Seconds | None = None
    refractory_s: Seconds | None = None
    release: Level | None = None
    exclusion_s: Seconds | None = None


class ServerConfig(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The port for programs.

    Attributes:
        host: address to listen on.
        port: TCP port; 0 takes a free one.
        token_file: file whose first line every client has to know; empty for none. The variable
            KWS_TOKEN does the same.
        allowed_hosts: further names that clients may call the server by.
        allowed_origins: web pages elsewhere that may connect, as "https://example.org".
        max_connections: clients at a time.
        max_streams: streams of sound at a time that clients may send.
        keep_audio_s: keep the sound of each detection for so long, for who has the token; 0: never.
        queue: events that may wait for a slow subscriber before it is closed.
    """

    host: Annotated[str, Meta(min_length=1)] = "127.0.0.1"
    port: Annotated[int, Meta(ge=0, le=65_535)] = 8000
    token_file: str = ""
    allowed_hosts: tuple[str, ...] = ()
    allowed_origins: tuple[str, ...] = ()
    max_connections: Annotated[int, Meta(ge=1, le=10_000)] = 100
    max_streams: Annotated[int, Meta(ge=0, le=10_000)] = 64
    keep_audio_s: Annotated[float, Meta(ge=0, le=86_400)] = 0.0
    queue: Annotated[int, Meta(ge=1, le=100_000)] = 256


class LogConfig(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What goes to standard error.

    Attributes:
        level: the least that is said.
        format: "text" for people, "json" for machines.
    """

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["text", "json"] = "text"


class Config(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """All of it.

    Attributes:
        detection: chooses thresholds, under `trigger`.
        trigger: for all keywords.
        keywords: for single keywords, over `trigger`.
    """

    audio: AudioConfig = field(default_factory=AudioConfig)
    model: ModelConfig = field(default_factory=ModelConfig)
    detection: DetectionConfig = field(default_factory=DetectionConfig)
    trigger: TriggerConfig = field(default_factory=TriggerConfig)
    keywords: dict[str, TriggerConfig] = field(default_factory=dict)
    server: ServerConfig = field(default_factory=ServerConfig)
    log: LogConfig = field(default_factory=LogConfig)


def load_config(
    path: Path | None = None,
    *,
    overrides: Sequence[str] = (),
    environment: Mapping[str, str] | None = None,
) -> Config:
    """Read the configuration.

    Args:
        path: a YAML file; without one, the defaults.
        overrides: "section.key=value", the value in YAML.
        environment: variables, of which those that begin with KWS_ and hold a double underscore
            count: KWS_SECTION__KEY.

    Raises:
        ConfigError: a key is unknown, or a value of the wrong type or out of range.
    """
    tree: dict[str, Any] = {}
    config = Config()
    if path is not None:
        tree = _read_file(path)
        config = _convert(tree, str(path))
    for name, value in sorted((environment or {}).items()):
        if name.startswith(ENVIRONMENT_PREFIX) and ENVIRONMENT_SEPARATOR in name:
            keys = name.removeprefix(ENVIRONMENT_PREFIX).lower().split(ENVIRONMENT_SEPARATOR)
            _put(tree, keys, _parse_value(value, f"variable {name}"), f"variable {name}")
            config = _convert(tree, f"variable {name}")
    for override in overrides:
        key, separator, value = override.partition("=")
        if not separator or not key.strip():
            raise ConfigError(f"--set {override}: should be section.key=value")
        source = f"--set {override}"
        _put(tree, key.strip().split("."), _parse_value(value, source), source)
        config = _convert(tree, source)
    return config


def _read_file(path: Path) -> dict[str, Any]:
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise ConfigError(f"{path}: no such configuration file") from error
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read: {error}") from error
    tree = parse_yaml(text, str(path))
    if tree is None:
        return {}
    if not isinstance(tree, dict):
        raise ConfigError(f"{path}: should hold sections such as 'server:', not a single value")
    return tree


def parse_yaml(text: str, source: str) -> Any:
    """What a YAML text says, as plain values.

    Args:
        text: in YAML 1.2.
        source: where it stands, for messages.

    Raises:
        ConfigError: it is no YAML.
    """
    # YAML 1.2, in which yes, no and on are words: people write them as keywords.
    try:
        return YAML(typ="safe", pure=True).load(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark
        line = f", line {mark.line + 1}" if mark else ""
        raise ConfigError(f"{source}{line}: not valid YAML: {error.problem}") from error
    except YAMLError as error:
        raise ConfigError(f"{source}: not valid YAML: {error}") from error


def _parse_value(text: str, source: str) -> Any:
    # A dash alone begins a list in YAML; here it is standard input.
    return text.strip() if text.strip() in ("", "-") else parse_yaml(text, source)


def _put(tree: dict[str, Any], keys: Sequence[str], value: Any, source: str) -> None:
    for depth, key in enumerate(keys[:-1]):
        below = tree.setdefault(key, {})
        if below is None:
            below = tree[key] = {}
        if not isinstance(below, dict):
            raise ConfigError(f"{source}: {'.'.join(keys[: depth + 1])} is a value, not a section")
        tree = below
    tree[keys[-1]] = value


def _convert(tree: Mapping[str, Any], source: str) -> Config:
    # A section that is there without a key means: nothing said.
    said = {key: {} if value is None else value for key, value in tree.items()}
    if wrong := list(problems(said, Config)):
        raise ConfigError("\n".join(f"{source}: {problem}" for problem in wrong))
    return msgspec.convert(said, Config)
