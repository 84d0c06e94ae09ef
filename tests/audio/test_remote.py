"""The receiving end of a stream: feeds out of bytes, silence, floods, gaps, the end."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kws.audio.feed import Feed
from kws.audio.liveness import IdleTimeouts
from kws.audio.remote import AHEAD_LIMIT_S, RateLimit, Remote
from kws.errors import DeviceError, SilentError, TooFastError
from kws.typing import AudioFormat, PcmFormat

RATE = 16_000
SECOND = np.full(RATE, 1_000, "<i2").tobytes()
ZEROS = bytes(2 * RATE)


class Line:
    """A sender's line; time goes when a test says so."""

    def __init__(self, channels: int = 1) -> None:
        self.now = 50.0
        self.feeds: list[Feed] = []
        self.remote = Remote(
            PcmFormat(AudioFormat(RATE, channels), "s16le"),
            self,
            IdleTimeouts(lost_after=3.0, silent_after=10.0),
            lambda: self.now,
        )

    def open(self, audio_format: AudioFormat) -> Feed:
        """Take a feed's audio."""
        self.feeds.append(Feed(audio_format, lambda: self.now))
        return self.feeds[-1]

    def lose(self, reason: str) -> None:
        raise AssertionError(f"the end of a feed tells that it is lost: {reason}")

    def send(self, data: bytes, seconds: float = 1.0) -> None:
        """Bytes, in real time."""
        self.now += seconds
        self.remote.receive(data)

    def wait(self, seconds: float) -> None:
        """Nothing comes for so long; looked at twice in the end, for a verdict takes two looks."""
        self.now += seconds
        self.remote.poll()
        self.remote.poll()


def received(feed: Feed) -> int:
    """Frames that are in a feed."""
    chunk = feed.take(1)
    return 0 if chunk is None else len(chunk.frames)


def test_bytes_become_one_feed_of_mono_sound() -> None:
    line = Line(channels=2)
    assert line.feeds == []
    line.send(SECOND)
    line.send(SECOND)
    (feed,) = line.feeds
    assert feed.format == AudioFormat(RATE, 1)
    assert received(feed) == RATE
    assert (
        line.remote.liveness.reason,
        line.remote.liveness.losses,
        line.remote.liveness.last_audio,
    ) == ("", 0, line.now)


def test_a_part_of_a_frame_is_no_sound_yet() -> None:
    line = Line()
    line.send(b"\x01")
    assert line.feeds == []
    assert line.remote.liveness.last_audio is None
    assert line.remote.end() == 1


def test_a_sender_that_pauses_is_lost_and_comes_back() -> None:
    line = Line()
    line.send(SECOND)
    line.wait(2.9)
    assert not line.feeds[0].ended
    line.wait(0.2)
    first = line.feeds[0]
    assert first.ended
    assert isinstance(first.error, DeviceError)
    assert "delivered nothing for 3 s" in line.remote.liveness.reason
    line.wait(100)
    assert line.remote.liveness.losses == 1
    line.send(SECOND)
    assert line.remote.liveness.reason == ""
    assert len(line.feeds) == 2
    line.wait(4)
    assert line.remote.liveness.losses == 2


def test_a_sender_of_zeros_is_lost_until_there_is_sound() -> None:
    line = Line()
    line.send(SECOND)
    for _ in range(11):
        line.send(ZEROS)
        line.remote.poll()
    line.remote.poll()
    assert isinstance(line.feeds[0].error, SilentError)
    assert "digital silence" in line.remote.liveness.reason
    line.send(ZEROS)
    assert line.remote.liveness.reason
    line.send(SECOND)
    assert line.remote.liveness.reason == ""
    assert line.remote.liveness.losses == 1


def test_what_comes_much_faster_than_real_time_is_refused() -> None:
    line = Line()
    for _ in range(int(AHEAD_LIMIT_S)):
        line.send(SECOND, seconds=0.0)
    taken = line.feeds[0]
    with pytest.raises(TooFastError, match=r"6\.0 s ahead; at most 5 s"):
        line.send(SECOND, seconds=0.0)
    assert received(taken) == AHEAD_LIMIT_S * RATE


def test_a_gap_is_lost_sound() -> None:
    line = Line()
    line.remote.gap(1.0)
    assert line.feeds == []
    line.send(SECOND)
    line.remote.gap(0.5)
    line.send(SECOND)
    assert received(line.feeds[0]) == RATE
    chunk = line.feeds[0].take(1)
    assert chunk is not None
    assert chunk.lost == RATE // 2


def test_the_end_can_have_silence_behind_it() -> None:
    line = Line()
    line.send(SECOND)
    line.remote.end(1.0)
    assert line.feeds[0].ended
    assert line.feeds[0].error is None
    assert received(line.feeds[0]) == 2 * RATE
    line.wait(100)
    assert line.remote.liveness.losses == 0


def test_real_time_is_not_ahead_and_neither_is_a_fast_sound_card() -> None:
    ahead, now = RateLimit(0.0), 0.0
    for _ in range(10_000):
        now += 0.1
        assert ahead.add(0.1 * 1.01, now) <= 0.102


def test_what_comes_at_once_is_ahead_and_is_caught_up_with() -> None:
    ahead = RateLimit(0.0)
    assert ahead.add(4.0, 0.0) == 4.0
    assert ahead.add(0.0, 2.0) == pytest.approx(4.0 - 2.04)
    assert ahead.add(0.0, 100.0) == 0.0


def test_a_pause_does_not_allow_a_burst_later() -> None:
    ahead = RateLimit(0.0)
    ahead.add(1.0, 1.0)
    assert ahead.add(5.0, 60.0) == 5.0


@given(st.lists(st.tuples(st.floats(0, 3), st.floats(0, 3)), max_size=50))
def test_a_sender_is_never_less_ahead_than_what_just_came(steps: list[tuple[float, float]]) -> None:
    ahead, now = RateLimit(0.0), 0.0
    for passed, seconds in steps:
        now += passed
        assert ahead.add(seconds, now) >= seconds


@pytest.mark.parametrize("value", [np.inf, -np.inf, np.nan, 1e38, -3e38])
@pytest.mark.parametrize("channels", [1, 8])
def test_samples_that_are_no_sound_become_silence_or_full_scale(
    value: float, channels: int
) -> None:
    feeds = []

    class Sink:
        def open(self, audio_format: AudioFormat) -> Feed:
            feeds.append(Feed(audio_format, lambda: 50.0))
            return feeds[-1]

        def lose(self, reason: str) -> None:
            raise AssertionError(reason)

    pcm = PcmFormat(AudioFormat(RATE, channels), "f32le")
    remote = Remote(pcm, Sink(), IdleTimeouts(lost_after=3.0, silent_after=10.0), lambda: 50.0)
    remote.receive(np.full((100, channels), value, "<f4").tobytes())
    chunk = feeds[0].take(1)
    assert chunk is not None
    expected = 0.0 if not np.isfinite(value) else np.sign(value)
    assert np.all(chunk.frames == expected)
    assert remote.not_finite == (0 if np.isfinite(value) else 100 * channels)
