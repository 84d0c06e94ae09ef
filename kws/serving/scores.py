"""One client that looks at a stream: what is heard, hop by hop."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass

from msgspec.structs import replace
from websockets.asyncio.server import ServerConnection
from websockets.frames import CloseCode

from kws.engine.scores import Observers
from kws.protocol.events import encode
from kws.protocol.replies import Watching
from kws.protocol.requests import BadRequestError, Filter, Look, parse_look
from kws.serving.auth import Access
from kws.serving.connection import end, first_message
from kws.serving.hub import Hub, Subscription
from kws.serving.showing import Showing

log = logging.getLogger(__name__)

_NEWS = 16
"""Changes that may wait."""


@dataclass(frozen=True)
class Looking:
    """What all who look share.

    Attributes:
        hub: says when there will be no more, or other keywords.
        observers: whom to join.
        access: who may look.
        own_stream: name of the daemon's own stream.
        description: what is the same for all hops, as it is now.
    """

    hub: Hub
    observers: Observers
    access: Access
    own_stream: str
    description: Callable[[], Watching]


async def serve_looker(connection: ServerConnection, shared: Looking) -> None:
    """Show what is heard until the client leaves or is closed."""
    look = await first_message(connection, shared.access, parse_look)
    looker = _Looker(connection, shared, look)
    loop, woken = asyncio.get_running_loop(), asyncio.Event()
    subscription = shared.hub.subscribe(lambda: loop.call_soon_threadsafe(woken.set), _NEWS)
    shared.hub.change(subscription, Filter(frozenset(), streams=frozenset()), lambda replay: "")
    try:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(looker.keep_told(subscription, woken))
            tasks.create_task(looker.send())
            tasks.create_task(looker.receive())
    finally:
        shared.hub.unsubscribe(subscription)
        looker.leave()


class _Looker:
    def __init__(self, connection: ServerConnection, shared: Looking, look: Look) -> None:
        self._connection, self._shared = connection, shared
        self._showing = Showing(connection, shared.observers)
        self._told: Watching | None = None
        self._turn(look)

    async def send(self) -> None:
        """Send each hop, behind what all of them have in common."""
        while True:
            hop = await self._showing.next()
            await self._tell()
            await self._connection.send(encode(hop.message(frames=self._frames)))

    async def receive(self) -> None:
        """Look elsewhere when the client says so."""
        while True:
            try:
                self._turn(parse_look(await self._connection.recv()))
            except BadRequestError as error:
                log.info("client %s closed: %s", self._connection.remote_address, error)
                await end(self._connection, CloseCode.POLICY_VIOLATION, str(error))
            else:
                await self._tell()

    async def keep_told(self, subscription: Subscription, woken: asyncio.Event) -> None:
        """Say what changes for all hops, and goodbye."""
        while True:
            await woken.wait()
            woken.clear()
            await self._tell()
            if None in subscription.take():
                await end(self._connection, CloseCode.GOING_AWAY, "kws is stopping")

    def leave(self) -> None:
        """Look at nothing any more."""
        self._showing.show(None)

    def _turn(self, look: Look) -> None:
        self._stream = look.stream or self._shared.own_stream
        self._frames = look.frames
        self._told = None
        self._showing.show(self._stream)

    async def _tell(self) -> None:
        known = self._shared.description()
        if known != self._told:
            self._told = known
            await self._connection.send(encode(replace(known, stream=self._stream)))
