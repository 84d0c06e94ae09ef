"""A client's connection, which can neither fill the memory nor occupy the event loop."""

import asyncio
import math

from wyoming.event import Event

from kws.audio.wyoming_events import EventDecoder, Limits, WyomingError, WyomingEvent
from kws.integrations.wyoming.messages import to_bytes
from kws.serving.rate import MessageCounter, MessageRate
from kws.typing import Clock

LIMITS = Limits(header=8 * 1024, data=64 * 1024, payload=256 * 1024)
FIRST_S, EVENT_S, IDLE_S = 10.0, 10.0, 300.0
"""A client may take so long for its first event, for one that it has begun, and between two."""
WRITE_S = 5.0
"""How long it may take to read an answer."""
CLOSE_S = 1.0
"""The same of its last one."""
_READ_BYTES = 16 * 1024
_AUDIO = MessageRate(per_second=200, burst=400)
"""Chunks of audio: of 5 ms, so long as more than 2 s are not sent at once."""
_OTHERS = MessageRate(per_second=20, burst=50)
"""All other events, and each KiB of them."""
_STARTS = MessageRate(per_second=2, burst=10)
"""Streams that are begun."""
AUDIO_CHUNK = "audio-chunk"


class Connection:
    """A client's events, and the answers to it.

    Args:
        reader: of its bytes.
        writer: to it.
        peer: where it comes from, for people.
        clock: seconds, monotonic.
        idles: whether it may send nothing for as long as it likes.

    Attributes:
        peer: where it comes from, for people.
        last_event: when its last event was complete, by the clock; None: it has sent none.
        last_audio: the same of its last chunk of audio.
        opened: when it was opened.
    """

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        peer: str,
        clock: Clock,
        *,
        idles: bool = False,
    ) -> None:
        self.peer = peer
        self.last_event: float | None = None
        self.last_audio: float | None = None
        self._reader, self._writer, self._clock = reader, writer, clock
        self._idles = idles
        now = clock()
        self.opened = self._begun = now
        self._decoder = EventDecoder(LIMITS)
        self._rates = [MessageCounter(rate, now) for rate in (_AUDIO, _OTHERS, _STARTS)]

    async def read(self, pause_s: float | None) -> WyomingEvent | None:
        """The next event; None: there will be no more.

        Args:
            pause_s: seconds until the wait is given up; None: it lasts as long as it may.

        Raises:
            TimeoutError: nothing has come within `pause_s`; what comes can still be read.
            WyomingError: it sends something else, too much, or nothing for too long.
        """
        gives_up = None if pause_s is None else self._clock() + pause_s
        # What has come already is read without a pause, and others want their turn.
        await asyncio.sleep(0)
        while (event := self._decoder.take()) is None:
            left = self._deadline - self._clock()
            if gives_up is not None:
                left = min(left, gives_up - self._clock())
            try:
                async with asyncio.timeout(None if left == math.inf else max(0.0, left)):
                    data = await self._reader.read(_READ_BYTES)
            except TimeoutError:
                if self._clock() < self._deadline:
                    raise
                raise WyomingError(self._too_late) from None
            if not data:
                return None
            if not self._decoder.pending:
                self._begun = self._clock()
            self._decoder.feed(data)
        self._begun = self.last_event = self._clock()
        self._count(event)
        return event

    async def write(self, event: Event) -> None:
        """Send an event.

        Raises:
            WyomingError: the client does not read.
            ConnectionError: it has left.
        """
        self._writer.write(to_bytes(event))
        try:
            async with asyncio.timeout(WRITE_S):
                await self._writer.drain()
        except TimeoutError:
            raise WyomingError(f"it has not read its answers for {WRITE_S:g} s") from None

    def count_start(self) -> None:
        """Count a stream that it begins.

        Raises:
            WyomingError: these are too many.
        """
        _, _, starts = self._rates
        if not starts.take(self._clock()):
            raise WyomingError(f"more than {_STARTS.per_second:g} streams a second")

    async def close(self, last: Event | None = None) -> None:
        """Close it, behind what has been written, or without it where it is not read.

        Args:
            last: is sent before.
        """
        if last is not None and not self._writer.is_closing():
            self._writer.write(to_bytes(last))
        self._writer.close()
        try:
            async with asyncio.timeout(CLOSE_S):
                await self._writer.wait_closed()
        except (TimeoutError, OSError):
            self._writer.transport.abort()

    def abort(self) -> None:
        """Close it at once, as if its client had left."""
        self._writer.transport.abort()

    @property
    def _deadline(self) -> float:
        if self._idles:
            return math.inf
        if self._decoder.pending:
            return self._begun + EVENT_S
        if self.last_event is None:
            return self.opened + FIRST_S
        return self.last_event + IDLE_S

    @property
    def _too_late(self) -> str:
        if self._decoder.pending:
            return f"an event took longer than {EVENT_S:g} s"
        idle_s = FIRST_S if self.last_event is None else IDLE_S
        return f"it has sent no event for {idle_s:g} s"

    def _count(self, event: WyomingEvent) -> None:
        audio, others, _ = self._rates
        now = self._clock()
        if event.type == AUDIO_CHUNK:
            self.last_audio = now
            counter, size = audio, 0
        else:
            counter, size = others, len(event.payload)
        if not all(counter.take(now) for _ in range(1 + size // 1024)):
            raise WyomingError(f"more than {counter.rate.per_second:g} events a second")
