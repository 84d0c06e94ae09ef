"""Between a source's thread and the spotting thread: the ring, waiting, and the end."""

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass

from kws.arrays import Frames
from kws.audio.ring import Chunk, RingBuffer
from kws.errors import KwsError

log = logging.getLogger(__name__)

RING_SECONDS = 8.0
LOWEST_RATE, HIGHEST_RATE = 1_000, 768_000
"""Samples per second that a recording or stream may have."""


@dataclass(frozen=True)
class AudioFormat:
    """Frames per second and samples per frame."""

    sample_rate: int
    channels: int


class Feed:
    """A ring with a way to wait for it.

    The source calls `write` (never waits), or `write_waiting` when nothing may be lost, then
    `end`. The reader calls `read` until it returns None.

    Args:
        audio_format: of the frames.
        clock: seconds, monotonic.
    """

    def __init__(self, audio_format: AudioFormat, clock: Callable[[], float]) -> None:
        self.format = audio_format
        self.error: KwsError | None = None
        self.overflows = 0
        self.last_audio: float | None = None
        self._clock = clock
        self._ring = RingBuffer(
            round(RING_SECONDS * audio_format.sample_rate), audio_format.channels
        )
        self._filled = threading.Event()
        self._emptied = threading.Event()
        self._wanted = 1
        self._ended = False

    @property
    def ended(self) -> bool:
        """Whether the source has said that nothing more comes."""
        return self._ended

    def write(self, frames: Frames) -> None:
        """Append frames, shape (n, channels); never waits."""
        self._ring.write(frames)
        self.last_audio = self._clock()
        # Waking the reader for less than it waits for would only cost time.
        if self._ring.available >= self._wanted:
            self._filled.set()

    def lose(self, frames: int) -> None:
        """Count an overflow that cost about `frames` frames."""
        self.overflows += 1
        self._ring.lose(frames)

    def write_waiting(self, frames: Frames) -> bool:
        """Append frames, waiting for room; false when the feed was ended meanwhile."""
        step = self._ring.capacity // 2
        for start in range(0, len(frames), step):
            block = frames[start : start + step]
            while self._ring.free < len(block):
                self._emptied.clear()
                if self._ended:
                    return False
                if self._ring.free < len(block):
                    self._emptied.wait()
            if self._ended:
                return False
            self.write(block)
        return True

    def end(self, error: KwsError | None = None) -> None:
        """Nothing more comes; the reader gets what is there, then None."""
        if not self._ended:
            self.error = error
            self._ended = True
        self._filled.set()
        self._emptied.set()

    def read(
        self, at_least: int, *, limit: int | None = None, behind: int | None = None
    ) -> Chunk | None:
        """Wait until `at_least` frames are there, or the end, and take them.

        Args:
            at_least: frames to wait for.
            limit: take no more than this.
            behind: see `RingBuffer.read`.

        Returns:
            None once the source has ended and everything has been read.
        """
        self._wanted = at_least
        while self._ring.available < at_least and not self._ended:
            self._filled.clear()
            if self._ring.available < at_least and not self._ended:
                self._filled.wait()
        if self._ended and not self._ring.available:
            return None
        chunk = self._ring.read(limit, behind)
        self._emptied.set()
        return chunk


def deliver(feed: Feed, name: str, work: Callable[[], None]) -> None:
    """Fill a feed from a thread of its own, and end it however that ends.

    Args:
        feed: what to end.
        name: of the source, for people.
        work: writes to the feed until there is no more.
    """

    def run() -> None:
        try:
            work()
        except KwsError as error:
            feed.end(error)
        # A thread that dies unseen would leave the daemon waiting for ever.
        except Exception as error:
            log.exception("%s failed; this is an error in kws, please report it", name)
            feed.end(KwsError(f"{name}: {error!r}"))
        else:
            feed.end()

    threading.Thread(target=run, name=name, daemon=True).start()
