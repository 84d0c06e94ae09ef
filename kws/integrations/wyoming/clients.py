"""Who is connected: how many there may be, who makes way, and when and as what streams begin."""

import asyncio
from collections.abc import Iterator

from kws.engine.senders import SenderStream
from kws.integrations.wyoming.connection import Connection
from kws.serving.rate import MessageCounter, MessageRate
from kws.typing import Clock

STARTS = MessageRate(per_second=10, burst=20)
"""Streams that all clients together begin; more of them wait."""
STREAMING_S = 10.0
"""A client that has sent audio within so many seconds makes way for nobody."""


class Clients:
    """The connections of a service.

    Where there is no place for another one, the one that is least missed makes way: one that has
    never sent an event, else the one whose last event is longest ago. So a program that opens
    connections and sends nothing keeps nobody out.

    Args:
        most: that there may be.
        clock: seconds, monotonic.
    """

    def __init__(self, most: int, clock: Clock) -> None:
        self._most, self._clock = most, clock
        self._connections: dict[Connection, None] = {}

    def __iter__(self) -> Iterator[Connection]:
        return iter(tuple(self._connections))

    def __len__(self) -> int:
        return len(self._connections)

    @property
    def full(self) -> bool:
        """Whether there is no place for another one."""
        return len(self._connections) >= self._most

    def add(self, connection: Connection) -> None:
        """A client has connected."""
        self._connections[connection] = None

    def remove(self, connection: Connection) -> None:
        """It has left."""
        self._connections.pop(connection, None)

    def least_missed(self) -> Connection | None:
        """The one that makes way; None: all of them send audio."""
        now = self._clock()
        idle = [
            each
            for each in self._connections
            if each.last_audio is None or now - each.last_audio > STREAMING_S
        ]
        return min(idle, key=_importance, default=None)


def _importance(connection: Connection) -> tuple[bool, float]:
    if connection.last_event is None:
        return False, connection.opened
    return True, connection.last_event


class Names:
    """Names of streams: the lowest number that is free, for figures are kept of each name.

    A name is free again when all of its last stream was processed: the next one's events must not
    be taken for those of that one.
    """

    def __init__(self) -> None:
        self._taken = set[str]()
        self._ending = list[SenderStream]()

    def take(self) -> str:
        """One that nobody has."""
        over = {each.name for each in self._ending if each.over}
        self._ending = [each for each in self._ending if not each.over]
        self._taken -= over
        number = 1
        while (name := f"wyoming-{number}") in self._taken:
            number += 1
        self._taken.add(name)
        return name

    def release(self, last: SenderStream) -> None:
        """Whoever had this stream needs its name no more."""
        self._ending.append(last)


class Turns:
    """Lets streams begin one after the other: each costs a millisecond and more.

    Args:
        clock: seconds, monotonic.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._counter = MessageCounter(STARTS, clock())
        self._queue = asyncio.Lock()

    async def wait(self) -> None:
        """Wait for a turn, behind all who wait already."""
        async with self._queue:
            if not self._counter.take(self._clock()):
                await asyncio.sleep(1 / STARTS.per_second)
