"""One subscriber's websocket: its wishes and its events."""

import asyncio
import logging
from collections.abc import Callable, Collection
from dataclasses import dataclass

from msgspec import UNSET
from websockets.asyncio.server import ServerConnection
from websockets.frames import CloseCode

from kws.protocol.events import encode
from kws.protocol.replies import Replay, Subscribed
from kws.protocol.requests import BadRequestError, Request, parse_request
from kws.serving.auth import Access
from kws.serving.connection import Delivery, authorise, end, subscribe
from kws.serving.hub import Hub, Subscription

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class SubscriberEndpoint:
    """What all subscribers share.

    Attributes:
        hub: whose events.
        access: who may subscribe.
        greeting: makes the first message from the next event's number.
        keywords: what a filter may name.
        queue: events that may wait for a subscriber.
        too_slow: called when one is closed for that.
    """

    hub: Hub
    access: Access
    greeting: Callable[[int], str]
    keywords: Callable[[], Collection[str]]
    queue: int
    too_slow: Callable[[], object]


async def serve_subscriber(connection: ServerConnection, shared: SubscriberEndpoint) -> None:
    """Serve one subscriber until it leaves or is closed."""

    def parse(message: str | bytes) -> Request:
        return parse_request(message, shared.keywords())

    first = await authorise(connection, shared.access, parse)
    subscription, woken = subscribe(shared.hub, shared.queue)
    delivery = Delivery(connection, subscription, shared.queue, shared.too_slow)
    try:
        await connection.send(shared.greeting(subscription.first))
        if first is not None:
            _apply(first, subscription, shared)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(delivery.watch(woken))
            tasks.create_task(delivery.send())
            tasks.create_task(_receive(connection, subscription, shared, parse))
    finally:
        shared.hub.unsubscribe(subscription)


async def _receive(
    connection: ServerConnection,
    subscription: Subscription,
    shared: SubscriberEndpoint,
    parse: Callable[[str | bytes], Request],
) -> None:
    """Take what the subscriber says until it leaves."""
    while True:
        try:
            request = parse(await connection.recv())
        except BadRequestError as error:
            log.info("subscriber %s closed: %s", connection.remote_address, error)
            await end(connection, CloseCode.POLICY_VIOLATION, str(error))
        else:
            _apply(request, subscription, shared)


def _apply(request: Request, subscription: Subscription, shared: SubscriberEndpoint) -> None:
    """Do what the subscriber asks for."""
    after = (request.after.run, request.after.seq) if request.after else None
    shared.hub.change(subscription, request.filter, _subscribed(request), after)


def _subscribed(request: Request) -> Callable[[Replay | None], str]:
    """The answer to a request, once it is known what can be sent again."""

    def answer(replay: Replay | None) -> str:
        return encode(
            Subscribed(
                keywords=None if request.keywords is None else tuple(sorted(request.keywords)),
                min_confidence=request.min_confidence,
                streams=None if request.streams is None else tuple(sorted(request.streams)),
                replay=UNSET if replay is None else replay,
            )
        )

    return answer
