"""What `/health` and `/info` say. Pure: a snapshot in, JSON values out."""

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from importlib.metadata import version
from typing import Any

from kws.spotting.model_file import KeywordModel
from kws.spotting.trigger import TriggerSettings


@dataclass(frozen=True)
class SourceState:
    """A source at one moment.

    Attributes:
        stream: name of its stream in events.
        kind: "microphone", "demo", "file" or "stdin".
        name: what people call it.
        live: whether it ought to deliver all the time.
        sample_rate: samples per second that it delivers.
        channels: samples per frame that it delivers.
        seconds_since_audio: since it last delivered, or since it was started if it never did.
        delivered: whether it ever delivered.
        overflows: how often sound was lost before it reached us.
        dropped_samples: samples lost in all, at the model's rate.
    """

    stream: str
    kind: str
    name: str
    live: bool
    sample_rate: int
    channels: int
    seconds_since_audio: float
    delivered: bool
    overflows: int
    dropped_samples: int

    def summary(self) -> dict[str, Any]:
        """What a subscriber is told about the source."""
        return {"stream": self.stream, "kind": self.kind, "name": self.name, "live": self.live}


def is_lost(source: SourceState, lost_after_s: float) -> bool:
    """Whether a source that ought to deliver does not."""
    return source.live and source.seconds_since_audio > lost_after_s


def health(
    source: SourceState, *, run: str, uptime_s: float, lost_after_s: float, subscribers: int
) -> tuple[HTTPStatus, dict[str, Any]]:
    """Whether the daemon hears: 503 only when a source that ought to deliver does not."""
    lost = is_lost(source, lost_after_s)
    status = "lost" if lost else "ok" if source.delivered else "waiting"
    content = {
        "status": status,
        "seconds_since_audio": round(source.seconds_since_audio, 3) if source.delivered else None,
        "uptime_s": round(uptime_s, 3),
        "run": run,
        "source": {
            **source.summary(),
            "sample_rate": source.sample_rate,
            "channels": source.channels,
            "overflows": source.overflows,
            "dropped_samples": source.dropped_samples,
        },
        "subscribers": subscribers,
    }
    return (HTTPStatus.SERVICE_UNAVAILABLE if lost else HTTPStatus.OK), content


def info(
    model: KeywordModel, *, hop_s: float, trigger: Mapping[str, TriggerSettings]
) -> dict[str, Any]:
    """What the daemon hears with."""
    header = model.header
    return {
        "model": header.architecture,
        "classes": list(model.classes),
        "n_classes": len(model.classes),
        "device": "cpu",
        "parameters": model.parameters,
        "model_name": header.name,
        "version": version("kws"),
        "sample_rate": model.sample_rate,
        "window_s": model.window_samples / model.sample_rate,
        "hop_s": hop_s,
        "thresholds": {keyword: settings.threshold for keyword, settings in trigger.items()},
        "context": header.context,
        "licence": header.licence,
        "measured": header.measured,
    }
