"""The streams of senders: their names, their start and end, and how many there may be."""

import logging
from dataclasses import dataclass
from typing import Protocol

from kws.audio.liveness import IdleTimeouts
from kws.audio.remote import AHEAD_WARNING_S, Remote
from kws.audio.resample import warn_not_finite
from kws.engine.batch import Inference
from kws.engine.build import SILENCE_S
from kws.engine.queue import StreamSink
from kws.engine.state import SourceState
from kws.engine.stream import Stream
from kws.protocol.events import Publisher, StreamEnded, StreamStarted
from kws.typing import Clock, PcmFormat, Signal

log = logging.getLogger(__name__)

BEHIND_S = 6.0
"""Seconds of audio that may wait: more than a sender may be ahead of real time."""
QUIET_S = 2.0
"""A sender of nothing for so many seconds is replaced by another one of the same name."""


class NameTakenError(Exception):
    """There is a stream of that name that delivers audio."""


class NewStream(Protocol):
    """Makes a stream with the model and settings in force."""

    def __call__(self, name: str, *, live: bool, behind_s: float) -> Stream: ...


class SenderStream:
    """One stream, from its start to its end.

    Made by `Senders.open`, for the thread of the loop.

    Attributes:
        name: of the stream.
        peer: where it comes from, for people.
        stream: what processes it.
        remote: takes its bytes.
        replaced: set when another sender takes its place.
        over: whether all of it was processed, and there will be no more.
    """

    def __init__(
        self,
        name: str,
        peer: str,
        stream: Stream,
        remote: Remote,
        replaced: Signal,
        senders: "Senders",
    ) -> None:
        self.name, self.peer = name, peer
        self.stream, self.remote = stream, remote
        self.replaced = replaced
        self._ahead = False
        self.over = False
        self._senders = senders

    def receive(self, data: bytes) -> float | None:
        """Take the next bytes of audio.

        Returns:
            By how many seconds it is ahead of real time, where its sender is to be warned of that
            now; else None.

        Raises:
            TooFastError: it is much too far ahead; these bytes are not taken.
        """
        ahead = self.remote.receive(data)
        was_ahead = self._ahead
        self._ahead = ahead > (AHEAD_WARNING_S / 2 if was_ahead else AHEAD_WARNING_S)
        return ahead if self._ahead and not was_ahead else None

    def receive_paced(self, data: bytes) -> float:
        """Take the next bytes of a sender that can be made to wait: at most a second of audio.

        Returns:
            Seconds to wait before the next ones, so that they come no faster than in real time.
        """
        return max(0.0, self.remote.receive(data) - AHEAD_WARNING_S)

    def gap(self, seconds: float) -> None:
        """Audio is missing here, as its sender reports."""
        self.remote.gap(seconds)

    def finish(self) -> None:
        """Its sender has ended it; the last word is processed to its end."""
        if left := self.remote.end(SILENCE_S):
            log.warning("stream %r ended inside a sample: %d bytes left over", self.name, left)
        self._senders.close(self, "its sender ended it")

    def abandon(self, reason: str) -> None:
        """Its sender has disconnected."""
        self.remote.end()
        self._senders.close(self, reason)


class Senders:
    """All streams of senders. For the thread of the loop.

    Args:
        inference: processes them.
        new_stream: makes one.
        publisher: takes events.
        timeouts: how long a sender may be idle.
        clock: seconds, monotonic.
        reserved: names that no sender may take.

    Attributes:
        timeouts: how long the sender of a new stream may be idle.
    """

    def __init__(
        self,
        inference: Inference,
        new_stream: NewStream,
        publisher: Publisher,
        timeouts: IdleTimeouts,
        clock: Clock,
        reserved: frozenset[str],
    ) -> None:
        self._inference, self._new_stream, self._publisher = inference, new_stream, publisher
        self.timeouts, self._clock = timeouts, clock
        self._reserved = reserved
        self._open: dict[str, SenderStream] = {}

    def __len__(self) -> int:
        return len(self._open)

    def open(self, name: str, pcm: PcmFormat, peer: str, replaced: Signal) -> SenderStream:
        """Begin a stream.

        Args:
            name: of the stream.
            pcm: what its bytes mean.
            peer: where it comes from, for people.
            replaced: set when another sender takes its place.

        Raises:
            NameTakenError: there is a stream of that name, and it delivers.
        """
        if name in self._reserved:
            raise NameTakenError(f"stream {name!r} is this machine's own; choose another name")
        if earlier := self._open.get(name):
            if self._delivers(earlier):
                raise NameTakenError(f"a stream {name!r} is live already, from {earlier.peer}")
            log.info("stream %r: another sender takes its place", name)
            earlier.abandon("another sender took its place")
            earlier.replaced.set()
        stream = self._new_stream(name, live=True, behind_s=BEHIND_S)
        started = StreamStarted(name, pcm.audio.sample_rate, pcm.audio.channels)
        stream.queue.mark(_Start(started, self._publisher))
        sink = StreamSink(stream.queue, self._inference.woken, self._clock)
        remote = Remote(pcm, sink, self.timeouts, self._clock)
        opened = SenderStream(name, peer, stream, remote, replaced, self)
        self._open[name] = opened
        self._inference.add(stream)
        log.info(
            "stream %r begins, from %s: %d Hz, %d channel(s)",
            *(name, peer, pcm.audio.sample_rate, pcm.audio.channels),
        )
        return opened

    def poll(self) -> None:
        """Find the senders that deliver nothing more; to be called several times a second."""
        for each in self._open.values():
            if each.remote.poll():
                log.warning("stream %r: %s", each.name, each.remote.liveness.reason)

    def states(self) -> list[SourceState]:
        """How they stand."""
        return [self._state(each) for each in self._open.values()]

    def close(self, closed: SenderStream, reason: str) -> None:
        """End a stream once all of it has been processed; nothing where it was ended before."""
        if self._open.get(closed.name) is not closed:
            return
        del self._open[closed.name]
        closed.stream.queue.mark(_End(closed, reason, self._inference, self._publisher))
        self._inference.woken.set()
        log.info("stream %r ended: %s", closed.name, reason)
        warn_not_finite(f"stream {closed.name!r}", closed.remote.not_finite)

    def _delivers(self, opened: SenderStream) -> bool:
        last = opened.remote.liveness.last_audio
        return last is not None and self._clock() - last < QUIET_S

    def _state(self, opened: SenderStream) -> SourceState:
        remote, liveness = opened.remote, opened.remote.liveness
        last = liveness.last_audio
        return SourceState(
            stream=opened.name,
            kind="network",
            name=opened.peer,
            live=True,
            audio_format=remote.format,
            reason=liveness.reason,
            seconds_since_audio=None if last is None else self._clock() - last,
            overflows=0,
            losses=liveness.losses,
            dropped_samples=opened.stream.dropped_samples,
        )


@dataclass(frozen=True)
class _Start:
    """The beginning of a stream, as a milestone."""

    started: StreamStarted
    publisher: Publisher

    def reached(self) -> None:
        self.publisher.publish(self.started)


@dataclass(frozen=True)
class _End:
    """The end of a stream, as a milestone."""

    closed: SenderStream
    reason: str
    inference: Inference
    publisher: Publisher

    def reached(self) -> None:
        stream = self.closed.stream
        self.inference.remove(stream)
        self.closed.over = True
        self.publisher.publish(StreamEnded(self.closed.name, stream.seconds, self.reason))
