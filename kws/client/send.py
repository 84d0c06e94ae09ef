"""A sender of audio to a daemon elsewhere, which goes on after each break of the connection.

Audio that waits for a connection stays in the feed's own ring: so its order is kept, the oldest is
overwritten first, and how much was lost is known.
"""

import asyncio
import json
import logging
import time
from typing import TextIO

import numpy as np
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from kws.audio.capture import Capture, Pace
from kws.audio.feed import Feed
from kws.audio.liveness import IdleTimeouts
from kws.audio.reader import Reader
from kws.audio.source import Source, SourceFactory
from kws.client.connection import FAILURES, BackOff, Endpoint
from kws.errors import OutputError, ServerError
from kws.printing import print_line
from kws.protocol.codes import NAME_TAKEN
from kws.protocol.events import encode
from kws.protocol.requests import End, Gap, Start
from kws.typing import AudioFormat, Clock, Samples

log = logging.getLogger(__name__)

SENT_RATE = 16_000
"""Samples per second: the models' rate; more would only cost bandwidth."""
_BLOCK_S, _MESSAGE_S = 0.05, 1.0
"""Audio in a message: at least, where the source has not ended, and at most."""
_BACKLOG_S = 4.0
"""Audio that is sent late, after a break; the daemon takes a little more at once."""
_AHEAD_S = 0.2
"""How far a recording may be sent ahead of real time."""
END_S = 10.0
"""How long the daemon may take to process the rest."""
_TICK_S = 0.25
"""The source is polled so often."""


class Sender:
    """Sends one source to one daemon.

    Args:
        source: what to send.
        factory: makes a new source, once it was lost.
        endpoint: the daemon's `/audio`.
        stream: name of the stream, in events.
        output: gets a line of JSON for each event of the stream.
        clock: seconds, monotonic.
    """

    def __init__(
        self,
        source: Source,
        factory: SourceFactory,
        endpoint: Endpoint,
        stream: str,
        output: TextIO,
        clock: Clock = time.monotonic,
    ) -> None:
        self._live = source.live
        self._endpoint, self._stream = endpoint, stream
        self._output, self._clock = output, clock
        self._feeds: asyncio.Queue[Feed | None] = asyncio.Queue()
        self._feed: Feed | None = None
        self._capture = Capture(source, factory, self, IdleTimeouts(), Pace(), clock)
        self._sent_s, self._begun = 0.0, 0.0
        self._output_failed = asyncio.Event()
        self._output_error: OutputError | None = None
        self._started = self._disconnected = self._stopping = False

    def open(self, audio_format: AudioFormat) -> Feed:
        """A feed, to be sent next. See `kws.audio.feed.Sink`."""
        feed = Feed(audio_format, self._clock)
        self._feeds.put_nowait(feed)
        return feed

    def lose(self, reason: str) -> None:
        """There is no audio; the daemon notices by itself."""

    async def run(self, opened: AudioFormat | None, stopping: asyncio.Event) -> None:
        """Send until the source ends, `stopping` is set, or an event cannot be written.

        Args:
            opened: what the source delivers, if it is open already.
            stopping: ends it; the daemon processes what it has.

        Raises:
            KwsError: the source was lost for good, the daemon refuses this client, or an event
                cannot be written.
        """
        capturing = asyncio.create_task(self._capture_all(opened))
        sending = asyncio.create_task(self._send_through_breaks())
        stop = asyncio.create_task(stopping.wait())
        failing = asyncio.create_task(self._output_failed.wait())
        ticking = asyncio.create_task(self._tick())
        try:
            await asyncio.wait((sending, stop, failing), return_when=asyncio.FIRST_COMPLETED)
            if not sending.done():
                self._stopping = True
                await self._capture.stop(0.2)
                capturing.cancel()
                self._feeds.put_nowait(None)
                # Without a connection the rest cannot be sent.
                await asyncio.wait((sending,), timeout=0 if self._disconnected else END_S)
            if self._output_error is not None:
                raise self._output_error
            if sending.done():
                sending.result()
            if capturing.done() and not capturing.cancelled():
                capturing.result()
        finally:
            for task in (capturing, sending, stop, failing, ticking):
                task.cancel()

    async def _capture_all(self, opened: AudioFormat | None) -> None:
        try:
            await self._capture.run(opened)
        finally:
            self._feeds.put_nowait(None)

    async def _tick(self) -> None:
        while True:
            self._capture.poll()
            await asyncio.sleep(_TICK_S)

    async def _send_through_breaks(self) -> None:
        back_off = BackOff()
        while True:
            self._started = False
            reason = await self._send()
            if reason is None:
                return
            if not self._live and not self._sent_s:
                # A microphone waits for its daemon; a recording does not.
                raise ServerError(reason)
            self._disconnected = True
            await asyncio.sleep(back_off.pause_s(reason, connected=self._started))

    async def _send(self) -> str | None:
        """Send until the end, and return None, or why the connection ended before.

        Raises:
            ServerError: the daemon refuses this client, and would again.
        """
        url = self._endpoint.url
        try:
            async with self._endpoint.connect() as connection:
                await self._start(connection)
                receiving = asyncio.create_task(self._receive(connection))
                try:
                    await self._send_feeds(connection)
                    await connection.send(encode(End()))
                    await self._wait_for_end(receiving)
                finally:
                    receiving.cancel()
                return None
        except (KeyError, TypeError, ValueError) as error:
            raise ServerError(f"{url}: what answers there is not kws") from error
        except FAILURES as error:
            closed = error.rcvd if isinstance(error, ConnectionClosed) else None
            if closed and closed.code == NAME_TAKEN and not self._sent_s:
                raise ServerError(f"{url}: {closed.reason}") from error
            return self._endpoint.reason(error)

    async def _wait_for_end(self, receiving: asyncio.Task[None]) -> None:
        try:
            async with asyncio.timeout(END_S):
                await receiving
        except TimeoutError:
            url = self._endpoint.url
            raise ServerError(f"{url}: the end of the stream was not confirmed") from None

    async def _start(self, connection: ClientConnection) -> None:
        await connection.send(encode(Start(self._stream, SENT_RATE, "s16le")))
        started = json.loads(await connection.recv())
        log.info(
            "sending stream %r to %s, which listens for: %s",
            *(self._stream, self._endpoint.url, ", ".join(started["keywords"])),
        )
        self._started, self._disconnected = True, False
        # Real time counts from here, for what is not sent yet.
        self._begun = self._clock() - self._sent_s

    async def _receive(self, connection: ClientConnection) -> None:
        """Write the daemon's events until it closes the connection, or one cannot be written."""
        async for message in connection:
            event = json.loads(message)
            if "seq" not in event:
                continue
            try:
                print_line(encode(event), self._output)
            except OutputError as error:
                # Raised in `run`: a source may have no end at which this task is waited for.
                self._output_error = error
                self._output_failed.set()
                return

    async def _send_feeds(self, connection: ClientConnection) -> None:
        """Send feed after feed; one that a break interrupted goes on."""
        fresh = True
        while True:
            if self._feed is None:
                self._feed = await self._feeds.get()
                if self._feed is None:
                    # So that another connection finds the end too.
                    self._feeds.put_nowait(None)
                    return
            await self._send_feed(connection, self._feed, fresh=fresh)
            fresh, self._feed = False, None

    async def _send_feed(self, connection: ClientConnection, feed: Feed, *, fresh: bool) -> None:
        """Send what is left of a feed.

        Args:
            connection: where to.
            feed: what to send.
            fresh: whether nothing was sent over this connection yet.
        """
        behind_s = _BACKLOG_S if self._live else None
        reader = Reader(
            feed,
            SENT_RATE,
            block_s=_BLOCK_S,
            limit_s=_MESSAGE_S,
            behind_s=behind_s,
            name=f"stream {self._stream!r}",
        )
        while True:
            block = await asyncio.to_thread(reader.read)
            if block is None or self._stopping:
                await self._send_samples(connection, reader.end())
                return
            if block.lost:
                seconds = block.lost / SENT_RATE
                log.warning("%.1f s of sound were lost on this side", seconds)
                if not fresh:
                    await self._send_samples(connection, block.rest)
                    await connection.send(encode(Gap(seconds)))
            fresh = False
            await self._send_samples(connection, block.samples)

    async def _send_samples(self, connection: ClientConnection, samples: Samples) -> None:
        if not len(samples):
            return
        if not self._live:
            ahead = self._begun + self._sent_s - self._clock() - _AHEAD_S
            await asyncio.sleep(max(0.0, ahead))
        scaled = np.clip(np.rint(samples * 2.0**15), -(2.0**15), 2.0**15 - 1)
        await connection.send(scaled.astype("<i2").tobytes())
        self._sent_s += len(samples) / SENT_RATE


def stream_name(host: str) -> str:
    """A stream's name by default: that of the machine it comes from."""
    return host.partition(".")[0] or "satellite"
