"""Sends sound to a daemon elsewhere, through all breaks of the line.

What waits while there is no connection stands in the feed's own ring: so the order stays, the
oldest gives way, and how much that was is known.
"""

import asyncio
import json
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidURI

from kws.audio.capture import Capture, Pace
from kws.audio.feed import Feed
from kws.audio.liveness import Patience
from kws.audio.resample import MonoResampler
from kws.audio.source import Source
from kws.client.connection import pause_after, problem
from kws.errors import ServerError
from kws.protocol.codes import NAME_TAKEN
from kws.typing import AudioFormat, Samples

log = logging.getLogger(__name__)

SENT_RATE = 16_000
"""What models hear; more would only cost bandwidth."""
_BLOCK_S = 0.05
_BACKLOG_S = 4.0
"""Sound that is sent late, after a break; the daemon takes a little more at once."""
_AHEAD_S = 0.2
"""A recording is sent in real time, but for so much."""
END_S = 10.0
"""How long the daemon may take to hear the rest."""


@dataclass(frozen=True)
class Destination:
    """Where sound goes.

    Attributes:
        url: of the daemon's `/audio`.
        stream: name of the stream, in events.
        token: the secret; empty for none.
    """

    url: str
    stream: str
    token: str = ""


class Satellite:
    """One source, sent to one daemon.

    Args:
        source: what to send.
        make: a new source, once it was lost.
        destination: where to.
        take: called with each message of the daemon about the stream, a line of JSON.
        clock: seconds, monotonic.
    """

    def __init__(
        self,
        source: Source,
        make: Callable[[], Source],
        destination: Destination,
        take: Callable[[str], object],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._live = source.live
        self._destination, self._take, self._clock = destination, take, clock
        self._feeds: asyncio.Queue[Feed | None] = asyncio.Queue()
        self._feed: Feed | None = None
        self._capture = Capture(
            *(source, make, lambda audio_format: Feed(audio_format, clock), self),
            *(Patience(), Pace(), clock),
        )
        self._sent_s, self._begun = 0.0, 0.0
        self._joined = self._absent = self._stopping = False

    def attach(self, feed: Feed) -> None:
        """What comes next comes from this feed."""
        self._feeds.put_nowait(feed)

    def lose(self, reason: str) -> None:
        """There is no sound; the daemon notices by itself."""

    async def run(self, opened: AudioFormat | None, stopping: asyncio.Event) -> None:
        """Send until the source ends or `stopping` is set.

        Args:
            opened: what the source delivers, if it is open already.
            stopping: ends it; the daemon is told, and hears what it has.

        Raises:
            KwsError: the source was lost for good, or the daemon refuses us.
        """
        capturing = asyncio.create_task(self._capture_all(opened))
        sending = asyncio.create_task(self._send_through_breaks())
        stop = asyncio.create_task(stopping.wait())
        try:
            await asyncio.wait((sending, stop), return_when=asyncio.FIRST_COMPLETED)
            if not sending.done():
                self._stopping = True
                await self._capture.stop(0.2)
                capturing.cancel()
                self._feeds.put_nowait(None)
                # Where nobody answers there is nobody to hear the rest.
                await asyncio.wait((sending,), timeout=0 if self._absent else END_S)
            if sending.done():
                sending.result()
            if capturing.done() and not capturing.cancelled():
                capturing.result()
        finally:
            for task in (capturing, sending, stop):
                task.cancel()

    async def _capture_all(self, opened: AudioFormat | None) -> None:
        try:
            await self._capture.run(opened)
        finally:
            self._feeds.put_nowait(None)

    async def _send_through_breaks(self) -> None:
        failures = 0
        while True:
            self._joined = False
            said = await self._send()
            if said is None:
                return
            if not self._live and not self._sent_s:
                # A satellite waits for its daemon; who sends a recording looks on.
                raise ServerError(said)
            failures = 0 if self._joined else failures + 1
            self._absent = True
            pause = pause_after(failures)
            log.warning("%s; trying again in %g s", said, pause)
            await asyncio.sleep(pause)

    async def _send(self) -> str | None:
        """Send until the end, and return None, or why the connection ended before.

        Raises:
            ServerError: the daemon refuses us, and would again.
        """
        to = self._destination
        headers = {"Authorization": f"Bearer {to.token}"} if to.token else {}
        try:
            async with connect(
                to.url, additional_headers=headers, compression=None, proxy=None
            ) as connection:
                await self._join(connection)
                hearing = asyncio.create_task(self._hear(connection))
                try:
                    await self._send_feeds(connection)
                    await connection.send(json.dumps({"type": "end"}))
                    async with asyncio.timeout(END_S):
                        await hearing
                finally:
                    hearing.cancel()
                return None
        except TimeoutError:
            raise ServerError(f"{to.url}: the end of the stream was not confirmed") from None
        except (KeyError, TypeError, json.JSONDecodeError) as error:
            raise ServerError(f"{to.url}: what answers there is not kws") from error
        except ConnectionClosed as error:
            if error.rcvd and error.rcvd.code == NAME_TAKEN and not self._sent_s:
                raise ServerError(f"{to.url}: {error.rcvd.reason}") from error
            return problem(to.url, "/audio", error)
        except (OSError, InvalidHandshake, InvalidURI) as error:
            return problem(to.url, "/audio", error)

    async def _join(self, connection: ClientConnection) -> None:
        start = {
            "type": "start",
            "stream": self._destination.stream,
            "sample_rate": SENT_RATE,
            "format": "s16le",
        }
        await connection.send(json.dumps(start))
        started = json.loads(await connection.recv())
        log.info(
            "sending stream %r to %s, which listens for: %s",
            *(self._destination.stream, self._destination.url, ", ".join(started["keywords"])),
        )
        self._joined, self._absent = True, False
        # What was sent over another connection has been paid for by the clock.
        self._begun = self._clock() - self._sent_s

    async def _hear(self, connection: ClientConnection) -> None:
        """Take what the daemon says, until it has said all."""
        async for message in connection:
            if isinstance(message, str) and "seq" in json.loads(message):
                self._take(message)

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
        rate = feed.format.sample_rate
        resampler = MonoResampler(rate, SENT_RATE)
        behind = round(_BACKLOG_S * rate) if self._live else None
        while True:
            chunk = await asyncio.to_thread(
                feed.read, round(_BLOCK_S * rate), limit=round(rate * 1.0), behind=behind
            )
            if chunk is None or self._stopping:
                await self._send_samples(connection, resampler.flush())
                return
            if chunk.lost:
                seconds = chunk.lost / rate
                log.warning("%.1f s of sound were lost on this side", seconds)
                if not fresh:
                    await self._send_samples(connection, resampler.flush())
                    await connection.send(json.dumps({"type": "gap", "seconds": seconds}))
            fresh = False
            await self._send_samples(connection, resampler.push(chunk.frames))

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
