"""Recordings as sources: once and whole, or round and round in real time."""

import itertools
import threading
from pathlib import Path

import numpy as np
import pytest
import soundfile

from kws.audio.feed import Feed
from kws.audio.file import Demo, Recording
from kws.audio.source import Source
from kws.errors import AudioFileError, KwsError
from kws.typing import Frames
from tests.support.limits import limit

SAMPLES = np.random.default_rng(1).uniform(-0.5, 0.5, (100_000, 2)).astype(np.float32)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "recording.wav"
    soundfile.write(path, SAMPLES, 8_000, subtype="FLOAT")
    return path


def started(source: Source) -> Feed:
    feed = Feed(source.open(), lambda: 0.0)
    source.start(feed)
    return feed


def read(feed: Feed) -> tuple[Frames, KwsError | None]:
    blocks: list[Frames] = []
    while (chunk := feed.read(1)) is not None:
        assert chunk.lost == 0
        blocks.append(chunk.frames)
    return np.concatenate(blocks), feed.error


def test_a_recording_is_delivered_whole(path: Path) -> None:
    frames, error = read(started(Recording(path)))
    np.testing.assert_array_equal(frames, SAMPLES)
    assert error is None


def test_a_recording_that_is_cut_short_ends_in_an_error(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:400_000])
    frames, error = read(started(Recording(path)))
    assert len(frames) > 40_000
    assert "cut short" in str(error)


def test_a_recording_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(AudioFileError, match="no such file"):
        Recording(tmp_path / "missing.wav").open()


class Collecting(Feed):
    """Keeps what is written, and ends when it has enough."""

    def __init__(self, source: Source, enough: int) -> None:
        super().__init__(source.open(), lambda: 0.0)
        self.frames = np.empty((0, self.format.channels), np.float32)
        self.enough = threading.Event()
        self._wanted_frames = enough

    def write(self, frames: Frames) -> None:
        self.frames = np.concatenate((self.frames, frames))
        if len(self.frames) >= self._wanted_frames:
            self.end()
            self.enough.set()


def test_the_demo_goes_round_without_a_seam(path: Path) -> None:
    seconds = itertools.count()
    demo = Demo(lambda: float(next(seconds)), path)
    feed = Collecting(demo, 250_000)
    demo.start(feed)
    assert feed.enough.wait(limit(10))
    np.testing.assert_array_equal(feed.frames, np.tile(SAMPLES, (3, 1))[: len(feed.frames)])
