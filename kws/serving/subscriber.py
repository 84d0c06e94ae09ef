"""One subscriber's websocket: its token, its wishes, its events, and its end."""

import asyncio
import logging
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed
from websockets.frames import CloseCode

from kws.events import VERSION, to_json
from kws.serving.access import Access
from kws.serving.http import request_token
from kws.serving.hub import Hub, Replay, Subscription
from kws.serving.requests import BadRequestError, Request, parse_request

log = logging.getLogger(__name__)

TOO_SLOW = 4008
WRONG_TOKEN = 4401
TOKEN_SECONDS = 5.0
CLOSE_SECONDS = 2.0


@dataclass(frozen=True)
class Subscribing:
    """What all subscribers share.

    Attributes:
        hub: whose events.
        access: who may subscribe.
        greeting: makes the first message from the next event's number.
        keywords: what a filter may name.
        queue: events that may wait for a subscriber.
    """

    hub: Hub
    access: Access
    greeting: Callable[[int], str]
    keywords: Callable[[], Collection[str]]
    queue: int


async def serve_subscriber(connection: ServerConnection, shared: Subscribing) -> None:
    """Serve one subscriber until it leaves or is closed."""
    try:
        first = await _authorise(connection, shared)
        loop, woken = asyncio.get_running_loop(), asyncio.Event()

        def wake() -> None:
            loop.call_soon_threadsafe(woken.set)

        subscription = shared.hub.subscribe(wake, shared.queue)
        try:
            await connection.send(shared.greeting(subscription.first))
            subscriber = _Subscriber(connection, subscription, shared)
            if first is not None:
                subscriber.apply(first)
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(subscriber.watch(woken))
                tasks.create_task(subscriber.send())
                tasks.create_task(subscriber.receive())
        finally:
            shared.hub.unsubscribe(subscription)
    except* ConnectionClosed:
        log.debug("subscriber %s left", connection.remote_address)


async def _authorise(connection: ServerConnection, shared: Subscribing) -> Request | None:
    """Wait for the token where the connection did not bring it as a header.

    Returns:
        The message that brought it.

    Raises:
        ConnectionClosed: it was wrong or did not come, and the connection is closed.
    """
    assert connection.request is not None
    token = request_token(connection.request)
    if shared.access.knows(token):
        return None
    try:
        if token is not None:
            raise BadRequestError("the token is wrong")
        async with asyncio.timeout(TOKEN_SECONDS):
            request = parse_request(await connection.recv(), shared.keywords())
        if shared.access.knows(request.token):
            return request
        reason = "the token is wrong, or missing in the first message"
    except TimeoutError:
        reason = "send the token, as a header or in the first message"
    except BadRequestError as error:
        reason = str(error)
    log.warning("subscriber %s refused: %s", connection.remote_address, reason)
    await _end(connection, WRONG_TOKEN, reason)
    raise connection.protocol.close_exc


class _Subscriber:
    def __init__(
        self, connection: ServerConnection, subscription: Subscription, shared: Subscribing
    ) -> None:
        self._connection = connection
        self._subscription = subscription
        self._shared = shared
        self._pending = asyncio.Event()

    async def receive(self) -> None:
        """Take what the subscriber says until it leaves."""
        while True:
            try:
                request = parse_request(await self._connection.recv(), self._shared.keywords())
            except BadRequestError as error:
                log.info("subscriber %s closed: %s", self._connection.remote_address, error)
                await _end(self._connection, CloseCode.POLICY_VIOLATION, str(error))
            else:
                self.apply(request)

    def apply(self, request: Request) -> None:
        """Do what the subscriber asks for."""
        after = (request.after.run, request.after.seq) if request.after else None
        self._shared.hub.change(self._subscription, request.filter, _subscribed(request), after)

    async def watch(self, woken: asyncio.Event) -> None:
        """Pass the hub's call on, and close who cannot keep up, even while a send to it hangs."""
        while True:
            await woken.wait()
            woken.clear()
            self._pending.set()
            if self._subscription.missed:
                reason = f"too slow: more than {self._shared.queue} events were waiting"
                log.warning("subscriber %s closed, %s", self._connection.remote_address, reason)
                await _end(self._connection, TOO_SLOW, reason)
                return

    async def send(self) -> None:
        """Send what waits, in order, to the end."""
        while True:
            await self._pending.wait()
            self._pending.clear()
            for message in self._subscription.take():
                if message is None:
                    await _end(self._connection, CloseCode.GOING_AWAY, "kws is stopping")
                elif isinstance(message, str):
                    await self._connection.send(message)
                else:
                    await self._connection.send(message.to_json())


def _subscribed(request: Request) -> Callable[[Replay | None], str]:
    """The answer to a request, once it is known what can be sent again."""

    def answer(replay: Replay | None) -> str:
        message: dict[str, Any] = {
            "type": "subscribed",
            "v": VERSION,
            "keywords": None if request.keywords is None else sorted(request.keywords),
            "min_confidence": request.min_confidence,
        }
        if replay is not None:
            message["replay"] = {"events": replay.events, "complete": replay.complete}
        return to_json(message)

    return answer


async def _end(connection: ServerConnection, code: int, reason: str) -> None:
    """Close, and cut the line where the client does not even take that."""
    try:
        async with asyncio.timeout(CLOSE_SECONDS):
            # A close frame holds 123 bytes of reason.
            await connection.close(code, reason.encode()[:120].decode(errors="ignore"))
    except TimeoutError:
        connection.transport.abort()
