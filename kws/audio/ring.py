"""The ring buffer: one writer that never waits, one reader that learns what it lost."""

from dataclasses import dataclass

import numpy as np

from kws.typing import Frames


@dataclass(frozen=True)
class Chunk:
    """What a reader gets.

    Attributes:
        lost: frames that are missing just before this chunk.
        frames: float32 of shape (n, channels).
    """

    lost: int
    frames: Frames


class RingBuffer:
    """The last `capacity` frames of a stream, by their absolute position in it.

    One thread may write while another reads, without a lock: a position is announced before its
    frame is overwritten (`_reserved`) and again when the new frame is whole (`_written`), so a
    reader that was overtaken while copying knows which of its frames to drop.

    Args:
        capacity: frames kept.
        channels: samples per frame.
    """

    def __init__(self, capacity: int, channels: int) -> None:
        if capacity < 1 or channels < 1:
            raise ValueError("a ring needs capacity >= 1 and channels >= 1")
        self.capacity = capacity
        self.channels = channels
        self._data = np.zeros((capacity, channels), np.float32)
        self._reserved = 0
        self._written = 0
        self._gaps: tuple[tuple[int, int], ...] = ()
        self._read = 0

    @property
    def written(self) -> int:
        """Position after the newest frame, lost ones included."""
        return self._written

    @property
    def available(self) -> int:
        """Frames written that the reader has not had, lost ones included."""
        return self._written - self._read

    @property
    def free(self) -> int:
        """Frames that can be written without overwriting what the reader has not had."""
        return self.capacity - self.available

    def write(self, frames: Frames) -> None:
        """Append frames, shape (n, channels); the oldest give way."""
        count = len(frames)
        end = self._written + count
        self._reserved = end
        kept = frames[-self.capacity :] if count > self.capacity else frames
        start = (end - len(kept)) % self.capacity
        first = min(len(kept), self.capacity - start)
        self._data[start : start + first] = kept[:first]
        self._data[: len(kept) - first] = kept[first:]
        self._written = end

    def lose(self, count: int) -> None:
        """Note that `count` frames never came from the device: the stream goes on after them."""
        if count <= 0:
            return
        start, end = self._written, self._written + count
        oldest = end - self.capacity
        kept = tuple(gap for gap in self._gaps if gap[1] > max(oldest, self._read))
        self._gaps = (*kept, (start, end))
        self._reserved = end
        self._written = end

    def read(self, limit: int | None = None, behind: int | None = None) -> Chunk:
        """Take the next frames, at most up to the next gap.

        Args:
            limit: take no more than this.
            behind: when more than this is waiting, skip to the newest `behind` frames.

        Returns:
            The frames, and how many are missing before them because they were overwritten,
            skipped or never came.
        """
        written = self._written
        # A gap is noted before it counts as written: one that ends later is not ours yet.
        gaps = tuple(gap for gap in self._gaps if gap[1] <= written)
        oldest = written - self.capacity
        if behind is not None and written - self._read > behind:
            oldest = max(oldest, written - behind)
        start = max(self._read, oldest)
        for gap_start, gap_end in gaps:
            if gap_start <= start < gap_end:
                start = gap_end
        end = written if limit is None else min(written, start + limit)
        end = min([end, *(gap_start for gap_start, _ in gaps if gap_start > start)])
        frames = self._copy(start, end)
        # The writer may have come round while we copied.
        overtaken = min(max(0, self._reserved - self.capacity - start), end - start)
        chunk = Chunk(start + overtaken - self._read, frames[overtaken:])
        self._read = end
        return chunk

    def _copy(self, start: int, end: int) -> Frames:
        index = start % self.capacity
        first = min(end - start, self.capacity - index)
        return np.concatenate(
            (self._data[index : index + first], self._data[: end - start - first])
        )
