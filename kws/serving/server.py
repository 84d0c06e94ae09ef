"""The port: takes connections, counts them, and drains them at the end."""

import asyncio
import contextlib
import errno
import logging
import socket
from collections.abc import AsyncIterator, Mapping
from http import HTTPStatus
from typing import Any

from websockets.asyncio.server import Server as WebsocketServer
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from kws.errors import ServerError
from kws.serving.connection import CLOSE_SECONDS, TOKEN_SECONDS
from kws.serving.routes import MESSAGE_LIMIT, Routes, Websocket, refuse

log = logging.getLogger(__name__)

SPARE_CONNECTIONS = 32
"""Connections beyond the limits, so that /health can be read when these are reached."""
DRAIN_SECONDS = 0.3
_BACKLOG = 1024


class Connections:
    """Who is connected to which websocket, and how many may be.

    Args:
        limits: clients at a time, by setting.
    """

    def __init__(self, limits: Mapping[str, int]) -> None:
        self._limits = limits
        self._open = 0
        self._served: dict[ServerConnection, tuple[str, Websocket]] = {}

    def clients(self, path: str) -> int:
        """How many are connected to a websocket."""
        return sum(each == path for each, _ in self._served.values())

    def opened(self) -> bool:
        """Count a connection, before any handshake; false: there are too many."""
        self._open += 1
        return self._open <= sum(self._limits.values()) + SPARE_CONNECTIONS

    def admit(self, connection: ServerConnection, path: str, route: Websocket) -> bool:
        """Let a client connect to a websocket; false: its limit is reached."""
        taken = sum(each.limit == route.limit for _, each in self._served.values())
        if taken >= self._limits[route.limit]:
            return False
        self._served[connection] = path, route
        return True

    def route(self, connection: ServerConnection) -> Websocket:
        """What a client is connected to."""
        return self._served[connection][1]

    def closed(self, connection: ServerConnection) -> None:
        """A connection has ended."""
        self._open -= 1
        self._served.pop(connection, None)

    def all(self) -> list[ServerConnection]:
        """Those that are connected to a websocket."""
        return list(self._served)


class Server:
    """The port: serves the routes, and drains its connections at the end.

    Args:
        routes: what there is.
        connections: who is connected.
    """

    def __init__(self, routes: Routes, connections: Connections) -> None:
        self._routes, self._connections = routes, connections
        self._drain_s = DRAIN_SECONDS

    def drain(self, seconds: float) -> None:
        """Give clients so long to read their last events at the end."""
        self._drain_s = seconds

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
                **_place(host, port),
                process_request=self._respond,
                create_connection=_counted_connection(self._connections),
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
            await _close(server, self._connections, self._drain_s)

    async def _respond(self, connection: ServerConnection, request: Request) -> Response | None:
        try:
            response = await self._routes.respond(request)
        except Exception:
            log.exception("a request for %s failed; please report it", request.path)
            return refuse(HTTPStatus.INTERNAL_SERVER_ERROR, "an error in kws; see its log")
        if response is None:
            path, route = self._routes.websocket(request)
            if not self._connections.admit(connection, path, route):
                return _busy(route.limit)
            connection.protocol.max_message_size = route.message_limit
        return response

    async def _serve(self, connection: ServerConnection) -> None:
        try:
            await self._connections.route(connection).endpoint.serve(connection)
        except* ConnectionClosed:
            log.debug("client %s left", connection.remote_address)
        except* Exception:
            log.exception("a client's connection failed; please report it")
            raise


def _place(host: str, port: int) -> dict[str, Any]:
    """Where to listen. Raises OSError.

    On "::" IPv4 is served as well, which the event loop would not do by itself.
    """
    host = host.removeprefix("[").removesuffix("]")
    if host == "::" and socket.has_dualstack_ipv6():
        family = socket.AF_INET6
        listening = socket.create_server((host, port), family=family, dualstack_ipv6=True)
        return {"sock": listening}
    return {"host": host, "port": port}


def _busy(setting: str) -> Response:
    return refuse(HTTPStatus.SERVICE_UNAVAILABLE, f"too many connections (server.{setting})")


def _counted_connection(connections: Connections) -> type[ServerConnection]:
    """Connections that count from their first byte on, before any handshake."""

    class CountedConnection(ServerConnection):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            super().connection_made(transport)
            if not connections.opened():
                assert isinstance(transport, asyncio.WriteTransport)
                transport.write(_busy("max_connections").serialize())
                transport.close()

        def connection_lost(self, exc: Exception | None) -> None:
            connections.closed(self)
            super().connection_lost(exc)

    return CountedConnection


async def _close(server: WebsocketServer, connections: Connections, drain_s: float) -> None:
    """Take no more clients, and cut those off that have not read their last events in time."""
    server.close(close_connections=False)
    leaving = [asyncio.create_task(each.wait_closed()) for each in connections.all()]
    if leaving:
        await asyncio.wait(leaving, timeout=drain_s)
    for connection in connections.all():
        connection.transport.abort()


def _library_log() -> logging.Logger:
    """The library's own messages: a client's bad handshake is no error of ours."""
    logger = logging.getLogger("websockets.server")
    logger.setLevel(logging.CRITICAL)
    return logger
