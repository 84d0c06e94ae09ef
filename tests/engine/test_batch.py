"""All streams through one model: each as if it were alone, and orders between windows."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from kws.audio.feed import Feed
from kws.engine.batch import Inference
from kws.engine.output import StreamOutput
from kws.engine.stream import Stream
from kws.protocol.events import Body, Detected, Event
from kws.spotting.model import KeywordModel
from kws.spotting.spotter import Spotter
from kws.spotting.verifier import Verification
from kws.typing import AudioFormat, Frames, Posteriors, Samples, Windows
from tests.spotting.level_verifier import LevelVerifier, verification
from tests.spotting.models import untrained_model
from tests.support.events import Published
from tests.support.limits import limit

MODEL = untrained_model()
OTHER = untrained_model(("left", "right", "on", "off"))
RATE = MODEL.sample_rate
MONO = AudioFormat(RATE, 1)
LONG = limit(30.0)
STREAMS = 3


def bursts(seconds: int, seed: int) -> Frames:
    random = np.random.default_rng(seed)
    levels = np.repeat(10 ** random.uniform(-4, -0.5, seconds * 5), RATE // 5)
    samples = (levels * random.normal(size=len(levels))).clip(-1, 1)
    return samples[:, None].astype(np.float32)


SIGNALS = [bursts(5, seed) for seed in range(STREAMS)]


class Heap:
    """A stream whose audio is put in by hand, and what is detected in it."""

    def __init__(
        self,
        inference: Inference,
        *,
        live: bool = False,
        verification: Verification | None = None,
    ) -> None:
        publisher = Published()
        self.news = publisher.bodies
        self.ended = threading.Event()
        spotter = Spotter(MODEL, verification=verification)
        self.stream = Stream(spotter, StreamOutput("heap", publisher), live=live)
        self.feed = Feed(MONO, lambda: 0.0, inference.woken)
        self.stream.queue.attach(self.feed)
        self.stream.queue.mark(self)

    def reached(self) -> None:
        """All of the feed was processed."""
        self.ended.set()

    @property
    def detected(self) -> list[tuple[str, float]]:
        return [(each.keyword, each.t) for each in self.news if isinstance(each, Detected)]


class Counting:
    """A model's backend, and how many windows it was given at once."""

    def __init__(self, model: KeywordModel) -> None:
        self._backend = model.backend
        self.engine, self.parameters = model.backend.engine, model.parameters
        self.sizes: list[int] = []

    def posteriors(self, windows: Windows) -> Posteriors:
        """The posteriors of the model."""
        self.sizes.append(len(windows))
        return self._backend.posteriors(windows)


def joined(
    *,
    live: bool = False,
    count: int = STREAMS,
    model: KeywordModel = MODEL,
    verification: Verification | None = None,
) -> tuple[Inference, list[Heap]]:
    inference = Inference(model)
    heaps = [Heap(inference, live=live, verification=verification) for _ in range(count)]
    for heap in heaps:
        inference.add(heap.stream)
    return inference, heaps


def alone(signal: Frames) -> list[tuple[str, float]]:
    return [(each.keyword, each.t) for each in Spotter(MODEL).push(signal[:, 0])]


ALONE = [alone(signal) for signal in SIGNALS]
PADDED = [alone(np.pad(signal, ((0, RATE), (0, 0)))) for signal in SIGNALS]
"""With the second of silence that is processed after the end of a recording."""


def test_the_signals_are_worth_testing_with() -> None:
    assert all(ALONE)
    assert len({tuple(each) for each in ALONE}) == STREAMS


@settings(max_examples=15)
@given(
    st.lists(
        st.tuples(st.integers(0, STREAMS - 1), st.integers(1, 3 * RATE), st.booleans()),
        max_size=20,
    )
)
def test_each_stream_is_processed_as_if_it_were_alone(writes: list[tuple[int, int, bool]]) -> None:
    inference, heaps = joined()
    written = [0] * STREAMS
    rest = [(index, len(SIGNALS[index]), True) for index in range(STREAMS)]
    for index, count, work in writes + rest:
        end = min(written[index] + count, len(SIGNALS[index]))
        heaps[index].feed.write(SIGNALS[index][written[index] : end])
        written[index] = end
        if work:
            inference.work()
    for heap in heaps:
        heap.feed.end()
    inference.work()
    assert [heap.detected for heap in heaps] == PADDED


def test_windows_of_all_streams_are_one_batch() -> None:
    counting = Counting(MODEL)
    inference, heaps = joined(model=replace(MODEL, backend=counting))
    for heap, signal in zip(heaps, SIGNALS, strict=True):
        heap.feed.write(signal[:RATE])
    inference.work()
    assert counting.sizes == [STREAMS]


@dataclass(frozen=True)
class CountingVerifier(LevelVerifier):
    """A verifier, and how many candidates it was given at once."""

    sizes: list[int] = field(default_factory=list)

    def scores(self, windows: Samples) -> Posteriors:
        """The scores by level."""
        self.sizes.append(len(windows))
        return super().scores(windows)


def test_candidates_of_all_streams_are_one_batch() -> None:
    verifier = CountingVerifier()
    inference, heaps = joined(verification=replace(verification(), verifier=verifier))
    for heap in heaps:
        heap.feed.write(SIGNALS[0])
        heap.feed.end()
    inference.work()
    alone = Spotter(MODEL, verification=verification())
    detections = [*alone.push(np.pad(SIGNALS[0][:, 0], (0, RATE))), *alone.finish()]
    assert detections
    assert verifier.sizes[0] == STREAMS
    assert [heap.detected for heap in heaps] == [
        [(each.keyword, each.t) for each in detections]
    ] * STREAMS
    events = [each for each in heaps[0].news if isinstance(each, Detected)]
    assert [each.score for each in events] == [each.score for each in detections]
    assert all(each.verified for each in events)


def test_a_stream_without_audio_delays_no_other() -> None:
    inference, (quiet, loud, _) = joined()
    loud.feed.write(SIGNALS[0])
    inference.work()
    assert loud.detected == ALONE[0]
    quiet.feed.write(SIGNALS[1])
    inference.work()
    assert quiet.detected == ALONE[1]


def test_streams_come_and_go() -> None:
    inference, (first, second, _) = joined()
    inference.work()
    third = Heap(inference)
    inference.add(third.stream)
    inference.remove(second.stream)
    for heap in (first, second, third):
        heap.feed.write(SIGNALS[0])
    inference.work()
    assert first.detected == third.detected == ALONE[0]
    assert not second.detected


def test_all_streams_go_over_to_another_model() -> None:
    inference, heaps = joined()
    for heap, signal in zip(heaps, SIGNALS, strict=True):
        heap.feed.write(signal[: 2 * RATE])
    inference.work()
    done: list[int] = []
    inference.exchange(OTHER, lambda: Spotter(OTHER), lambda: done.append(1))
    assert inference.model is MODEL
    inference.work()
    assert done == [1]
    assert inference.model is OTHER
    for heap, signal in zip(heaps, SIGNALS, strict=True):
        heap.news.clear()
        heap.feed.write(signal[2 * RATE :])
    inference.work()
    keywords = {keyword for heap in heaps for keyword, _ in heap.detected}
    assert keywords
    assert keywords <= set(OTHER.classes)
    assert all(heap.stream.spotter.model is OTHER for heap in heaps)


def test_an_exchange_that_was_given_up_does_not_happen_later() -> None:
    inference, (heap,) = joined(count=1)
    done: list[int] = []
    inference.exchange(OTHER, lambda: Spotter(OTHER), lambda: done.append(1), lambda: False)
    inference.work()
    assert (inference.model, heap.stream.spotter.model, done) == (MODEL, MODEL, [])


def test_orders_do_not_wait_for_the_end_of_a_long_recording() -> None:
    inference, (heap,) = joined(count=1)
    positions: list[float] = []

    class Asking(Published):
        def publish(self, body: Body) -> Event:
            event = super().publish(body)
            if len(self.bodies) == 1:
                inference.ask(lambda: positions.append(stream.seconds))
            return event

    stream = Stream(Spotter(MODEL), StreamOutput("recording", Asking()), live=False)
    stream.queue.attach(heap.feed)
    inference.remove(heap.stream)
    inference.add(stream)
    # More than is taken at once.
    heap.feed.write(np.concatenate([SIGNALS[0], SIGNALS[1][: 3 * RATE]]))
    inference.work()
    assert stream.seconds == 8.0
    assert positions
    assert positions[0] < 8.0


class Running:
    """An inference in a thread of its own."""

    def __init__(self, inference: Inference) -> None:
        self._inference = inference
        self.thread = threading.Thread(target=inference.run)

    def __enter__(self) -> "Running":
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._inference.stop()
        self.thread.join(LONG)
        assert not self.thread.is_alive()


def answered(order: Callable[[Callable[[], None]], None]) -> None:
    """Give an order, and wait until it was obeyed."""
    done = threading.Event()
    order(done.set)
    assert done.wait(LONG)


def test_the_thread_processes_audio_and_calls() -> None:
    inference, (heap,) = joined(count=1)
    with Running(inference) as running:
        threads: list[int] = []
        inference.ask(lambda: threads.append(threading.get_ident()))
        for start in range(0, len(SIGNALS[0]), 1_600):
            assert heap.feed.write_waiting(SIGNALS[0][start : start + 1_600])
        heap.feed.end()
        assert heap.ended.wait(LONG)
        assert heap.detected == PADDED[0]
        answered(lambda done: inference.exchange(OTHER, lambda: Spotter(OTHER), done))
        assert inference.model is OTHER
        assert threads == [running.thread.ident]


def test_stop_returns_at_once_without_any_stream() -> None:
    with Running(Inference(MODEL)):
        pass


def test_windows_that_are_due_at_the_stop_are_processed() -> None:
    inference, (heap,) = joined(count=1)
    heap.feed.write(SIGNALS[0])
    with Running(inference):
        answered(inference.ask)
    assert heap.detected == ALONE[0]


def test_a_stream_that_is_added_during_a_reload_gets_the_new_model() -> None:
    inference, _ = joined(count=1)
    late = Heap(inference)
    went = threading.Event()
    inference.exchange(OTHER, lambda: Spotter(OTHER), went.set)
    # Made with the old model, before the exchange was done.
    inference.add(late.stream)
    inference.work()
    assert went.is_set()
    assert late.stream.spotter.model is OTHER


def test_what_the_model_takes_is_measured() -> None:
    measured: list[tuple[float, int]] = []

    class Meter:
        def inferred(self, seconds: float, windows: int) -> None:
            measured.append((seconds, windows))

        def verified(self, seconds: float, candidates: int) -> None:
            raise AssertionError("there is no verifier")

        def settled(self, keyword: str, verdict: str) -> None:
            raise AssertionError("there is no verifier")

    inference = Inference(MODEL, Meter())
    heap = Heap(inference)
    inference.add(heap.stream)
    heap.feed.write(SIGNALS[0][: 2 * RATE])
    inference.work()
    assert sum(windows for _, windows in measured) == inference.windows == 11
    assert all(seconds > 0 for seconds, _ in measured)
