"""A reader: any rate and channels to mono at one rate, gaps, and the last seconds."""

import numpy as np
import pytest
import soxr
from hypothesis import given
from hypothesis import strategies as st

from kws.audio.feed import Feed
from kws.audio.reader import Block, Reader, RecentAudio
from kws.typing import AudioFormat, Frames, Samples

RATE = 16_000


def noise(frames: int, channels: int = 1) -> Frames:
    random = np.random.default_rng(5)
    return random.uniform(-0.5, 0.5, (frames, channels)).astype(np.float32)


def feed_of(sample_rate: int = RATE, channels: int = 1) -> Feed:
    return Feed(AudioFormat(sample_rate, channels), lambda: 0.0)


def reader_of(feed: Feed, behind_s: float | None = None) -> Reader:
    return Reader(feed, RATE, block_s=0.1, limit_s=0.5, behind_s=behind_s)


def all_of(reader: Reader) -> list[Block]:
    return list(iter(reader.take, None))


def joined(blocks: list[Block], end: Samples) -> Samples:
    pieces = [piece for block in blocks for piece in (block.rest, block.samples)]
    return np.concatenate((*pieces, end))


def test_samples_are_the_mean_of_the_channels() -> None:
    feed, frames = feed_of(channels=2), noise(RATE, 2)
    feed.write(frames)
    feed.end()
    reader = reader_of(feed)
    blocks = all_of(reader)
    assert [len(each.samples) for each in blocks] == [RATE // 2, RATE // 2]
    assert np.array_equal(joined(blocks, reader.end()), frames.mean(axis=1))
    assert np.array_equal(np.concatenate([each.frames for each in blocks]), frames)


def test_less_than_a_block_waits_for_more_or_the_end() -> None:
    feed = feed_of()
    reader = reader_of(feed)
    feed.write(noise(1_599))
    assert reader.take() is None
    feed.end()
    block = reader.read()
    assert block is not None
    assert len(block.samples) == 1_599
    assert reader.read() is None


def test_another_rate_is_resampled_without_a_seam() -> None:
    feed, frames = feed_of(44_100), noise(44_100)
    feed.write(frames)
    feed.end()
    reader = reader_of(feed)
    blocks = all_of(reader)
    whole = joined(blocks, reader.end())
    assert len(joined(blocks, np.empty(0, np.float32))) < RATE
    assert whole == pytest.approx(soxr.resample(frames[:, 0], 44_100, RATE), abs=1e-3)
    assert len(reader.end(silence_s=1.0)) == RATE


def test_a_gap_is_counted_at_the_readers_rate_and_nothing_before_it_is_held_back() -> None:
    feed = feed_of(48_000)
    feed.write(noise(4_800))
    feed.lose(4_800)
    feed.write(noise(4_800))
    feed.end()
    before, after = all_of(reader_of(feed))
    assert (before.lost, after.lost) == (0, 1_600)
    assert len(before.rest) == 0
    assert len(before.samples) + len(after.rest) == 1_600


def test_a_live_source_far_ahead_is_read_from_its_newest_part() -> None:
    feed, frames = feed_of(), noise(2 * RATE)
    feed.write(frames)
    (block,) = all_of(reader_of(feed, behind_s=0.25))
    assert block.lost == 2 * RATE - RATE // 4
    assert np.array_equal(block.samples, frames[block.lost :, 0])


def test_samples_that_are_not_finite_are_counted() -> None:
    feed, frames = feed_of(), noise(RATE)
    frames[10:15] = np.nan
    feed.write(frames)
    reader = reader_of(feed)
    all_of(reader)
    assert reader.not_finite == 5


@given(st.lists(st.integers(0, 40), max_size=30), st.integers(-5, 700), st.integers(-5, 700))
def test_recent_audio_is_the_end_of_what_came(lengths: list[int], start: int, end: int) -> None:
    recent = RecentAudio(2.0, 100, keep_s=0.5)
    whole = noise(sum(lengths))
    for block in np.split(whole, np.cumsum(lengths)[:-1] if lengths else []):
        recent.append(block)
    assert len(whole) - recent.first >= min(len(whole), 50)
    assert recent.first == 0 or len(whole) - recent.first < 50 + max(lengths)
    assert np.array_equal(recent.between(recent.first), whole[recent.first :])
    expected = whole[max(start, recent.first) : max(end, recent.first)]
    assert np.array_equal(recent.between(start, end), expected)


def test_recent_audio_from_a_multiple_of_a_hop_on() -> None:
    recent = RecentAudio(2.0, 100, keep_s=0.5)
    whole = noise(95)
    for block in np.split(whole, [20, 40, 60, 80]):
        recent.append(block)
    assert recent.first == 40
    start_s, frames = recent.from_multiple_of(0.3)
    assert start_s == 2.6
    assert np.array_equal(frames, whole[60:])
