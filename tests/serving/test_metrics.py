"""What Prometheus gets."""

from dataclasses import replace

from prometheus_client.parser import text_string_to_metric_families

from kws.engine.state import SourceState
from kws.protocol.events import AudioLost, Detected
from kws.serving.hub import Hub
from kws.serving.metrics import Metrics, Snapshot
from kws.typing import IntegrationStatus

SOURCE = SourceState(
    stream="default",
    kind="microphone",
    name="USB",
    live=True,
    audio_format=None,
    reason="",
    seconds_since_audio=0.25,
    overflows=1,
    losses=3,
    dropped_samples=4_000,
)
SENT = replace(SOURCE, stream="kitchen", kind="network", reason="silent", seconds_since_audio=None)
Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


def counting() -> tuple[Hub, Metrics]:
    hub = Hub("r")
    return hub, Metrics(hub)


def samples(
    metrics: Metrics, *sources: SourceState, integrations: tuple[IntegrationStatus, ...] = ()
) -> Samples:
    """What a scraper reads."""
    snapshot = Snapshot(sources, 1_600, 2, False, 3, "yes-no-up-down", "SmallCNN", integrations)
    document = metrics.page(snapshot)
    assert document.content_type.startswith("text/plain; version=0.0.4")
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(document.body.decode())
        for sample in family.samples
    }


def value(read: Samples, name: str, **labels: str) -> float | None:
    return read.get((name, frozenset(labels.items())))


def test_detections_are_counted_by_keyword_and_stream() -> None:
    hub, counted = counting()
    for keyword, stream in (("yes", "default"), ("yes", "default"), ("no", "hall")):
        hub.publish(Detected(stream, 1.0, keyword, 0.9, "m"))
    hub.publish(AudioLost("hall", 1.0, "gone"))
    read = samples(counted)
    assert value(read, "kws_detections_total", keyword="yes", stream="default") == 2
    assert value(read, "kws_detections_total", keyword="no", stream="hall") == 1
    assert sum(name == "kws_detections_total" for name, _ in read) == 2


def test_names_that_clients_choose_do_not_cost_memory_for_ever() -> None:
    hub, counted = counting()
    for number in range(1_500):
        hub.publish(Detected(f"s{number}", 1.0, "yes", 0.9, "m"))
    hub.publish(Detected("s0", 1.0, "yes", 0.9, "m"))
    read = samples(counted)
    assert sum(name == "kws_detections_total" for name, _ in read) == 1_001
    assert value(read, "kws_detections_total", keyword="yes", stream="others") == 500
    assert value(read, "kws_detections_total", keyword="yes", stream="s0") == 2


def test_inference_is_a_histogram() -> None:
    _, counted = counting()
    counted.inferred(0.0003, 1)
    counted.inferred(0.03, 200)
    read = samples(counted)
    assert value(read, "kws_inference_seconds_count") == 2
    assert value(read, "kws_inference_seconds_bucket", le="0.0005") == 1
    assert value(read, "kws_windows_total") == 201


def test_sources_are_read_at_each_scrape() -> None:
    read = samples(counting()[1], SOURCE, SENT)
    own = {"stream": "default", "kind": "microphone"}
    sent = {"stream": "kitchen", "kind": "network"}
    assert value(read, "kws_audio_age_seconds", **own) == 0.25
    assert value(read, "kws_audio_age_seconds", **sent) is None
    assert value(read, "kws_audio_lost", **own) == 0
    assert value(read, "kws_audio_lost", **sent) == 1
    assert value(read, "kws_dropped_samples_total", **own) == 4_000
    assert value(read, "kws_dropped_windows_total", **own) == 3
    assert value(read, "kws_overflows_total", **own) == 1
    assert value(read, "kws_reconnects_total", **own) == 3
    assert value(read, "kws_subscribers") == 2
    info = next(labels for name, labels in read if name == "kws_build_info")
    assert dict(info)["architecture"] == "SmallCNN"


def test_slow_subscribers_are_counted() -> None:
    _, counted = counting()
    counted.closed_slow()
    assert value(samples(counted), "kws_subscribers_closed_slow_total") == 1


def test_integrations_are_read_at_each_scrape() -> None:
    there = IntegrationStatus(
        "mqtt", "mqtt://b", connected=True, events={"delivered": 7}, waiting=2
    )
    read = samples(counting()[1], integrations=(there,))
    assert value(read, "kws_integration_connected", integration="mqtt") == 1
    outcome = {"integration": "mqtt", "outcome": "delivered"}
    assert value(read, "kws_integration_events_total", **outcome) == 7
    assert value(read, "kws_integration_waiting_events", integration="mqtt") == 2
    assert not any("integration" in name for name, _ in samples(counting()[1]))
