"""Hops on their way to a client: the newest ones, where it cannot take all."""

import asyncio
from collections import deque

from websockets.asyncio.server import ServerConnection

from kws.engine.scores import Hop, Observers
from kws.protocol.events import encode

_WAITING = 50
"""Hops that may wait for a client; a look at old ones is worth nothing."""


class Showing:
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
            self._observers.remove(self._stream, self._look)
        self._stream = stream
        self._waiting.clear()
        if stream is not None:
            self._observers.add(stream, self._look)

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

    def _look(self, hop: Hop) -> None:
        """From the thread that hears."""
        self._loop.call_soon_threadsafe(self._take, hop)

    def _take(self, hop: Hop) -> None:
        if hop.stream == self._stream:
            self._waiting.append(hop)
            self._some.set()
