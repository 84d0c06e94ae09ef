"""Hops on their way to a client: the newest, and all of them before a good end."""

import asyncio
import json
from datetime import UTC, datetime
from typing import cast

import numpy as np

from kws.engine.scores import Hop, Observers
from kws.engine.waiting import LoopEvent
from kws.protocol.events import Body, StreamEnded
from kws.protocol.replies import SlowDown
from kws.protocol.requests import Filter
from kws.serving.connection import Delivery
from kws.serving.hub import Hub
from kws.serving.limited import LimitedConnection
from kws.serving.metrics import Metrics
from kws.serving.scores import ScoreQueue
from tests.support.limits import limit

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


class Line:
    """What a client gets, in order: type and time of messages, then the code of the end."""

    def __init__(self) -> None:
        self.got: list[object] = []
        self.closed = asyncio.Event()

    async def send(self, message: str) -> None:
        """Take a message."""
        said = json.loads(message)
        self.got.append((said["type"], said.get("t")))

    async def close(self, code: int, reason: str) -> None:
        """Take the end."""
        self.got.append(code)
        self.closed.set()


class EndOfStream:
    """The end of a client's events, at that of any stream."""

    def __init__(self, scores: ScoreQueue) -> None:
        self._scores = scores

    def is_last(self, body: Body) -> bool:
        return isinstance(body, StreamEnded)

    async def flush(self) -> None:
        await self._scores.flush()


def hop(t: float, stream: str = "kitchen") -> Hop:
    return Hop(stream, t, 0.1, {}, {}, np.zeros((40, 10), np.float32))


def show(observers: Observers, *hops: Hop) -> None:
    for each in hops:
        observers.show(each)


def test_a_stream_that_ends_by_request_has_had_all_its_hops_sent() -> None:
    async def test() -> None:
        line, observers, hub = Line(), Observers(), Hub("run", lambda: NOON)
        connection = cast(LimitedConnection, line)
        woken = LoopEvent()
        subscription = hub.subscribe(woken, 10)
        hub.change(subscription, Filter(), SlowDown(lead_s=3.0))
        scores = ScoreQueue(connection, observers)
        scores.observe("kitchen")
        delivery = Delivery(connection, subscription, 10, Metrics(hub), EndOfStream(scores))
        show(observers, hop(1.0), hop(1.1), hop(1.2))
        hub.publish(StreamEnded("kitchen", 1.2, "its sender said so"))
        # The one that sends hops comes too late in any case: here it does not come at all.
        tasks = [asyncio.create_task(each) for each in (delivery.watch(woken), delivery.send())]
        await asyncio.wait_for(line.closed.wait(), limit(10))
        for task in tasks:
            task.cancel()
        sent = [("scores", 1.0), ("scores", 1.1), ("scores", 1.2)]
        assert line.got == [("slow-down", None), *sent, ("status", 1.2), 1000]

    asyncio.run(test())


def test_a_slow_client_gets_the_newest_and_none_of_another_stream() -> None:
    async def test() -> None:
        line, observers = Line(), Observers()
        scores = ScoreQueue(cast(LimitedConnection, line), observers)
        scores.observe("kitchen")
        show(observers, *(hop(float(t)) for t in range(60)))
        await asyncio.sleep(0)
        await scores.flush()
        assert line.got == [("scores", float(t)) for t in range(10, 60)]
        show(observers, hop(60.0))
        scores.observe("hall")
        show(observers, hop(61.0), hop(2.0, "hall"))
        await asyncio.sleep(0)
        await scores.flush()
        assert line.got[50:] == [("scores", 2.0)]
        scores.observe(None)
        assert not observers.wanted("hall")

    asyncio.run(test())
