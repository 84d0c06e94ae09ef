"""Numbers that people watch, in Prometheus's text format (version 0.0.4)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib.metadata import version

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
)
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.registry import Collector

from kws.engine.state import SourceState
from kws.protocol.events import Detected, Event
from kws.serving.hub import Hub
from kws.serving.routes import Document
from kws.typing import IntegrationStatus

_MOST_STREAMS = 1_000
"""Streams that are counted by name: clients choose names, and each costs memory for ever."""
_OTHERS = "others"
_QUEUE = 1_000
_BUCKETS = (0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)


@dataclass(frozen=True)
class Snapshot:
    """What is read at the moment of a scrape.

    Attributes:
        sources: the daemon's own, and those from the network.
        hop_samples: between two windows, at the model's rate.
        subscribers: on the websocket.
        muted: whether nothing is detected, because somebody has muted the daemon.
        history_missed: events that are not in the history; None: there is none.
        model: name of the vocabulary.
        architecture: of its network.
        integrations: those that are switched on.
    """

    sources: Iterable[SourceState]
    hop_samples: int
    subscribers: int
    muted: bool
    history_missed: int | None
    model: str
    architecture: str
    integrations: Sequence[IntegrationStatus] = ()


class Metrics:
    """Counts a hub's events and what inference takes; the rest is read at each scrape.

    Args:
        hub: whose events.
    """

    def __init__(self, hub: Hub) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self._registry = CollectorRegistry()
        self._inference = Histogram(
            "kws_inference_seconds",
            "What the model took for a batch of windows of all streams.",
            buckets=_BUCKETS,
            registry=self._registry,
        )
        self._windows = Counter(
            "kws_windows", "Windows that went through the model.", registry=self._registry
        )
        self._verification = Histogram(
            "kws_verification_seconds",
            "What the verifier took for a batch of candidates of all streams.",
            buckets=_BUCKETS,
            registry=self._registry,
        )
        self._candidates = Counter(
            "kws_candidates",
            "What the verifier made of the model's candidates.",
            ("keyword", "verdict"),
            registry=self._registry,
        )
        self._slow = Counter(
            "kws_subscribers_closed_slow",
            "Clients that were closed because they did not take their events.",
            registry=self._registry,
        )
        ProcessCollector(registry=self._registry)
        _DetectionCounter(hub, self._registry)

    def inferred(self, seconds: float, windows: int) -> None:
        """The model took so long for so many windows."""
        self._inference.observe(seconds)
        self._windows.inc(windows)

    def verified(self, seconds: float, candidates: int) -> None:
        """The verifier took so long for so many candidates."""
        self._verification.observe(seconds)

    def settled(self, keyword: str, verdict: str) -> None:
        """A candidate of a keyword was "confirmed", "rejected" or "dropped"."""
        self._candidates.labels(keyword, verdict).inc()

    def closed_slow(self) -> None:
        """A client was closed for its slowness."""
        self._slow.inc()

    def page(self, now: Snapshot) -> Document:
        """All of it, as Prometheus reads it."""
        current = CollectorRegistry()
        current.register(_Current(now))
        text = generate_latest(current) + generate_latest(self._registry)
        return Document(CONTENT_TYPE_PLAIN_0_0_4, text)


class _DetectionCounter:
    """Counts a hub's detections as its subscriber, by keyword and stream."""

    def __init__(self, hub: Hub, registry: CollectorRegistry) -> None:
        self._streams: set[str] = set()
        self._detections = Counter(
            "kws_detections", "Keywords detected.", ("keyword", "stream"), registry=registry
        )
        self._subscription = hub.subscribe(self, _QUEUE)

    def set(self) -> None:
        """Count what waits, in the thread that publishes: it takes no time worth another one."""
        for message in self._subscription.take():
            if isinstance(message, Event) and isinstance(message.body, Detected):
                stream = message.body.stream
                if stream not in self._streams and len(self._streams) >= _MOST_STREAMS:
                    stream = _OTHERS
                self._streams.add(stream)
                self._detections.labels(message.body.keyword, stream).inc()


class _Current(Collector):
    """Figures that are read at each scrape."""

    def __init__(self, now: Snapshot) -> None:
        self._now = now

    def describe(self) -> Iterable[Metric]:
        return ()

    def collect(self) -> Iterable[Metric]:
        now = self._now
        build = GaugeMetricFamily(
            "kws_build_info",
            "Version and model in use; always 1.",
            labels=("version", "model", "architecture"),
        )
        build.add_metric((version("kws"), now.model, now.architecture), 1)
        yield build
        yield GaugeMetricFamily("kws_subscribers", "Clients of /events.", value=now.subscribers)
        yield GaugeMetricFamily("kws_muted", "1 while it is muted.", value=float(now.muted))
        if now.history_missed is not None:
            yield CounterMetricFamily(
                "kws_history_missed",
                "Events that could not be written to the history.",
                value=now.history_missed,
            )
        labels = ("stream", "kind")
        age = GaugeMetricFamily(
            "kws_audio_age_seconds", "Seconds since a source last delivered.", labels=labels
        )
        lost = GaugeMetricFamily("kws_audio_lost", "1 while a source is lost.", labels=labels)
        counts = {
            "kws_dropped_samples": "Samples that were lost, at the model's rate.",
            "kws_dropped_windows": "Windows that were not processed because of lost samples.",
            "kws_overflows": "Times that sound was lost before it reached kws.",
            "kws_reconnects": "Times that a source was lost, and was to be got back.",
        }
        counters = {
            name: CounterMetricFamily(name, text, labels=labels) for name, text in counts.items()
        }
        for each in now.sources:
            labels = (each.stream, each.kind)
            if each.seconds_since_audio is not None:
                age.add_metric(labels, each.seconds_since_audio)
            lost.add_metric(labels, float(bool(each.reason)))
            values = (
                each.dropped_samples,
                -(-each.dropped_samples // now.hop_samples),
                each.overflows,
                each.losses,
            )
            for counter, value in zip(counters.values(), values, strict=True):
                counter.add_metric(labels, value)
        yield age
        yield lost
        yield from counters.values()
        if now.integrations:
            yield from _of_integrations(now.integrations)


def _of_integrations(statuses: Iterable[IntegrationStatus]) -> Iterable[Metric]:
    connected = GaugeMetricFamily(
        "kws_integration_connected",
        "1 while an integration is connected, or listens.",
        labels=("integration",),
    )
    events = CounterMetricFamily(
        "kws_integration_events",
        "Events of an integration, by what became of them.",
        labels=("integration", "outcome"),
    )
    waiting = GaugeMetricFamily(
        "kws_integration_waiting_events",
        "Events that are kept until an integration takes them.",
        labels=("integration",),
    )
    for each in statuses:
        connected.add_metric((each.name,), float(each.connected))
        waiting.add_metric((each.name,), each.waiting)
        for outcome, count in each.events.items():
            events.add_metric((each.name, outcome), count)
    yield connected
    yield events
    yield waiting
