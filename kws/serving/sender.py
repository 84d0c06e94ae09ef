"""The endpoint /audio: one client sends a stream of audio, and gets what is detected in it."""

import asyncio
import logging
from dataclasses import dataclass
from urllib.parse import urlsplit

from websockets.frames import CloseCode

from kws.engine.scores import Observers
from kws.engine.senders import NameTakenError, Senders, SenderStream
from kws.engine.waiting import LoopEvent
from kws.errors import TooFastError
from kws.protocol.codes import NAME_TAKEN, TOO_FAST, WRONG_TOKEN
from kws.protocol.events import Body, StreamEnded, encode
from kws.protocol.replies import SlowDown
from kws.protocol.requests import (
    BadRequestError,
    End,
    Filter,
    Gap,
    Start,
    parse_sender,
    parse_start,
    parse_start_query,
)
from kws.serving.auth import Access
from kws.serving.connection import Delivery, end, first_message, receive, refused
from kws.serving.description import Description
from kws.serving.hub import Hub
from kws.serving.limited import LimitedConnection
from kws.serving.metrics import Metrics
from kws.serving.routes import request_token
from kws.serving.scores import ScoreQueue
from kws.typing import AudioFormat, PcmFormat

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class SenderEndpoint:
    """Serves senders.

    Attributes:
        hub: whose events.
        access: who may send.
        description: makes the first message.
        metrics: count those that are closed because they are too slow.
        queue: events that may wait for a sender.
        senders: processes their streams.
        observers: get the scores of each hop.
    """

    hub: Hub
    access: Access
    description: Description
    metrics: Metrics
    queue: int
    senders: Senders
    observers: Observers

    async def serve(self, connection: LimitedConnection) -> None:
        """Process one stream until it ends, its client leaves or is closed."""
        start = await _start(connection, self.access)
        replaced, woken = asyncio.Event(), LoopEvent()
        subscription = self.hub.subscribe(woken, self.queue)
        scores = ScoreQueue(connection, self.observers)
        stream: SenderStream | None = None
        try:
            self.hub.change(
                subscription,
                Filter(streams=frozenset((start.stream,))),
                self.description.started(start.stream, subscription.first),
            )
            stream = await self._open(connection, start, replaced)
            ending = _StreamEnding(stream, scores)
            delivery = Delivery(connection, subscription, self.queue, self.metrics, ending)
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(delivery.watch(woken))
                tasks.create_task(delivery.send())
                tasks.create_task(_receive(connection, stream))
                tasks.create_task(_make_way(connection, replaced))
                if start.scores:
                    scores.observe(start.stream)
                    tasks.create_task(scores.send())
        finally:
            scores.observe(None)
            self.hub.unsubscribe(subscription)
            if stream is not None:
                stream.abandon("its connection ended")

    async def _open(
        self, connection: LimitedConnection, start: Start, replaced: asyncio.Event
    ) -> SenderStream:
        """Begin the stream.

        Raises:
            ConnectionClosed: another one has its name, and the connection is closed.
        """
        pcm = PcmFormat(AudioFormat(start.sample_rate, start.channels), start.format)
        peer = str(connection.remote_address[0])
        try:
            return self.senders.open(start.stream, pcm, peer, replaced)
        except NameTakenError as error:
            raise await refused(connection, NAME_TAKEN, str(error)) from error


class _StreamEnding:
    """The end of a sender's events: that of its stream; all scores come before it."""

    def __init__(self, stream: SenderStream, scores: ScoreQueue) -> None:
        self._stream, self._scores = stream, scores

    def is_last(self, body: Body) -> bool:
        # An earlier stream of the same name may have ended just before.
        return isinstance(body, StreamEnded) and self._stream.over

    async def flush(self) -> None:
        await self._scores.flush()


async def _start(connection: LimitedConnection, access: Access) -> Start:
    """The request to start: in the address, or in the first message.

    Raises:
        ConnectionClosed: it was wrong or did not come, and the connection is closed.
    """
    assert connection.request is not None
    query = urlsplit(connection.request.path).query
    if not query:
        return await first_message(connection, access, parse_start)
    if access.knows(request_token(connection.request)):
        try:
            return parse_start_query(query)
        except BadRequestError as error:
            raise await refused(connection, CloseCode.POLICY_VIOLATION, str(error)) from error
    raise await refused(connection, WRONG_TOKEN, "the token is wrong, or missing as a header")


async def _receive(connection: LimitedConnection, stream: SenderStream) -> None:
    """Take audio until there is no more of it."""
    while True:
        message = await receive(connection)
        try:
            if isinstance(message, str):
                match parse_sender(message):
                    case Gap(seconds=seconds):
                        stream.gap(seconds)
                    case End():
                        stream.finish()
                        return
                continue
            ahead_s = stream.receive(message)
        except BadRequestError as error:
            log.info("stream %r closed: %s", stream.name, error)
            await end(connection, CloseCode.POLICY_VIOLATION, str(error))
        except TooFastError as error:
            log.warning("stream %r closed: %s", stream.name, error)
            await end(connection, TOO_FAST, str(error))
        else:
            if ahead_s is not None:
                await connection.send(encode(SlowDown(lead_s=round(ahead_s, 2))))


async def _make_way(connection: LimitedConnection, replaced: asyncio.Event) -> None:
    await replaced.wait()
    await end(connection, NAME_TAKEN, "another sender took the name, for nothing came from here")
