"""One client that sends a stream of sound, and gets back what was heard in it."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

from websockets.asyncio.server import ServerConnection
from websockets.frames import CloseCode

from kws.engine.scores import Observers
from kws.engine.senders import NameTakenError, Senders, SenderStream
from kws.errors import TooFastError
from kws.protocol.codes import NAME_TAKEN, TOO_FAST, WRONG_TOKEN
from kws.protocol.events import StreamEnded, encode
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
from kws.serving.connection import Delivery, end, first_message, refused, subscribe
from kws.serving.hub import Hub
from kws.serving.routes import request_token
from kws.serving.scores import ScoreQueue
from kws.typing import AudioFormat, PcmFormat

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class SenderEndpoint:
    """What all senders share.

    Attributes:
        hub: whose events.
        access: who may send.
        streams: what they become.
        observers: who look at hops.
        greeting: makes the answer to a start, from the stream's name and the next event's number.
        queue: events that may wait for a sender.
        too_slow: called when one is closed for that.
    """

    hub: Hub
    access: Access
    streams: Senders
    observers: Observers
    greeting: Callable[[str, int], str]
    queue: int
    too_slow: Callable[[], object]


async def serve_sender(connection: ServerConnection, shared: SenderEndpoint) -> None:
    """Hear one stream until it ends, its client leaves or is closed."""
    start = await _start(connection, shared.access)
    replaced = asyncio.Event()
    pcm = PcmFormat(AudioFormat(start.sample_rate, start.channels), start.format)
    subscription, woken = subscribe(shared.hub, shared.queue)
    scores = ScoreQueue(connection, shared.observers)
    stream: SenderStream | None = None
    try:
        shared.hub.change(
            subscription,
            Filter(streams=frozenset((start.stream,))),
            lambda replay: shared.greeting(start.stream, subscription.first),
        )
        try:
            stream = shared.streams.open(
                start.stream, pcm, str(connection.remote_address[0]), replaced.set
            )
        except NameTakenError as error:
            raise await refused(connection, NAME_TAKEN, str(error)) from error
        opened = stream
        delivery = Delivery(
            *(connection, subscription, shared.queue, shared.too_slow),
            last=lambda body: isinstance(body, StreamEnded) and opened.over,
            flush=scores.flush,
        )
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(delivery.watch(woken))
            tasks.create_task(delivery.send())
            tasks.create_task(_receive(connection, opened))
            tasks.create_task(_make_way(connection, replaced))
            if start.scores:
                scores.show(start.stream)
                tasks.create_task(scores.send())
    finally:
        scores.show(None)
        shared.hub.unsubscribe(subscription)
        if stream is not None:
            stream.abandon("its connection ended")


async def _start(connection: ServerConnection, access: Access) -> Start:
    """What will come: said in the address, or in the first message.

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


async def _receive(connection: ServerConnection, stream: SenderStream) -> None:
    """Take sound until there is no more of it."""
    while True:
        message = await connection.recv()
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


async def _make_way(connection: ServerConnection, replaced: asyncio.Event) -> None:
    await replaced.wait()
    await end(connection, NAME_TAKEN, "another sender took the name, for nothing came from here")
