"""The endpoint /events: a subscriber's filter, and its events."""

import asyncio
import logging
from dataclasses import dataclass

from websockets.frames import CloseCode

from kws.engine.waiting import LoopEvent
from kws.history.queries import Missed
from kws.protocol.events import encode
from kws.protocol.replies import Subscribed
from kws.protocol.requests import BadRequestError, Request, parse_request
from kws.serving.auth import Access
from kws.serving.connection import Delivery, authorise, end, receive
from kws.serving.description import Description
from kws.serving.hub import Hub, Subscription
from kws.serving.limited import LimitedConnection
from kws.serving.metrics import Metrics
from kws.serving.recorder import HistoryRecorder

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class SubscriberEndpoint:
    """Serves subscribers.

    Attributes:
        hub: whose events.
        access: who may subscribe.
        description: makes the first message.
        metrics: count those that are closed because they are too slow.
        queue: events that may wait for a subscriber.
        recorder: of the history; None: there is none.
    """

    hub: Hub
    access: Access
    description: Description
    metrics: Metrics
    queue: int
    recorder: HistoryRecorder | None = None

    async def serve(self, connection: LimitedConnection) -> None:
        """Serve one subscriber until it leaves or is closed."""
        first = await authorise(connection, self.access, self._parse)
        woken = LoopEvent()
        subscription = self.hub.subscribe(woken, self.queue)
        delivery = Delivery(connection, subscription, self.queue, self.metrics)
        try:
            await connection.send(encode(self.description.hello(subscription.first)))
            if first is not None:
                await self._apply(first, subscription)
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(delivery.watch(woken))
                tasks.create_task(delivery.send())
                tasks.create_task(self._receive(connection, subscription))
        finally:
            self.hub.unsubscribe(subscription)

    async def _receive(self, connection: LimitedConnection, subscription: Subscription) -> None:
        """Take the subscriber's requests until it leaves."""
        while True:
            try:
                request = self._parse(await receive(connection))
            except BadRequestError as error:
                log.info("subscriber %s closed: %s", connection.remote_address, error)
                await end(connection, CloseCode.POLICY_VIOLATION, str(error))
            else:
                await self._apply(request, subscription)

    def _parse(self, message: str | bytes) -> Request:
        return parse_request(message, self.description.keywords)

    async def _apply(self, request: Request, subscription: Subscription) -> None:
        """Change the subscriber's filter, and queue what it missed."""
        reply = Subscribed(
            keywords=None if request.keywords is None else tuple(sorted(request.keywords)),
            min_confidence=request.min_confidence,
            streams=None if request.streams is None else tuple(sorted(request.streams)),
        )
        after = (request.after.run, request.after.seq) if request.after else None
        stored: Missed | None = None
        if after is not None and self.recorder is not None and not self.hub.covers(*after):
            stored = await self.recorder.after(*after)
        self.hub.change(subscription, request.filter, reply, after, stored)
