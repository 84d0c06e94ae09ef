"""From a source's frames to events: gaps, backlog, losses, other spotters, the end."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pytest
import soundfile
import soxr
from hypothesis import example, given, settings
from hypothesis import strategies as st

from kws.audio.feed import RING_SECONDS, Feed
from kws.audio.file import demo_recording
from kws.engine.batch import Inference
from kws.engine.clips import Clips
from kws.engine.output import StreamOutput
from kws.engine.scores import Hop, Observers
from kws.engine.stream import Stream
from kws.errors import DeviceError, SilentError
from kws.protocol.events import AudioBack, AudioLost, Body, Detected, SamplesDropped
from kws.spotting.frontend import LogMel
from kws.spotting.load import load_model
from kws.spotting.model import KeywordModel
from kws.spotting.spotter import Spotter
from kws.typing import AudioFormat, Frames
from tests.spotting.models import untrained_model
from tests.support.events import Published

MODEL = untrained_model()
TRAINED = load_model()
RATE = MODEL.sample_rate
MONO = AudioFormat(RATE, 1)
BLOCK_S = 0.1
LOOKAHEAD_S = 0.3
UNPLUGGED = DeviceError("unplugged")
MUTED = SilentError("muted")

DEMO: Frames = soundfile.read(demo_recording(), dtype="float32", always_2d=True)[0]
WORDS = json.loads(demo_recording().with_suffix(".json").read_text())["words"]


def bursts(seconds: float, rate: int = RATE) -> Frames:
    random = np.random.default_rng(5)
    levels = np.repeat(10 ** random.uniform(-4, -0.5, round(seconds * 5)), rate // 5)
    return (levels * random.normal(size=len(levels)))[:, None].astype(np.float32)


def silence(seconds: float) -> Frames:
    return np.zeros((round(seconds * RATE), 1), np.float32)


SIGNAL = bursts(6)


@dataclass
class Room:
    """A stream with its inference, and a clock that goes with the sound."""

    model: KeywordModel = MODEL
    live: bool = True

    def __post_init__(self) -> None:
        self.now = 100.0
        self.publisher = Published()
        self.published = self.publisher.bodies
        self.inference = Inference(self.model)
        output = StreamOutput("kitchen", self.publisher)
        self.stream = Stream(Spotter(self.model), output, live=self.live)
        self.ends = 0
        self.inference.add(self.stream)

    def reached(self) -> None:
        """The end of a feed that was marked."""
        self.ends += 1

    def plug(self, audio_format: AudioFormat = MONO) -> Feed:
        """A new source."""
        feed = Feed(audio_format, lambda: self.now)
        self.stream.queue.attach(feed)
        return feed

    def say(self, feed: Feed, frames: Frames, block_s: float = BLOCK_S) -> None:
        """Process frames as they come."""
        rate = feed.format.sample_rate
        step = round(block_s * rate)
        for start in range(0, len(frames), step):
            block = frames[start : start + step]
            self.now += len(block) / rate
            feed.write(block)
            self.inference.work()

    def unplug(self, feed: Feed, error: DeviceError | None = UNPLUGGED) -> None:
        """The source is gone."""
        feed.end(error)
        self.inference.work()

    def exchange(self, model: KeywordModel) -> None:
        """Go over to another model."""
        self.inference.exchange(model, lambda: Spotter(model), lambda: None)
        self.inference.work()

    @property
    def detected(self) -> list[tuple[str, float]]:
        """Keywords and when."""
        return detected(self.published)

    @property
    def news(self) -> list[Body]:
        """What is no keyword; seconds to the millisecond."""
        return [
            AudioBack(each.stream, round(each.t, 3), each.seconds and round(each.seconds, 3))
            if isinstance(each, AudioBack)
            else each
            for each in self.published
            if not isinstance(each, Detected)
        ]


def detected(news: Sequence[Body]) -> list[tuple[str, float]]:
    return [(each.keyword, round(each.t, 3)) for each in news if isinstance(each, Detected)]


def at_once(frames: Frames, *, live: bool, audio_format: AudioFormat = MONO) -> list[Body]:
    """What is detected of frames that are all there already."""
    room = Room(live=live)
    feed = room.plug(audio_format)
    feed.write(frames)
    feed.end()
    room.stream.queue.mark(room)
    room.inference.work()
    assert room.ends == 1
    return room.published


def test_scores_do_not_change_detections() -> None:
    seen: list[Hop] = []
    observed = Observers()
    observed.add("kitchen", seen.append)
    detected = []
    for observers in (None, observed):
        publisher = Published()
        output = StreamOutput("kitchen", publisher, observers)
        stream = Stream(Spotter(TRAINED), output, live=False)
        inference = Inference(TRAINED)
        inference.add(stream)
        feed = Feed(MONO, lambda: 0.0)
        stream.queue.attach(feed)
        for start in range(0, len(DEMO) // 2, RATE // 3):
            feed.write(DEMO[start : start + RATE // 3])
            inference.work()
        detected.append(publisher.bodies)
    assert detected[0] == detected[1]
    assert len(detected[0]) > 2
    # A hop each tenth of a second from the first window on, without a gap.
    times = [hop.t for hop in seen]
    assert times[0] == 1.0
    assert np.diff(times) == pytest.approx(np.full(len(times) - 1, 0.1))
    for event in detected[0]:
        assert isinstance(event, Detected)
        (hop,) = (each for each in seen if each.t == pytest.approx(event.t))
        assert hop.smoothed[event.keyword] == event.confidence
        assert set(hop.posteriors) == set(TRAINED.classes)
    # Side by side, their frames are those of the whole.
    front_end = LogMel(TRAINED.header.front_end)
    whole = front_end(DEMO[:, 0].copy())
    shown = np.concatenate([hop.frames.T for hop in seen])
    first = TRAINED.header.window_frames - 10
    assert np.allclose(shown, whole[first : first + len(shown)], atol=1e-4)


@pytest.mark.parametrize("rate", [16_000, 48_000])
def test_the_sound_of_an_event_is_the_second_before_it(rate: int) -> None:
    publisher, clips = Published(), Clips(60.0, lambda: 0.0)
    output = StreamOutput("kitchen", publisher, clips=clips)
    stream = Stream(Spotter(TRAINED), output, live=False)
    inference = Inference(TRAINED)
    inference.add(stream)
    feed = Feed(AudioFormat(rate, 1), lambda: 0.0)
    stream.queue.attach(feed)
    sound = soxr.resample(DEMO[: 6 * RATE], RATE, rate).astype(np.float32)
    for start in range(0, len(sound), rate // 2):
        feed.write(sound[start : start + rate // 2])
        inference.work()
    events = publisher.events
    assert len(events) > 2
    assert len(clips) == len(events)
    for event in events:
        assert isinstance(event.body, Detected)
        end = round(event.body.t * rate)
        clip = clips.get(event.id)
        assert clip is not None
        assert np.array_equal(clip.frames, sound[end - rate : end])
        assert clip.sample_rate == rate


def test_a_recording_is_processed_whole_and_a_second_beyond() -> None:
    published = at_once(SIGNAL, live=False)
    padded = np.concatenate((SIGNAL[:, 0], np.zeros(RATE, np.float32)))
    expected = [(each.keyword, round(each.t, 3)) for each in Spotter(MODEL).push(padded)]
    assert expected
    assert detected(published) == expected
    assert len(published) == len(expected)
    assert {each.stream for each in published if isinstance(each, Detected)} == {"kitchen"}


def test_a_live_source_that_is_far_behind_is_processed_from_its_newest_second(
    caplog: pytest.LogCaptureFixture,
) -> None:
    published = at_once(SIGNAL, live=True)
    dropped = [each for each in published if isinstance(each, SamplesDropped)]
    assert [(each.samples, each.t) for each in dropped] == [(5 * RATE, 5.0)]
    assert all(t == 6.0 for _, t in detected(published))
    assert "80000 samples dropped" in caplog.text


def test_a_gap_from_the_device_breaks_the_stream() -> None:
    room = Room(live=False)
    feed = room.plug()
    feed.write(SIGNAL[:RATE])
    feed.lose(8_000)
    feed.write(SIGNAL[RATE : 2 * RATE])
    feed.end()
    room.inference.work()
    (dropped,) = room.news
    assert isinstance(dropped, SamplesDropped)
    assert (dropped.samples, dropped.t) == (8_000, 1.5)
    assert room.stream.dropped_samples == 8_000
    assert not [t for _, t in room.detected if 1.0 < t < 2.5]


@pytest.mark.parametrize("live", [True, False])
def test_all_that_is_there_is_taken_even_if_no_window_is_due(live: bool) -> None:
    room = Room(live=live)
    feed = room.plug()
    # Gaps so close that no piece completes a window; each look has to go on to the next.
    for _ in range(8):
        feed.write(SIGNAL[:1_600])
        feed.lose(10)
    feed.write(SIGNAL[:1_600])
    feed.end()
    room.inference.work()
    assert feed.exhausted
    assert [each.samples for each in room.news if isinstance(each, SamplesDropped)] == [10] * 8
    assert room.stream.seconds == pytest.approx((9 * 1_600 + 80) / RATE + (0 if live else 1))


def test_samples_that_are_no_numbers_are_reported(caplog: pytest.LogCaptureFixture) -> None:
    broken = SIGNAL.copy()
    broken[10:15] = np.nan
    at_once(broken, live=False)
    assert "5 samples were no numbers" in caplog.text


def test_the_ring_is_longer_than_a_window() -> None:
    assert 2 * MODEL.window_samples <= RING_SECONDS * RATE


def test_a_loss_is_reported_once_and_time_continues() -> None:
    room = Room()
    feed = room.plug()
    room.say(feed, SIGNAL[: 2 * RATE])
    room.unplug(feed)
    for reason in ("unplugged", "no such device", "no such device"):
        room.stream.queue.lose(reason)
        room.inference.work()
    room.now += 7.5
    feed = room.plug()
    room.say(feed, SIGNAL[: 2 * RATE])
    assert room.news == [
        AudioLost("kitchen", 2.0, "unplugged"),
        AudioBack("kitchen", 9.5, 7.5),
    ]
    assert room.stream.seconds == 11.5
    assert room.stream.dropped_samples == 7.5 * RATE
    assert not [t for _, t in room.detected if 2.0 < t < 10.5]
    room.unplug(feed)
    assert room.news[2:] == [AudioLost("kitchen", 11.5, "unplugged")]


def test_time_is_that_of_the_clock_however_often_sound_is_lost() -> None:
    room = Room()
    for _ in range(20):
        feed = room.plug()
        room.say(feed, SIGNAL[: RATE // 2])
        room.unplug(feed)
        room.now += 0.5
    assert room.stream.seconds == pytest.approx(20 * 0.5 + 19 * 0.5)


def test_a_source_that_was_never_there_comes() -> None:
    room = Room()
    room.stream.queue.lose("no microphone")
    room.inference.work()
    room.now += 60
    room.say(room.plug(), SIGNAL[:RATE])
    assert room.news == [
        AudioLost("kitchen", 0.0, "no microphone"),
        AudioBack("kitchen", 0.0, None),
    ]
    assert room.stream.seconds == 1.0


def test_a_feed_without_audio_does_not_end_a_loss() -> None:
    room = Room()
    feed = room.plug()
    room.say(feed, SIGNAL[:RATE])
    room.unplug(feed)
    for _ in range(3):
        room.now += 1
        room.unplug(room.plug())
    assert room.news == [AudioLost("kitchen", 1.0, "unplugged")]
    room.now += 1
    room.say(room.plug(), SIGNAL[:RATE])
    assert room.news[1:] == [AudioBack("kitchen", 5.0, 4.0)]


def test_silence_ends_with_sound_only() -> None:
    room = Room()
    feed = room.plug()
    room.say(feed, SIGNAL[:RATE])
    room.say(feed, silence(60))
    room.unplug(feed, MUTED)
    feed = room.plug()
    room.say(feed, silence(60))
    room.unplug(feed, MUTED)
    assert room.news == [AudioLost("kitchen", 61.0, "muted")]
    feed = room.plug()
    room.say(feed, silence(2))
    assert len(room.news) == 1
    room.say(feed, SIGNAL[:RATE])
    (back,) = room.news[1:]
    assert isinstance(back, AudioBack)
    assert back.seconds == pytest.approx(122.0, abs=BLOCK_S + 1e-6)
    assert back.t == pytest.approx(123.0, abs=BLOCK_S + 1e-6)


def test_a_silent_source_that_is_unplugged_was_silent_since_its_last_sound() -> None:
    room = Room()
    feed = room.plug()
    room.say(feed, SIGNAL[:RATE])
    room.say(feed, silence(60))
    room.unplug(feed, MUTED)
    feed = room.plug()
    room.say(feed, silence(5))
    room.unplug(feed)
    room.say(room.plug(), SIGNAL[:RATE])
    assert room.news == [AudioLost("kitchen", 61.0, "muted"), AudioBack("kitchen", 66.0, 65.0)]


def test_another_device_is_no_loss() -> None:
    room = Room()
    feed = room.plug()
    room.say(feed, SIGNAL[:RATE])
    room.unplug(feed, None)
    room.now += 0.25
    room.say(room.plug(AudioFormat(48_000, 2)), np.repeat(bursts(2, 48_000), 2, axis=1))
    assert not room.news
    assert room.stream.seconds == pytest.approx(3.25, abs=0.05)
    assert not [t for _, t in room.detected if 1.0 < t < 2.25]


def test_the_demo_is_worth_testing_with() -> None:
    assert [word for word, _ in DEMO_HEARD] == [each["word"] for each in WORDS]


def words_apart() -> Iterator[tuple[float, float, str]]:
    for word in WORDS:
        yield word["start"], word["end"], word["word"]


@pytest.mark.parametrize("away", [0.05, 3.0])
@pytest.mark.parametrize(("start", "end", "word"), list(words_apart())[2:9:2])
def test_a_word_cut_in_two_by_a_loss_is_not_detected(
    start: float, end: float, word: str, away: float
) -> None:
    middle = round((start + end) / 2 * RATE)
    before, after = DEMO[middle - 2 * RATE : middle], DEMO[middle : middle + 3 * RATE // 2]
    whole, cut = Room(TRAINED), Room(TRAINED)
    feed = whole.plug()
    whole.say(feed, before)
    whole.say(feed, after)
    assert word in [each for each, _ in whole.detected]
    feed = cut.plug()
    cut.say(feed, before)
    cut.unplug(feed)
    cut.now += away
    cut.say(cut.plug(), after)
    assert word not in [each for each, t in cut.detected if t > 2.0]
    assert not [t for _, t in cut.detected if 2.0 < t < 3.0 + away]


def listened(exchanges: Sequence[float], *, rate: int, block_s: float, seconds: float) -> Room:
    """The demo's beginning, with the same model put in again at some moments."""
    room = Room(TRAINED)
    feed = room.plug(AudioFormat(rate, 1))
    frames = DEMO[: round(seconds * RATE)]
    if rate != RATE:
        frames = soxr.resample(frames, RATE, rate)
    cuts = [round(moment * rate) for moment in sorted(exchanges)]
    pieces = np.split(frames, cuts)
    for index, piece in enumerate(pieces):
        room.say(feed, piece, block_s)
        if index < len(cuts):
            room.exchange(TRAINED)
    return room


DEMO_HEARD = listened((), rate=RATE, block_s=BLOCK_S, seconds=len(DEMO) / RATE).detected


@settings(max_examples=15)
@given(
    st.lists(st.floats(0.0, 12.5), min_size=1, max_size=3),
    st.sampled_from([0.02, 0.1, 0.13]),
)
def test_with_the_same_model_again_detections_are_the_same(
    exchanges: list[float], block_s: float
) -> None:
    room = listened(exchanges, rate=RATE, block_s=block_s, seconds=13.0)
    # A word after that waits for the verifier's lookahead.
    assert room.detected == [each for each in DEMO_HEARD if each[1] <= 13.0 - LOOKAHEAD_S]
    # What is less than a hop waits in the feed.
    assert 13.0 - BLOCK_S < room.stream.seconds <= 13.0


@pytest.fixture(scope="module")
def resampled() -> Room:
    """What has listened through a resampler, undisturbed."""
    return listened((), rate=44_100, block_s=BLOCK_S, seconds=8.0)


@settings(max_examples=4)
@given(st.lists(st.floats(0.5, 7.5), min_size=1, max_size=8))
@example([2.0, 3.0, 4.0, 5.0, 6.0, 7.0])
def test_the_same_through_a_resampler(resampled: Room, exchanges: list[float]) -> None:
    room = listened(exchanges, rate=44_100, block_s=BLOCK_S, seconds=8.0)
    assert room.detected == resampled.detected
    # What the resampler holds back is not much, and no more when it is begun anew.
    assert 7.8 < room.stream.seconds <= 8.0


@pytest.mark.parametrize("offset", [-0.3, -0.1, 0.0, 0.1, 0.3])
def test_a_slower_model_does_not_detect_a_word_twice(offset: float) -> None:
    """The new model's decisions lie elsewhere, and it is slower."""
    word, t = DEMO_HEARD[3]
    room = Room(TRAINED)
    feed = room.plug()
    start = round((t - 3) * RATE)
    middle = start + round((3 + offset) * RATE)
    room.say(feed, DEMO[start:middle])
    room.inference.exchange(TRAINED, lambda: Spotter(TRAINED, hop_s=0.07), lambda: None)
    room.inference.work()
    room.say(feed, DEMO[middle : middle + RATE])
    assert [each for each, _ in room.detected] == [word]


def test_a_model_with_other_keywords_takes_over() -> None:
    other = untrained_model(("left", "right", "on", "off"))
    room = Room()
    feed = room.plug()
    room.say(feed, SIGNAL[: 3 * RATE])
    assert room.inference.model is MODEL
    room.exchange(other)
    before = len(room.detected)
    room.say(feed, SIGNAL[3 * RATE :])
    after = [each for each in room.published[before:] if isinstance(each, Detected)]
    assert after
    assert {each.keyword for each in after} <= set(other.classes)
    assert {each.model for each in after} == {other.header.name}
    assert room.inference.model is room.stream.spotter.model is other
    assert room.stream.seconds == 6.0


@pytest.mark.parametrize("moment", ["before", "lost", "attached"])
def test_an_exchange_without_sound_keeps_the_time(moment: str) -> None:
    room = Room()
    if moment != "before":
        feed = room.plug()
        room.say(feed, SIGNAL[: 2 * RATE])
        room.unplug(feed)
        room.now += 3
    attached = room.plug() if moment == "attached" else None
    room.exchange(untrained_model(("left", "right")))
    room.say(room.plug() if attached is None else attached, SIGNAL[:RATE])
    assert room.stream.seconds == pytest.approx(1.0 if moment == "before" else 6.0)


def test_an_exchange_after_a_loss_does_not_bridge_it() -> None:
    room = Room(TRAINED)
    feed = room.plug()
    middle = round((WORDS[3]["start"] + WORDS[3]["end"]) / 2 * RATE)
    room.say(feed, DEMO[middle - 2 * RATE : middle])
    room.unplug(feed)
    feed = room.plug()
    room.say(feed, DEMO[middle : middle + RATE // 2])
    room.exchange(TRAINED)
    room.say(feed, DEMO[middle + RATE // 2 : middle + 3 * RATE // 2])
    assert not room.detected
