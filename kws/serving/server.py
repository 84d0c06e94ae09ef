"""The port: takes connections, serves the routes, and drains connections at the end."""

import asyncio
import contextlib
import errno
import functools
import logging
import math
import socket
from collections.abc import AsyncIterator, Iterator
from http import HTTPStatus
from typing import Any, cast

from websockets.asyncio.server import Server as WebsocketServer
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from kws.errors import ServerError
from kws.serving.connections import Connections, busy
from kws.serving.limited import CLOSE_SECONDS, LimitedConnection
from kws.serving.routes import MESSAGE_LIMIT, Routes, refuse

log = logging.getLogger(__name__)

RESPONSE_SECONDS = 5.0
"""How long a request of HTTP may take, until its client has read the response."""
DRAIN_SECONDS = 0.3
_BACKLOG = 1024
"""Clients that may wait to be taken."""
_TAKEN = 16
"""Of these, how many are taken before anything else has its turn."""


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
                create_connection=cast(
                    type[ServerConnection],
                    functools.partial(LimitedConnection, self._connections),
                ),
                compression=None,
                max_size=MESSAGE_LIMIT,
                max_queue=1,
                open_timeout=RESPONSE_SECONDS,
                close_timeout=CLOSE_SECONDS,
                server_header=None,
                backlog=_TAKEN,
                logger=_library_log(),
            )
        # The latter: a name that cannot be one (IDNA).
        except (OSError, UnicodeError) as error:
            code, reason = getattr(error, "errno", None), getattr(error, "strerror", None)
            taken = "; is another kws running there?" if code == errno.EADDRINUSE else ""
            raise ServerError(
                f"cannot listen on {host} port {port} (server.host, server.port): "
                f"{reason or error}{taken}"
            ) from error
        for each in server.sockets:
            with each.dup() as listening:
                listening.listen(_BACKLOG)
        try:
            with _reported_failures():
                yield server.sockets[0].getsockname()[1]
        finally:
            await _close(server, self._connections, self._drain_s)

    async def _respond(self, connection: ServerConnection, request: Request) -> Response | None:
        assert isinstance(connection, LimitedConnection)
        if self._routes.brings_token(request):
            self._connections.known(connection)
        try:
            response = await self._routes.respond(request, connection.body, connection.address)
        except Exception:
            log.exception("a request for %s failed; please report it", request.path)
            return refuse(HTTPStatus.INTERNAL_SERVER_ERROR, "an error in kws; see its log")
        if response is None:
            path, route = self._routes.websocket(request)
            self._connections.upgrade(connection, path, route)
            if self._routes.admits(request) and not connection.admit():
                return busy(f"too many connections (server.{route.limit})")
        return response

    async def _serve(self, connection: ServerConnection) -> None:
        assert isinstance(connection, LimitedConnection)
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


@contextlib.contextmanager
def _reported_failures() -> Iterator[None]:
    """Log what fails in the event loop itself, such as a connection that cannot be taken."""
    loop = asyncio.get_running_loop()
    quiet_until = -math.inf

    def report(_: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        nonlocal quiet_until
        error = context.get("exception")
        if not (isinstance(error, OSError) and error.errno in (errno.EMFILE, errno.ENFILE)):
            log.error("%s", context["message"], exc_info=error)
        elif loop.time() >= quiet_until:
            # asyncio tries again after a second, and reports it once for each client that waits.
            quiet_until = loop.time() + 1
            log.warning(
                "no client can connect now: %s; raise LimitNOFILE, or ulimit -n", error.strerror
            )

    before = loop.get_exception_handler()
    loop.set_exception_handler(report)
    try:
        yield
    finally:
        loop.set_exception_handler(before)


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
