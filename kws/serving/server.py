"""The port: takes connections, counts them, and says goodbye to them."""

import asyncio
import contextlib
import errno
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass
from http import HTTPStatus

from websockets.asyncio.server import Server as WebsocketServer
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from kws.errors import ServerError
from kws.serving.connection import CLOSE_SECONDS, TOKEN_SECONDS
from kws.serving.routes import Pages, refuse

log = logging.getLogger(__name__)

MESSAGE_LIMIT = 16 * 1024
"""Bytes of a client's message."""
SOUND_LIMIT = 1024 * 1024
"""Bytes of a message with sound in it."""
RESERVE = 32
"""Connections beyond the seats, so that /health answers when the house is full."""
GOODBYE_SECONDS = 0.3
_BACKLOG = 1024


@dataclass(frozen=True)
class Room:
    """A websocket.

    Attributes:
        serve: serves one client until it leaves.
        seats: the setting that says how many clients there may be.
        message_limit: bytes of a client's message.
    """

    serve: Callable[[ServerConnection], Awaitable[None]]
    seats: str
    message_limit: int = MESSAGE_LIMIT


class Server:
    """Serves websockets, and some pages.

    Args:
        rooms: the websockets, by path.
        pages: all else.
        seats: clients at a time, by the setting that says so.

    Attributes:
        goodbye_s: how long clients may take to read their last events at the end, seconds.
    """

    def __init__(self, rooms: Mapping[str, Room], pages: Pages, seats: Mapping[str, int]) -> None:
        self._rooms = rooms
        self._pages = pages
        self._seats = seats
        self._connections = 0
        self._seated: dict[ServerConnection, Room] = {}
        self.goodbye_s = GOODBYE_SECONDS

    @contextlib.asynccontextmanager
    async def listening(self, host: str, port: int) -> AsyncIterator[int]:
        """Serve until the block is left; gives the port.

        Close the hub before leaving it: then subscribers have got their last events and 1001.

        Raises:
            ServerError: the address or port cannot be had.
        """
        try:
            server = await serve(
                self._serve,
                host,
                port,
                process_request=self._answer,
                create_connection=_counted_connection(self._arrived, self._left),
                compression=None,
                max_size=MESSAGE_LIMIT,
                max_queue=4,
                open_timeout=TOKEN_SECONDS,
                close_timeout=CLOSE_SECONDS,
                server_header=None,
                backlog=_BACKLOG,
                logger=_library_log(),
            )
        except OSError as error:
            taken = "; is another kws running there?" if error.errno == errno.EADDRINUSE else ""
            raise ServerError(
                f"cannot listen on {host} port {port} (server.host, server.port): "
                f"{error.strerror or error}{taken}"
            ) from error
        try:
            yield server.sockets[0].getsockname()[1]
        finally:
            await _close(server, self._seated, self.goodbye_s)

    async def _answer(self, connection: ServerConnection, request: Request) -> Response | None:
        try:
            response = await self._pages.answer(request)
        except Exception:
            log.exception("a request for %s failed; please report it", request.path)
            return refuse(HTTPStatus.INTERNAL_SERVER_ERROR, "an error in kws; see its log")
        if response is None:
            room = self._rooms[request.path.partition("?")[0]]
            taken = sum(each.seats == room.seats for each in self._seated.values())
            if taken >= self._seats[room.seats]:
                return _busy(room.seats)
            self._seated[connection] = room
            connection.protocol.max_message_size = room.message_limit
        return response

    async def _serve(self, connection: ServerConnection) -> None:
        try:
            await self._seated[connection].serve(connection)
        except* ConnectionClosed:
            log.debug("client %s left", connection.remote_address)
        except* Exception:
            log.exception("a client's connection failed; please report it")
            raise

    def clients(self, path: str) -> int:
        """How many a room has."""
        return sum(each is self._rooms[path] for each in self._seated.values())

    def _arrived(self) -> bool:
        self._connections += 1
        return self._connections <= sum(self._seats.values()) + RESERVE

    def _left(self, connection: ServerConnection) -> None:
        self._connections -= 1
        self._seated.pop(connection, None)


def _busy(setting: str) -> Response:
    return refuse(HTTPStatus.SERVICE_UNAVAILABLE, f"too many connections (server.{setting})")


def _counted_connection(
    arrived: Callable[[], bool], left: Callable[[ServerConnection], None]
) -> type[ServerConnection]:
    """Connections that count from their first byte on, before any handshake.

    Args:
        arrived: called for each; false turns it away.
        left: called when it has ended.
    """

    class CountedConnection(ServerConnection):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            super().connection_made(transport)
            if not arrived():
                assert isinstance(transport, asyncio.WriteTransport)
                transport.write(_busy("max_connections").serialize())
                transport.close()

        def connection_lost(self, exc: Exception | None) -> None:
            left(self)
            super().connection_lost(exc)

    return CountedConnection


async def _close(
    server: WebsocketServer, seated: Collection[ServerConnection], patience: float
) -> None:
    """Take no more clients, and cut those off that have not taken the hub's goodbye in time."""
    server.close(close_connections=False)
    leaving = [asyncio.create_task(each.wait_closed()) for each in seated]
    if leaving:
        await asyncio.wait(leaving, timeout=patience)
    for connection in list(seated):
        connection.transport.abort()


def _library_log() -> logging.Logger:
    """The library's own messages: a client's bad handshake is no error of ours."""
    logger = logging.getLogger("websockets.server")
    logger.setLevel(logging.CRITICAL)
    return logger
