"""The keys of `config.yaml`, their types, limits and defaults."""

from typing import Annotated, Literal

from msgspec import Meta, Struct, field

from kws.config.paths import DEFAULT_MODEL

LOWEST_RATE, HIGHEST_RATE = 1_000, 768_000
"""Samples per second of a recording, a stream or a model."""
Engine = Literal["auto", "onnx", "torch"]
"""What runs the network."""
AUTO, NO_VERIFIER = "auto", "none"
"""Values of `model.verifier` beside the name of one."""
RawType = Literal["s16le", "f32le"]
"""Types of raw samples on standard input."""
LONGEST_TRIGGER_S = 60.0
"""Limit of each of a trigger's times."""
Seconds = Annotated[float, Meta(ge=0, le=LONGEST_TRIGGER_S)]
Level = Annotated[float, Meta(gt=0, le=1)]


class AudioConfig(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The source of audio.

    Attributes:
        source: "microphone", "demo", "-" for standard input, the path of an audio file, "network":
            none but what others send, or "auto": see `kws.audio.source.resolve_auto`.
        device: the microphone's name, a part of it, or one of its other names: see
            `kws.audio.device.choose_device`; empty for the system's default.
        channel: of a microphone, a recording or standard input: the one that counts, from 0 on;
            "mix": the mean of all.
        device_rate: samples per second to open the microphone at; 0: the model's rate where the
            device takes it, else the device's own.
        stdin_rate: samples per second of raw audio on standard input.
        stdin_channels: channels of it.
        stdin_format: type of its samples.
        lost_after_s: a live source that delivers nothing for this time is lost; shorter than the
            watchdog's time (`kws.daemon.sd_notify`).
        silent_after_s: a microphone that delivers only zeros for this time is opened again; 0:
            never.
        ready_after_sound: report the daemon as ready only when the first audio has arrived.
    """

    source: Annotated[str, Meta(min_length=1)] = "microphone"
    device: str = ""
    channel: Literal["mix"] | Annotated[int, Meta(ge=0, le=255)] = "mix"
    device_rate: Annotated[int, Meta(ge=0, le=HIGHEST_RATE)] = 0
    stdin_rate: Annotated[int, Meta(ge=4_000, le=HIGHEST_RATE)] = 16_000
    stdin_channels: Annotated[int, Meta(ge=1, le=64)] = 1
    stdin_format: RawType = "s16le"
    lost_after_s: Annotated[float, Meta(ge=1, le=15)] = 3.0
    silent_after_s: Annotated[float, Meta(ge=0, le=86_400)] = 60.0
    ready_after_sound: bool = False


class ModelConfig(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The model.

    Attributes:
        path: of a model file, or the name of a model: see `kws.config.paths.find_model`.
        hop_s: seconds between windows, a multiple of 0.01; null: as the model was calibrated (0.1).
        engine: what runs the network: "onnx" for ONNX Runtime, "torch" for PyTorch where it is
            installed; "auto" is "onnx".
        verifier: name or path of the network that decides on what the model proposes; "auto" for
            the one that the model was calibrated with, if any; "none" for none.
    """

    path: Annotated[str, Meta(min_length=1)] = DEFAULT_MODEL
    hop_s: Annotated[float, Meta(ge=0.01, le=0.5)] | None = None
    engine: Engine = "auto"
    verifier: Annotated[str, Meta(min_length=1)] = AUTO


class DetectionConfig(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How often false alarms are acceptable.

    Attributes:
        false_alarms_per_hour: use the thresholds that gave at most this many, all keywords
            together, when the model was calibrated; null: use the model's own.
        lookahead_s: seconds after a word that the verifier gets to see, which delay its detection:
            one of those that the model was calibrated for; null: the first of them.
    """

    false_alarms_per_hour: Annotated[float, Meta(gt=0, le=1000)] | None = None
    lookahead_s: Annotated[float, Meta(ge=0, le=1)] | None = None


class TriggerConfig(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """When a posterior becomes an event; null: as the model file has it.

    `verifier_threshold` is the score that the verifier has to reach; for the others see
    `kws.spotting.trigger.TriggerSettings`.
    """

    threshold: Level | None = None
    smoothing_s: Seconds | None = None
    patience_s: Seconds | None = None
    refractory_s: Seconds | None = None
    release: Level | None = None
    exclusion_s: Seconds | None = None
    verifier_threshold: Level | None = None


class KeywordConfig(TriggerConfig, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What is a keyword's own: its trigger, and what its detections start.

    Attributes:
        run: a program and its arguments.
        webhook: a URL that gets the event.
    """

    run: tuple[str, ...] = ()
    webhook: str = ""


class ActionsConfig(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What every detection starts, and the limits of all actions.

    Attributes:
        run: a program and its arguments; empty for none.
        webhook: a URL that gets the event; empty for none.
        secret_file: file whose first line is the key that signs what webhooks get; empty: nothing
            is signed.
        timeout_s: seconds that a command, or an attempt of a webhook, may take.
        expire_s: an action that has not begun within this time of its detection never does, and
            no webhook is tried again after it.
        at_once: actions that run at the same time.
        queue: actions that may wait for their turn.
    """

    run: tuple[str, ...] = ()
    webhook: str = ""
    secret_file: str = ""
    timeout_s: Annotated[float, Meta(ge=0.1, le=600)] = 10.0
    expire_s: Annotated[float, Meta(ge=0.1, le=600)] = 10.0
    at_once: Annotated[int, Meta(ge=1, le=64)] = 4
    queue: Annotated[int, Meta(ge=1, le=10_000)] = 100


class ServerConfig(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The HTTP and websocket server.

    Attributes:
        host: address to listen on.
        port: TCP port; 0 takes a free one.
        token_file: file whose first line is the token that clients need; empty for none. The
            variable KWS_TOKEN does the same.
        allowed_hosts: further host names under which clients may reach the server.
        allowed_origins: web pages elsewhere that may connect, as "https://example.org".
        max_connections: clients at the same time.
        max_streams: streams of audio that clients may send at the same time.
        keep_audio_s: keep the audio of each detection for this time, for clients with the token; 0:
            never.
        queue: events that may wait for a slow subscriber before it is closed.
        remote_unmute: whether clients on other machines may unmute the daemon.
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
    remote_unmute: bool = False


class StateConfig(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What has to survive a restart.

    Attributes:
        folder: where it is kept; empty: see `kws.config.paths.state_folder`.
    """

    folder: str = ""


class HistoryConfig(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Events on disk, in the folder of `state`.

    Attributes:
        days: how long they are kept; 0: there is no history.
        max_mb: the oldest go where there would be more, in 10**6 bytes.
    """

    days: Annotated[float, Meta(ge=0, le=36_500)] = 0.0
    max_mb: Annotated[float, Meta(ge=1, le=100_000)] = 64.0


class MqttConfig(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A broker of MQTT, which gets the events.

    Attributes:
        url: where it is, as "mqtt://HOST:PORT", or "mqtts://" for TLS; empty: MQTT is off.
        protocol: version of MQTT.
        user: name that the broker knows this daemon by; empty for none.
        password_file: file whose first line is the password; empty for none.
        ca_file: certificates that the broker's is checked by; empty: the system's.
        certificate_file: this daemon's own certificate; empty for none.
        key_file: its private key; empty: it is in the same file.
        client_id: name of the connection; empty: "kws-" and the id.
        id: name of this daemon in topics; empty: the machine's name.
        topic: what all topics begin with.
        expire_s: an event that has not been delivered within this time never is, but in the
            archive.
        archive: whether events also go to an archive topic, kept on disk while the broker is away.
        archive_events: events that are kept at most.
        archive_bytes: bytes of them at most.
        discovery: whether Home Assistant finds the daemon by itself.
        discovery_prefix: what the topics of discovery begin with.
    """

    url: str = ""
    protocol: Literal[5, "3.1.1"] = 5
    user: str = ""
    password_file: str = ""
    ca_file: str = ""
    certificate_file: str = ""
    key_file: str = ""
    client_id: str = ""
    id: str = ""
    topic: Annotated[str, Meta(min_length=1)] = "kws"
    expire_s: Annotated[float, Meta(ge=1, le=3_600)] = 10.0
    archive: bool = False
    archive_events: Annotated[int, Meta(ge=1, le=10_000_000)] = 100_000
    archive_bytes: Annotated[int, Meta(ge=10_000, le=10_000_000_000)] = 50_000_000
    discovery: bool = False
    discovery_prefix: Annotated[str, Meta(min_length=1)] = "homeassistant"


class IntegrationsConfig(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Other systems, of which each is off until its section says where it is."""

    mqtt: MqttConfig = field(default_factory=MqttConfig)


class LogConfig(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What goes to standard error.

    Attributes:
        level: messages below it are left out.
        format: "text" for people, "json" for machines.
    """

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["text", "json"] = "text"


class Config(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The whole configuration.

    Attributes:
        detection: chooses thresholds; `trigger` overrides them.
        trigger: for all keywords.
        keywords: for single keywords; overrides `trigger`, and adds to `actions`.
        actions: of all keywords; in the configuration file only.
    """

    audio: AudioConfig = field(default_factory=AudioConfig)
    model: ModelConfig = field(default_factory=ModelConfig)
    detection: DetectionConfig = field(default_factory=DetectionConfig)
    trigger: TriggerConfig = field(default_factory=TriggerConfig)
    keywords: dict[str, KeywordConfig] = field(default_factory=dict)
    server: ServerConfig = field(default_factory=ServerConfig)
    state: StateConfig = field(default_factory=StateConfig)
    history: HistoryConfig = field(default_factory=HistoryConfig)
    actions: ActionsConfig = field(default_factory=ActionsConfig)
    integrations: IntegrationsConfig = field(default_factory=IntegrationsConfig)
    log: LogConfig = field(default_factory=LogConfig)
