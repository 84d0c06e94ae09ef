"""Between a source's thread and the inference thread: the ring, waiting, and the end."""

import logging
import threading
from typing import Protocol

import numpy as np

from kws.audio.ring import Chunk, RingBuffer
from kws.errors import KwsError
from kws.typing import AudioFormat, Clock, Frames

log = logging.getLogger(__name__)

RING_SECONDS = 8.0


def silence(audio_format: AudioFormat, seconds: float) -> Frames:
    """Frames of nothing."""
    return np.zeros(
        (round(seconds * audio_format.sample_rate), audio_format.channels), dtype=np.float32
    )


class Feed:
    """A ring with a way to wait for it.

    The source calls `write` (never waits), or `write_waiting` when nothing may be lost, then
    `end`. The reader calls `take` when it was woken, or `read`, which waits, until `exhausted`.

    Args:
        audio_format: of the frames.
        clock: seconds, monotonic.
        filled: set when there is something to take; its own one by default.

    Attributes:
        error: why the source ended, if it did not end well.
        overflows: how often audio was lost before it came here.
        first_audio: when the first frames began, by the clock; None before they came.
        last_audio: when the last ones came.
        last_sound: when frames last came that were not digital silence.
    """

    def __init__(
        self,
        audio_format: AudioFormat,
        clock: Clock,
        filled: threading.Event | None = None,
    ) -> None:
        self.format = audio_format
        self.error: KwsError | None = None
        self.overflows = 0
        self.first_audio: float | None = None
        self.last_audio: float | None = None
        self.last_sound: float | None = None
        self._clock = clock
        self._ring = RingBuffer(
            round(RING_SECONDS * audio_format.sample_rate), audio_format.channels
        )
        self._filled = threading.Event() if filled is None else filled
        self._emptied = threading.Event()
        self._wanted = 1
        self._ended = False

    @property
    def ended(self) -> bool:
        """Whether nothing more comes."""
        return self._ended

    @property
    def pause(self) -> float:
        """Seconds since frames last came; 0 before the first."""
        return 0.0 if self.last_audio is None else self._clock() - self.last_audio

    @property
    def exhausted(self) -> bool:
        """Whether nothing more comes and everything has been taken."""
        return self._ended and not self._ring.available

    def write(self, frames: Frames) -> None:
        """Append frames, shape (n, channels); never waits. After the end nothing is taken."""
        if self._ended:
            return
        self._ring.write(frames)
        now = self._clock()
        if self.first_audio is None:
            self.first_audio = now - len(frames) / self.format.sample_rate
        self.last_audio = now
        if frames.any():
            self.last_sound = now
        # Waking the reader for less than it waits for would only cost time.
        if self._ring.available >= self._wanted:
            self._filled.set()

    def write_silence(self, seconds: float) -> None:
        """Append silence, as `write` appends frames; it is no sign of the source's life."""
        self._ring.write(silence(self.format, seconds))

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

    def take(
        self, at_least: int, *, limit: int | None = None, behind: int | None = None
    ) -> Chunk | None:
        """Take what is there, if it is enough or the last; never waits.

        Args:
            at_least: frames that are enough.
            limit: take no more than this.
            behind: see `RingBuffer.read`.

        Returns:
            None where there is not enough, or nothing more.
        """
        self._wanted = at_least
        if not self._ring.available or (self._ring.available < at_least and not self._ended):
            return None
        chunk = self._ring.read(limit, behind)
        self._emptied.set()
        return chunk

    def read(
        self, at_least: int, *, limit: int | None = None, behind: int | None = None
    ) -> Chunk | None:
        """The same, but wait for it; None once the feed is exhausted."""
        while True:
            self._filled.clear()
            chunk = self.take(at_least, limit=limit, behind=behind)
            if chunk is not None or self.exhausted:
                return chunk
            self._filled.wait()


class Sink(Protocol):
    """Takes the audio of one source after the other, or the reason why there is none."""

    def open(self, audio_format: AudioFormat) -> Feed:
        """The feed for what comes next. Where it ends, its error is the reason."""
        ...

    def lose(self, reason: str) -> None:
        """There is no audio, and no feed either."""
        ...


class Writer(Protocol):
    """Writes audio into a feed.

    Attributes:
        name: what people call it.
    """

    name: str

    def write_to(self, feed: Feed) -> None:
        """Write until there is no more, or the feed has ended.

        Raises:
            KwsError: what comes next cannot be read.
        """
        ...


def write_in_thread(writer: Writer, feed: Feed) -> None:
    """Let a writer fill a feed from a thread of its own, and end the feed however that ends."""

    def run() -> None:
        name = writer.name
        try:
            writer.write_to(feed)
        except KwsError as error:
            feed.end(error)
        # A thread that ends unnoticed would leave the daemon waiting for ever.
        except Exception as error:
            log.exception("%s failed; this is an error in kws, please report it", name)
            feed.end(KwsError(f"{name}: {error!r}"))
        else:
            feed.end()

    threading.Thread(target=run, name=writer.name, daemon=True).start()
