"""What comes next in a stream: feeds, losses, and milestones."""

import threading
from collections import deque
from dataclasses import dataclass
from typing import Protocol

from kws.audio.feed import Feed
from kws.typing import AudioFormat, Clock


class Milestone(Protocol):
    """A place in a stream, between two feeds."""

    def reached(self) -> None:
        """All audio before it has been processed. Called from the inference thread."""
        ...


@dataclass(frozen=True)
class Attach:
    """The audio of this feed comes next."""

    feed: Feed


@dataclass(frozen=True)
class Lose:
    """There is no audio, and no feed either."""

    reason: str


@dataclass(frozen=True)
class Reach:
    """This milestone is reached."""

    milestone: Milestone


class StreamQueue:
    """What comes next, in order. Any thread may add to it; the inference thread takes."""

    def __init__(self) -> None:
        self._items: deque[Attach | Lose | Reach] = deque()

    def attach(self, feed: Feed) -> None:
        """What comes after the feeds so far comes from this one."""
        self._items.append(Attach(feed))

    def lose(self, reason: str) -> None:
        """After the feeds so far there is no audio, and no feed either."""
        self._items.append(Lose(reason))

    def mark(self, milestone: Milestone) -> None:
        """After the feeds so far a milestone is reached."""
        self._items.append(Reach(milestone))

    def take(self) -> Attach | Lose | Reach | None:
        """The next item; None where there is none yet."""
        return self._items.popleft() if self._items else None


class StreamSink:
    """Queues what one source after the other delivers. See `kws.audio.feed.Sink`.

    Args:
        queue: of the stream.
        woken: wakes the inference thread.
        clock: seconds, monotonic.
    """

    def __init__(self, queue: StreamQueue, woken: threading.Event, clock: Clock) -> None:
        self._queue, self._woken, self._clock = queue, woken, clock

    def open(self, audio_format: AudioFormat) -> Feed:
        feed = Feed(audio_format, self._clock, self._woken)
        self._queue.attach(feed)
        self._woken.set()
        return feed

    def lose(self, reason: str) -> None:
        self._queue.lose(reason)
        self._woken.set()
