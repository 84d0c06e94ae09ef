"""The port: takes connections, counts them, and says goodbye to them."""

import asyncio
import contextlib
import errno
import logging
from collections.abc import AsyncIterator, Callable
from http import HTTPStatus

from websockets.asyncio.server import Server as WebsocketServer
from websockets.asyncio.server import ServerConnection, serve
from websockets.http11 import Request, Response

from kws.errors import ServerError
from kws.serving.http import Pages, refuse
from kws.serving.subscriber import CLOSE_SECONDS, TOKEN_SECONDS, Subscribing, serve_subscriber

log = logging.getLogger(__name__)

MESSAGE_LIMIT = 16 * 1024
"""Bytes of a subscriber's message."""
RESERVE = 32
"""Connections beyond the subscribers, so that /health answers when the house is full."""
GOODBYE_SECONDS = 0.3
_BACKLOG = 1024
_BUSY = "too many connections (server.max_connections)"


class EventServer:
    """Serves a hub's events as a websocket, and some pages.

    Args:
        subscribing: what all subscribers share.
        pages: what is not the websocket.
        max_connections: subscribers at a time.

    Attributes:
        goodbye_s: how long subscribers may take to read their last events at the end, seconds.
    """

    def __init__(self, subscribing: Subscribing, pages: Pages, max_connections: int) -> None:
        self._subscribing = subscribing
        self._pages = pages
        self._max_connections = max_connections
        self._connections = 0
        self._seated: set[ServerConnection] = set()
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
            if len(self._seated) >= self._max_connections:
                return refuse(HTTPStatus.SERVICE_UNAVAILABLE, _BUSY)
            self._seated.add(connection)
        return response

    async def _serve(self, connection: ServerConnection) -> None:
        try:
            await serve_subscriber(connection, self._subscribing)
        except Exception:
            log.exception("a subscriber's connection failed; please report it")
            raise

    def _arrived(self) -> bool:
        self._connections += 1
        return self._connections <= self._max_connections + RESERVE

    def _left(self, connection: ServerConnection) -> None:
        self._connections -= 1
        self._seated.discard(connection)


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
                transport.write(refuse(HTTPStatus.SERVICE_UNAVAILABLE, _BUSY).serialize())
                transport.close()

        def connection_lost(self, exc: Exception | None) -> None:
            left(self)
            super().connection_lost(exc)

    return CountedConnection


async def _close(server: WebsocketServer, seated: set[ServerConnection], patience: float) -> None:
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
