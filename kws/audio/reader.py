"""From what a feed holds to blocks of samples: gaps, mixdown, resampling, the last seconds."""

import math
from collections import deque
from dataclasses import dataclass

import numpy as np

from kws.audio.feed import Feed
from kws.audio.resample import MonoResampler, clean
from kws.audio.ring import Chunk
from kws.typing import Frames, Samples


@dataclass(frozen=True)
class Block:
    """The next samples of a stream.

    Attributes:
        rest: samples from before the gap that were still in the resampler; empty without a gap.
        lost: samples that are missing between `rest` and `samples`.
        samples: float32 of shape (n,), mono, in [-1, 1], at the reader's rate.
        frames: what they were made of, shape (m, channels), at the source's rate.
    """

    rest: Samples
    lost: int
    samples: Samples
    frames: Frames


class Reader:
    """Reads a feed as mono samples at one rate.

    Args:
        feed: what to read.
        rate: samples per second that go out.
        block_s: seconds that make a block; the last block, and one before a gap, may be shorter.
        limit_s: the longest block.
        behind_s: where more than this is waiting, skip to the newest `behind_s`; None: nothing
            is ever skipped.
        name: of the stream, for warnings.

    Attributes:
        feed: what is read.
        not_finite: samples that were not finite, and were taken as silence.
    """

    def __init__(
        self,
        feed: Feed,
        rate: int,
        *,
        block_s: float,
        limit_s: float,
        behind_s: float | None = None,
        name: str = "sound",
    ) -> None:
        self.feed = feed
        source_rate = feed.format.sample_rate
        self._block = round(source_rate * block_s)
        self._limit = round(source_rate * limit_s)
        self._behind = None if behind_s is None else round(source_rate * behind_s)
        self._resampler = MonoResampler(source_rate, rate, name)
        self.not_finite = 0

    def take(self) -> Block | None:
        """The next block; None where there is not enough for one, or nothing more. Never waits."""
        chunk = self.feed.take(self._block, limit=self._limit, behind=self._behind)
        return None if chunk is None else self._block_of(chunk)

    def read(self) -> Block | None:
        """The next block, waiting for it; None once the feed is exhausted."""
        chunk = self.feed.read(self._block, limit=self._limit, behind=self._behind)
        return None if chunk is None else self._block_of(chunk)

    def drop(self) -> int:
        """Leave out all that waits; how many samples, at the reader's rate, that would have been.

        What comes next does not follow what came before.
        """
        frames = 0
        while (chunk := self.feed.take(1)) is not None:
            frames += chunk.lost + len(chunk.frames)
        return len(self._resampler.flush()) + self._resampler.output_length(frames)

    def resample(self, frames: Frames) -> Samples:
        """The samples of frames, shape (n, channels), that come before those in the feed."""
        return self._resampler.push(frames)

    def end(self, silence_s: float = 0.0) -> Samples:
        """The samples that are still in the resampler, and so many seconds of silence."""
        return self._resampler.flush(silence_s)

    def _block_of(self, chunk: Chunk) -> Block:
        rest = self._resampler.flush() if chunk.lost else np.empty(0, np.float32)
        lost = self._resampler.output_length(chunk.lost)
        frames, not_finite = clean(chunk.frames)
        self.not_finite += not_finite
        return Block(rest, lost, self._resampler.push(frames), frames)


class RecentAudio:
    """The last seconds of a stream without a gap, as its source delivered them.

    Frames are counted from the first one after the gap.

    Args:
        start_s: seconds of the stream at which it begins.
        sample_rate: frames per second.
        keep_s: seconds that are kept.

    Attributes:
        start_s: seconds of the stream at which it begins.
        sample_rate: frames per second.
    """

    def __init__(self, start_s: float, sample_rate: int, keep_s: float) -> None:
        self.start_s, self.sample_rate = start_s, sample_rate
        self._most = round(keep_s * sample_rate)
        self._blocks: deque[Frames] = deque()
        self._first = self._kept = 0

    def append(self, frames: Frames) -> None:
        """Add frames, shape (n, channels); what is too old is dropped, block by block."""
        self._blocks.append(frames)
        self._kept += len(frames)
        while self._kept - self._most >= len(self._blocks[0]):
            dropped = len(self._blocks.popleft())
            self._kept -= dropped
            self._first += dropped

    @property
    def first(self) -> int:
        """Number of the oldest frame that is kept."""
        return self._first

    def from_multiple_of(self, seconds: float) -> tuple[float, Frames]:
        """What is kept from the first multiple of so many seconds after `start_s` on.

        Returns:
            That moment, in seconds of the stream, and the frames, shape (n, channels).
        """
        multiple = math.ceil(self._first / (self.sample_rate * seconds))
        start_s = multiple * seconds
        return self.start_s + start_s, self.between(round(start_s * self.sample_rate))

    def between(self, start: int, end: int | None = None) -> Frames:
        """Those of the frames from `start` to before `end` that are kept, shape (n, channels)."""
        frames = np.concatenate(self._blocks) if self._blocks else np.empty((0, 1), np.float32)
        stop = len(frames) if end is None else max(0, end - self._first)
        return frames[max(0, start - self._first) : stop]
