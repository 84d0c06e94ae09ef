"""Streams from the network: their names, their events, their ends."""

import threading

import numpy as np
import pytest

from kws.audio.liveness import IdleTimeouts
from kws.engine.batch import Inference
from kws.engine.output import StreamOutput
from kws.engine.senders import NameTakenError, Senders, SenderStream
from kws.engine.stream import Stream
from kws.protocol.events import (
    AudioBack,
    AudioLost,
    Body,
    Detected,
    SamplesDropped,
    StreamEnded,
    StreamStarted,
)
from kws.spotting.load import load_model
from kws.spotting.spotter import Spotter
from kws.typing import AudioFormat, PcmFormat
from tests.support.events import Published
from tests.support.speech import RATE, Samples, pcm, spoken

MODEL = load_model()
PCM = PcmFormat(AudioFormat(RATE, 1), "s16le")
BLOCK = RATE // 10


class Harness:
    """Network streams with their inference; time advances with the samples."""

    def __init__(self) -> None:
        self.now = 10.0
        self.publisher = Published()
        self.news = self.publisher.bodies
        self.replaced: list[threading.Event] = []
        self.inference = Inference(MODEL)
        self.streams = Senders(
            self.inference,
            self._new_stream,
            self.publisher,
            IdleTimeouts(lost_after=3.0, silent_after=0.0),
            lambda: self.now,
            reserved=frozenset({"default"}),
        )

    def _new_stream(self, name: str, *, live: bool, behind_s: float) -> Stream:
        output = StreamOutput(name, self.publisher)
        return Stream(Spotter(MODEL), output, live=live, behind_s=behind_s)

    def open(self, name: str) -> SenderStream:
        replaced = threading.Event()
        self.replaced.append(replaced)
        return self.streams.open(name, PCM, "192.0.2.7", replaced)

    def send(self, samples: Samples, *streams: SenderStream) -> None:
        """The same to each, in real time."""
        for start in range(0, len(samples), BLOCK):
            self.now += 0.1
            for each in streams:
                each.remote.receive(pcm(samples[start : start + BLOCK]))
            self.streams.poll()
            self.inference.work()

    def wait(self, seconds: float) -> None:
        self.now += seconds
        self.streams.poll()
        self.streams.poll()
        self.inference.work()

    def events(self, stream: str) -> list[Body]:
        self.inference.work()
        return [each for each in self.news if getattr(each, "stream", None) == stream]


def kinds(news: list[Body]) -> list[type]:
    return [type(each) for each in news]


def test_each_stream_has_its_own_events_in_order() -> None:
    harness = Harness()
    first, second = harness.open("kitchen"), harness.open("hall")
    harness.send(np.concatenate((spoken("yes"), spoken("no"))), first)
    harness.send(spoken("down"), first, second)
    first.finish()
    second.finish()
    kitchen, hall = harness.events("kitchen"), harness.events("hall")
    assert kinds(kitchen) == [StreamStarted, Detected, Detected, Detected, StreamEnded]
    assert [each.keyword for each in kitchen if isinstance(each, Detected)] == ["yes", "no", "down"]
    assert kinds(hall) == [StreamStarted, Detected, StreamEnded]
    ended = hall[-1]
    assert isinstance(ended, StreamEnded)
    assert ended.reason == "its sender ended it"
    assert ended.t == pytest.approx(len(spoken("down")) / RATE + 1)
    assert (first.over, second.over, len(harness.streams)) == (True, True, 0)


def test_the_last_word_is_detected_after_the_senders_end() -> None:
    harness = Harness()
    stream = harness.open("kitchen")
    word = spoken("yes")
    harness.send(word[: len(word) - round(0.45 * RATE)], stream)
    before = kinds(harness.events("kitchen"))
    stream.finish()
    assert before == [StreamStarted]
    assert kinds(harness.events("kitchen")) == [StreamStarted, Detected, StreamEnded]


def test_the_end_of_a_connection_ends_the_stream_with_a_reason() -> None:
    harness = Harness()
    stream = harness.open("kitchen")
    harness.send(spoken("no"), stream)
    stream.abandon("its connection ended")
    stream.abandon("twice is once")
    events = harness.events("kitchen")
    assert kinds(events) == [StreamStarted, Detected, StreamEnded]
    assert isinstance(events[-1], StreamEnded)
    assert events[-1].reason == "its connection ended"


def test_a_name_is_taken_while_its_sender_delivers() -> None:
    harness = Harness()
    first = harness.open("kitchen")
    harness.send(spoken("yes"), first)
    with pytest.raises(NameTakenError, match=r"'kitchen' is live already, from 192\.0\.2\.7"):
        harness.open("kitchen")
    with pytest.raises(NameTakenError, match="'default' is this machine's own"):
        harness.open("default")
    first.finish()
    harness.open("kitchen")
    assert not any(each.is_set() for each in harness.replaced)


def test_a_sender_whose_connection_broke_gets_its_name_again() -> None:
    harness = Harness()
    first = harness.open("kitchen")
    harness.send(spoken("yes"), first)
    harness.now += 2.1
    second = harness.open("kitchen")
    assert [each.is_set() for each in harness.replaced] == [True, False]
    harness.send(spoken("no"), second)
    # The first one's connection ends at last.
    first.abandon("its connection ended")
    events = harness.events("kitchen")
    assert kinds(events) == [StreamStarted, Detected, StreamEnded, StreamStarted, Detected]
    assert (first.over, second.over, len(harness.streams)) == (True, False, 1)


def test_silence_is_a_loss_and_sound_ends_it() -> None:
    harness = Harness()
    stream = harness.open("kitchen")
    harness.send(spoken("yes"), stream)
    harness.wait(3.5)
    (state,) = harness.streams.states()
    assert "delivered nothing for 3 s" in state.reason
    assert (state.losses, state.seconds_since_audio) == (1, 3.5)
    harness.send(spoken("no"), stream)
    assert kinds(harness.events("kitchen")) == [
        StreamStarted,
        Detected,
        AudioLost,
        AudioBack,
        Detected,
    ]
    (state,) = harness.streams.states()
    assert state.reason == ""


def test_a_gap_is_dropped_audio_and_gives_no_detection() -> None:
    harness = Harness()
    stream = harness.open("kitchen")
    word = spoken("yes")
    middle = len(word) // 2
    harness.send(word[:middle], stream)
    stream.remote.gap(1.0)
    harness.send(word[middle:], stream)
    events = harness.events("kitchen")
    assert kinds(events) == [StreamStarted, SamplesDropped]
    (state,) = harness.streams.states()
    assert state.dropped_samples == RATE


def test_a_stream_that_lags_drops_its_own_sound_only() -> None:
    harness = Harness()
    slow, quick = harness.open("slow"), harness.open("quick")
    for _ in range(2):
        # Nothing processes what comes within these five seconds.
        for _ in range(50):
            harness.now += 0.1
            slow.remote.receive(bytes(2 * BLOCK))
    harness.send(spoken("yes"), quick)
    assert SamplesDropped in kinds(harness.events("slow"))
    assert kinds(harness.events("quick")) == [StreamStarted, Detected]


def mute(harness: Harness, *, muted: bool) -> None:
    done = threading.Event()
    harness.inference.mute(muted, done.set)
    harness.inference.work()
    assert done.is_set()


def test_nothing_is_detected_while_it_is_muted_and_time_goes_on() -> None:
    harness = Harness()
    kitchen = harness.open("kitchen")
    harness.send(spoken("yes"), kitchen)
    mute(harness, muted=True)
    harness.send(spoken("no"), kitchen)
    hall = harness.open("hall")
    harness.send(spoken("no"), kitchen, hall)
    mute(harness, muted=False)
    harness.send(spoken("down"), kitchen, hall)
    kitchen.finish()
    hall.finish()
    told = harness.events("kitchen")
    assert [each.keyword for each in told if isinstance(each, Detected)] == ["yes", "down"]
    told = [*told, *harness.events("hall")]
    ends = [each.t for each in told if isinstance(each, StreamEnded)]
    seconds = len(np.concatenate([spoken(each) for each in ("yes", "no", "no", "down")])) / RATE
    assert ends[0] == pytest.approx(seconds + 1, abs=0.01)
    assert [each.keyword for each in harness.events("hall") if isinstance(each, Detected)] == [
        "down"
    ]
    assert not any(isinstance(each, SamplesDropped) for each in harness.news)
    assert kitchen.stream.dropped_samples == hall.stream.dropped_samples == 0


@pytest.mark.parametrize("left_s", [0.05, 0.2, 0.4, 0.6])
def test_a_word_that_is_cut_by_muting_is_not_detected(left_s: float) -> None:
    """Neither at its beginning nor at its end: what is buffered is dropped on both sides."""
    harness = Harness()
    stream = harness.open("kitchen")
    word = spoken("yes")
    cut = len(word) - round(left_s * RATE) - round(0.4 * RATE)
    harness.send(word[:cut], stream)
    before = len(harness.events("kitchen"))
    # Buffered, and not yet processed, at the moment of muting.
    stream.remote.receive(pcm(word[cut : cut + BLOCK // 2]))
    mute(harness, muted=True)
    stream.remote.receive(pcm(word[cut + BLOCK // 2 : cut + BLOCK]))
    mute(harness, muted=False)
    harness.send(np.concatenate((word[cut + BLOCK :], np.zeros(RATE, np.float32))), stream)
    stream.finish()
    told = harness.events("kitchen")[before:]
    assert kinds(told) == [StreamEnded]


def test_a_stream_that_ends_while_it_is_muted_gives_nothing_late() -> None:
    harness = Harness()
    stream = harness.open("kitchen")
    word = spoken("yes")
    harness.send(word[: len(word) - round(0.45 * RATE)], stream)
    mute(harness, muted=True)
    stream.finish()
    assert kinds(harness.events("kitchen")) == [StreamStarted, StreamEnded]
