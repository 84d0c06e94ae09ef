"""What /health says: unhealthy only when a source that ought to deliver does not."""

from dataclasses import replace
from http import HTTPStatus

import pytest

from kws.serving.status import SourceState, health, info
from kws.spotting.trigger import TriggerSettings
from tests.spotting.models import untrained_model

HEARING = SourceState(
    stream="default",
    kind="microphone",
    name="USB",
    live=True,
    sample_rate=48_000,
    channels=2,
    seconds_since_audio=0.02,
    delivered=True,
    overflows=1,
    dropped_samples=160,
)


@pytest.mark.parametrize(
    ("source", "code", "status"),
    [
        (HEARING, HTTPStatus.OK, "ok"),
        (replace(HEARING, delivered=False), HTTPStatus.OK, "waiting"),
        (replace(HEARING, seconds_since_audio=3.1), HTTPStatus.SERVICE_UNAVAILABLE, "lost"),
        (
            replace(HEARING, seconds_since_audio=3.1, delivered=False),
            HTTPStatus.SERVICE_UNAVAILABLE,
            "lost",
        ),
        (replace(HEARING, live=False, seconds_since_audio=99), HTTPStatus.OK, "ok"),
    ],
)
def test_health(source: SourceState, code: HTTPStatus, status: str) -> None:
    answer, content = health(source, run="r", uptime_s=5.0, lost_after_s=3.0, subscribers=2)
    assert (answer, content["status"]) == (code, status)
    assert content["uptime_s"] == 5.0
    assert content["source"]["overflows"] == 1
    assert (content["seconds_since_audio"] is None) is not source.delivered


def test_info_begins_with_the_published_keys() -> None:
    model = untrained_model()
    content = info(model, hop_s=0.1, trigger={"yes": TriggerSettings(threshold=0.6)})
    assert dict(list(content.items())[:5]) == {
        "model": "SmallCNN",
        "classes": ["yes", "no", "up", "down"],
        "n_classes": 4,
        "device": "cpu",
        "parameters": 1_089_540,
    }
    assert content["thresholds"] == {"yes": 0.6}
    assert content["context"] == "anywhere"
    assert content["model_name"] == "untrained"
