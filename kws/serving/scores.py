"""The endpoint /scores: the posteriors of a stream, hop by hop; a slow client misses some."""

import asyncio
import logging
from collections import deque
from dataclasses import dataclass

from websockets.frames import CloseCode

from kws.engine.scores import Hop, Observers
from kws.engine.waiting import LoopEvent
from kws.protocol.events import encode
from kws.protocol.replies import Watching
from kws.protocol.requests import BadRequestError, Filter, ScoresRequest, parse_scores_request
from kws.serving.auth import Access
from kws.serving.connection import end, first_message, receive
from kws.serving.description import Description
from kws.serving.hub import Hub, Subscription
from kws.serving.limited import LimitedConnection

log = logging.getLogger(__name__)

_CHANGES = 16
"""Changes that may wait."""
_WAITING = 50
"""Hops that may wait for a client; old ones are worth nothing."""


class ScoreQueue:
    """Takes the hops of one stream to a client; a slow one misses some.

    Args:
        connection: of the client.
        observers: whom to join.
    """

    def __init__(self, connection: LimitedConnection, observers: Observers) -> None:
        self._connection, self._observers = connection, observers
        self._loop = asyncio.get_running_loop()
        self._waiting: deque[Hop] = deque(maxlen=_WAITING)
        self._some = asyncio.Event()
        self._stream: str | None = None

    def observe(self, stream: str | None) -> None:
        """Take the hops of another stream from here on; None: of none."""
        if self._stream is not None:
            self._observers.remove(self._stream, self._add)
        self._stream = stream
        self._waiting.clear()
        if stream is not None:
            self._observers.add(stream, self._add)

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

    def _add(self, hop: Hop) -> None:
        """From the inference thread."""
        self._loop.call_soon_threadsafe(self._take, hop)

    def _take(self, hop: Hop) -> None:
        if hop.stream == self._stream:
            self._waiting.append(hop)
            self._some.set()


@dataclass(frozen=True)
class ScoresEndpoint:
    """Serves clients of /scores.

    Attributes:
        hub: its events announce other keywords, and the end.
        access: who may connect.
        description: what is the same for all hops.
        observers: get the scores of each hop.
    """

    hub: Hub
    access: Access
    description: Description
    observers: Observers

    async def serve(self, connection: LimitedConnection) -> None:
        """Send a stream's scores until the client leaves or is closed."""
        request = await first_message(connection, self.access, parse_scores_request)
        scores, woken = ScoreQueue(connection, self.observers), LoopEvent()
        client = _ScoresClient(connection, scores, self.description, request)
        subscription = self.hub.subscribe(woken, _CHANGES)
        self.hub.change(subscription, Filter(frozenset(), streams=frozenset()))
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(client.send_changes(subscription, woken))
                tasks.create_task(client.send())
                tasks.create_task(client.receive())
        finally:
            self.hub.unsubscribe(subscription)
            scores.observe(None)


class _ScoresClient:
    def __init__(
        self,
        connection: LimitedConnection,
        scores: ScoreQueue,
        description: Description,
        request: ScoresRequest,
    ) -> None:
        self._connection, self._scores = connection, scores
        self._description = description
        self._sent: Watching | None = None
        self._watch(request)

    async def send(self) -> None:
        """Send each hop, behind what all of them have in common."""
        while True:
            hop = await self._scores.next()
            await self._send_watching()
            await self._connection.send(encode(hop.message(frames=self._frames)))

    async def receive(self) -> None:
        """Go over to another stream when the client requests it."""
        while True:
            try:
                self._watch(parse_scores_request(await receive(self._connection)))
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

    def _watch(self, request: ScoresRequest) -> None:
        self._stream = request.stream or self._description.own_stream
        self._frames = request.frames
        self._sent = None
        self._scores.observe(self._stream)

    async def _send_watching(self) -> None:
        watching = self._description.watching(self._stream)
        if watching != self._sent:
            self._sent = watching
            await self._connection.send(encode(watching))
