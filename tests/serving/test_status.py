"""What /health says: unhealthy only where audio ought to arrive and does not."""

from dataclasses import replace
from http import HTTPStatus

import pytest

from kws.engine.state import SourceState
from kws.serving.status import health, info
from kws.spotting.spotter import Spotter
from kws.spotting.trigger import TriggerSettings
from kws.typing import AudioFormat, IntegrationStatus, MuteState
from tests.spotting.models import untrained_model

DELIVERING = SourceState(
    stream="default",
    kind="microphone",
    name="USB",
    live=True,
    audio_format=AudioFormat(48_000, 2),
    reason="",
    seconds_since_audio=0.02,
    overflows=1,
    losses=3,
    dropped_samples=160,
)
OPEN = MuteState(muted=False)
NOTHING_YET = replace(DELIVERING, seconds_since_audio=None, audio_format=None)
LOST = replace(DELIVERING, reason="unplugged")


@pytest.mark.parametrize(
    ("source", "stalled", "status", "reason"),
    [
        (DELIVERING, "", "ok", None),
        (NOTHING_YET, "", "waiting", None),
        (LOST, "", "lost", "unplugged"),
        (replace(NOTHING_YET, reason="no such device"), "", "lost", "no such device"),
        (DELIVERING, "stuck", "stalled", "stuck"),
        (NOTHING_YET, "stuck", "stalled", "stuck"),
        # What is lost delivers nothing either.
        (LOST, "stuck", "lost", "unplugged"),
        (replace(DELIVERING, live=False, seconds_since_audio=99.0), "", "ok", None),
    ],
)
def test_health(source: SourceState, stalled: str, status: str, reason: str | None) -> None:
    code, content = health(
        source, (), run="r", uptime_s=5.0, stalled=stalled, subscribers=2, muting=OPEN
    )
    assert (content["status"], content["reason"]) == (status, reason)
    assert code is (HTTPStatus.OK if reason is None else HTTPStatus.SERVICE_UNAVAILABLE)
    assert content["seconds_since_audio"] == source.seconds_since_audio
    assert (content["uptime_s"], content["subscribers"]) == (5.0, 2)


def test_health_has_the_source() -> None:
    _, content = health(
        DELIVERING, (), run="r", uptime_s=5.0, stalled="", subscribers=0, muting=OPEN
    )
    assert content["source"] == {
        "stream": "default",
        "kind": "microphone",
        "name": "USB",
        "live": True,
        "sample_rate": 48_000,
        "channels": 2,
        "overflows": 1,
        "losses": 3,
        "dropped_samples": 160,
    }
    _, content = health(
        NOTHING_YET, (), run="r", uptime_s=5.0, stalled="", subscribers=0, muting=OPEN
    )
    assert (content["source"]["sample_rate"], content["source"]["channels"]) == (None, None)


SENT = replace(DELIVERING, stream="kitchen", kind="network", name="192.0.2.7", reason="silent")
NO_SOURCE = replace(NOTHING_YET, stream="network", kind="network", live=False)


def test_health_has_the_senders() -> None:
    _, content = health(
        DELIVERING, (SENT,), run="r", uptime_s=5.0, stalled="", subscribers=0, muting=OPEN
    )
    (stream,) = content["streams"]
    assert (stream["stream"], stream["name"]) == ("kitchen", "192.0.2.7")
    assert (stream["kind"], stream["reason"], stream["losses"]) == ("network", "silent", 3)
    # A satellite that is lost is not this machine's failure.
    assert content["status"] == "ok"


def test_with_senders_only_the_daemon_is_waiting_without_a_fault() -> None:
    code, content = health(
        NO_SOURCE, (), run="r", uptime_s=5.0, stalled="", subscribers=0, muting=OPEN
    )
    assert (code, content["status"]) == (HTTPStatus.OK, "waiting")
    begun = replace(SENT, seconds_since_audio=None)
    _, content = health(
        NO_SOURCE, (begun,), run="r", uptime_s=5.0, stalled="", subscribers=0, muting=OPEN
    )
    assert content["status"] == "waiting"
    _, content = health(
        NO_SOURCE, (begun, SENT), run="r", uptime_s=5.0, stalled="", subscribers=0, muting=OPEN
    )
    assert (content["status"], content["seconds_since_audio"]) == ("ok", 0.02)


def test_an_integration_that_fails_is_shown_and_is_no_fault_of_the_daemon() -> None:
    code, content = health(
        *(DELIVERING, ()),
        run="r",
        uptime_s=5.0,
        stalled="",
        subscribers=0,
        muting=OPEN,
        integrations=(IntegrationStatus("mqtt", "mqtt://b:1883", False, "refused", {"sent": 3}),),
    )
    assert (code, content["status"]) == (HTTPStatus.OK, "ok")
    assert content["integrations"] == [
        {
            "name": "mqtt",
            "peer": "mqtt://b:1883",
            "connected": False,
            "reason": "refused",
            "events": {"sent": 3},
            "waiting": 0,
        }
    ]


def test_info_begins_with_the_published_keys() -> None:
    model = untrained_model()
    trigger = dict.fromkeys(model.classes, TriggerSettings(threshold=0.6))
    content = info(Spotter(model, hop_s=0.1, trigger=trigger), keep_audio_s=0, history_days=0.0)
    assert dict(list(content.items())[:5]) == {
        "model": "SmallCNN",
        "classes": ["yes", "no", "up", "down"],
        "n_classes": 4,
        "device": "cpu",
        "parameters": 1_089_540,
    }
    assert content["thresholds"] == dict.fromkeys(model.classes, 0.6)
    assert content["context"] == "anywhere"
    assert content["model_name"] == "untrained"


@pytest.mark.parametrize("source", [DELIVERING, NOTHING_YET, LOST])
@pytest.mark.parametrize("left", [None, 4.2])
def test_what_is_muted_is_well(source: SourceState, left: float | None) -> None:
    muting = MuteState(muted=True, seconds_left=left)
    code, content = health(
        source, (), run="r", uptime_s=5.0, stalled="stuck", subscribers=0, muting=muting
    )
    assert code is HTTPStatus.OK
    assert (content["status"], content["reason"]) == ("muted", None)
    assert (content["muted"], content["muted_seconds_left"]) == (True, left)
