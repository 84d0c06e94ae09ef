"""The content of `/health` and `/info`. Pure: a snapshot in, JSON values out."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from importlib.metadata import version
from typing import Any

from msgspec import to_builtins

from kws.engine.state import SourceState
from kws.spotting.spotter import Spotter
from kws.spotting.verifier import Verification
from kws.typing import IntegrationStatus, MuteState


def health(
    source: SourceState,
    streams: Sequence[SourceState],
    *,
    run: str,
    uptime_s: float,
    stalled: str,
    subscribers: int,
    muting: MuteState,
    integrations: Sequence[IntegrationStatus] = (),
) -> tuple[HTTPStatus, dict[str, Any]]:
    """Whether the daemon processes audio: 503 where a source that ought to deliver does not.

    Args:
        source: the daemon's own.
        streams: those of senders.
        run: identifies this start.
        uptime_s: seconds since then.
        stalled: why audio that comes is not processed; empty where it is.
        subscribers: how many there are.
        muting: whether nothing is to be processed, because somebody has muted the daemon.
        integrations: those that are switched on. One that fails is no fault of the daemon's.
    """
    reason = "" if muting.muted else source.reason or stalled
    since = source.seconds_since_audio
    if source.kind == "network":
        # There is nothing here but what is sent: the newest of that counts.
        ages = (each.seconds_since_audio for each in streams)
        since = min((age for age in ages if age is not None), default=None)
    waiting = since is None
    status = "stalled" if stalled else "waiting" if waiting else "ok"
    status = "muted" if muting.muted else "lost" if source.reason else status
    content: dict[str, Any] = {
        "status": status,
        "reason": reason or None,
        "seconds_since_audio": _rounded(since),
        "uptime_s": round(uptime_s, 3),
        "run": run,
        "source": {
            **to_builtins(source.summary()),
            **source.format_fields(),
            **source.counts(),
        },
        "streams": [
            {
                **to_builtins(each.summary()),
                **each.format_fields(),
                **each.counts(),
                "seconds_since_audio": _rounded(each.seconds_since_audio),
                "reason": each.reason or None,
            }
            for each in streams
        ],
        "subscribers": subscribers,
        "muted": muting.muted,
        "muted_seconds_left": _rounded(muting.seconds_left),
        "integrations": [
            {
                "name": each.name,
                "peer": each.peer,
                "connected": each.connected,
                "reason": each.reason or None,
                "events": dict(each.events),
                "waiting": each.waiting,
            }
            for each in integrations
        ],
    }
    return (HTTPStatus.SERVICE_UNAVAILABLE if reason else HTTPStatus.OK), content


def public_health(content: Mapping[str, Any]) -> dict[str, Any]:
    """Of the content of `/health` what whoever supervises the daemon needs.

    The rest says who sends what, and the run with the number of an event would say when a keyword
    was detected.
    """
    return {key: content[key] for key in ("status", "reason", "seconds_since_audio", "uptime_s")}


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 3)


def _verifier(verification: Verification | None) -> dict[str, Any] | None:
    if verification is None:
        return None
    return {
        "name": verification.verifier.name,
        "parameters": verification.verifier.parameters,
        "lookahead_s": verification.lookahead_s,
        "thresholds": dict(verification.thresholds),
    }


def info(spotter: Spotter, *, keep_audio_s: float, history_days: float) -> dict[str, Any]:
    """The model and its settings, and how long the audio of events, and events, are kept."""
    model = spotter.model
    header = model.header
    return {
        "model": header.architecture,
        "classes": list(model.classes),
        "n_classes": len(model.classes),
        "device": "cpu",
        "parameters": model.parameters,
        "engine": model.backend.engine,
        "model_name": header.name,
        "version": version("kws"),
        "sample_rate": model.sample_rate,
        "window_s": model.window_samples / model.sample_rate,
        "hop_s": spotter.hop_s,
        "thresholds": spotter.thresholds,
        "context": header.context,
        "keep_audio_s": keep_audio_s,
        "history_days": history_days,
        "verifier": _verifier(spotter.verification),
        "licence": header.licence,
        "measured": header.measured,
    }
