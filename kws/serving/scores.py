"""The endpoint /scores: the posteriors of a stream, hop by hop; a slow client misses some."""

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from msgspec.structs import replace
from websockets.asyncio.server import ServerConnection
from websockets.frames import CloseCode

from kws.engine.scores import Hop, Observers
from kws.protocol.events import encode
from kws.protocol.replies import Watching
from kws.protocol.requests import BadRequestError, Filter, ScoresRequest, parse_scores_request
from kws.serving.auth import Access
from kws.serving.connection import end, first_message, subscribe
from kws.serving.hub import Hub, Subscription

log = logging.getLogger(__name__)

_CHANGES = 16
"""Changes that may wait."""


_WAITING = 50
"""Hops that may wait for a client; a look at old ones is worth nothing."""


class ScoreQueue:
    """Takes the hops of one stream to a client; a slow one misses some.

    Args:
        connection: of the client.
        observers: whom to join.
    """

    def __init__(self, connection: ServerConnection, observers: Observers) -> None:
        self._connection, self._observers = connection, observers
        self._loop = asyncio.get_running_loop()
        self._waiting: deque[Hop] = deque(maxlen=_WAITING)
        self._some = asyncio.Event()
        self._stream: str | None = None

    def show(self, stream: str | None) -> None:
        """Show another stream from here on; None: none."""
        if self._stream is not None:
            self._observers.remove(self._stream, self._observe)
        self._stream = stream
        self._waiting.clear()
        if stream is not None:
            self._observers.add(stream, self._observe)

    async def next(self) -> Hop:
        """The next hop, once there is one."""
        while not self._waiting:
            self._some.clear()
            await self._some.wait()
        return self._waiting.popleft()

    async def send(self) -> None:
        """Send each hop without its frames, until the connection is closed."""
        while True:
            await self._send(await self.next())

    async def flush(self) -> None:
        """Send what waits, without its frames."""
        while self._waiting:
            await self._send(self._waiting.popleft())

    async def _send(self, hop: Hop) -> None:
        await self._connection.send(encode(hop.message(frames=False)))

    def _observe(self, hop: Hop) -> None:
        """From the inference thread."""
        self._loop.call_soon_threadsafe(self._take, hop)

    def _take(self, hop: Hop) -> None:
        if hop.stream == self._stream:
            self._waiting.append(hop)
            self._some.set()


@dataclass(frozen=True)
class ScoresEndpoint:
    """What all clients of /scores share.

    Attributes:
        hub: says when there will be no more, or other keywords.
        observers: give the scores of each hop.
        access: who may connect.
        own_stream: name of the daemon's own stream.
        description: what is the same for all hops, as it is now.
    """

    hub: Hub
    observers: Observers
    access: Access
    own_stream: str
    description: Callable[[], Watching]


async def serve_scores(connection: ServerConnection, shared: ScoresEndpoint) -> None:
    """Send a stream's scores until the client leaves or is closed."""
    request = await first_message(connection, shared.access, parse_scores_request)
    client = _ScoresClient(connection, shared, request)
    subscription, woken = subscribe(shared.hub, _CHANGES)
    shared.hub.change(subscription, Filter(frozenset(), streams=frozenset()), lambda replay: "")
    try:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(client.send_changes(subscription, woken))
            tasks.create_task(client.send())
            tasks.create_task(client.receive())
    finally:
        shared.hub.unsubscribe(subscription)
        client.close()


class _ScoresClient:
    def __init__(
        self, connection: ServerConnection, shared: ScoresEndpoint, request: ScoresRequest
    ) -> None:
        self._connection, self._shared = connection, shared
        self._scores = ScoreQueue(connection, shared.observers)
        self._sent: Watching | None = None
        self._watch(request)

    async def send(self) -> None:
        """Send each hop, behind what all of them have in common."""
        while True:
            hop = await self._scores.next()
            await self._send_watching()
            await self._connection.send(encode(hop.message(frames=self._frames)))

    async def receive(self) -> None:
        """Go over to another stream when the client asks for it."""
        while True:
            try:
                self._watch(parse_scores_request(await self._connection.recv()))
            except BadRequestError as error:
                log.info("client %s closed: %s", self._connection.remote_address, error)
                await end(self._connection, CloseCode.POLICY_VIOLATION, str(error))
            else:
                await self._send_watching()

    async def send_changes(self, subscription: Subscription, woken: asyncio.Event) -> None:
        """Send what changes for all hops, and close at the hub's end."""
        while True:
            await woken.wait()
            woken.clear()
            await self._send_watching()
            if None in subscription.take():
                await end(self._connection, CloseCode.GOING_AWAY, "kws is stopping")

    def close(self) -> None:
        """Take no scores any more."""
        self._scores.show(None)

    def _watch(self, request: ScoresRequest) -> None:
        self._stream = request.stream or self._shared.own_stream
        self._frames = request.frames
        self._sent = None
        self._scores.show(self._stream)

    async def _send_watching(self) -> None:
        known = self._shared.description()
        if known != self._sent:
            self._sent = known
            await self._connection.send(encode(replace(known, stream=self._stream)))
