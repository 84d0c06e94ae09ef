"""One port: the events as a websocket, health and info as HTTP."""

import asyncio
import contextlib
import json
import logging
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from http import HTTPStatus
from typing import Any

from websockets.asyncio.server import Server as WebsocketServer
from websockets.asyncio.server import ServerConnection, serve
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.frames import CloseCode
from websockets.http11 import Request as HttpRequest
from websockets.http11 import Response

from kws.errors import ServerError
from kws.events import VERSION, to_json
from kws.serving.access import Access, bearer_token
from kws.serving.hub import Hub, Replay, Subscription
from kws.serving.requests import BadRequestError, Request, parse_request

log = logging.getLogger(__name__)

EVENTS_PATH = "/events"
TOO_SLOW = 4008
WRONG_TOKEN = 4401
MESSAGE_LIMIT = 16 * 1024
"""Bytes of a subscriber's message."""
_TOKEN_SECONDS = 5.0
_CLOSE_SECONDS = 2.0
_GOODBYE_SECONDS = 0.3

Page = Callable[[], tuple[HTTPStatus, Mapping[str, Any]]]


class EventServer:
    """Serves a hub's events and some JSON pages.

    Args:
        hub: whose events.
        access: who may connect.
        greeting: makes the first message from the next event's number.
        keywords: what a filter may name.
        pages: JSON by path; those in `open_pages` need no token.
        open_pages: paths that anybody may read.
        max_connections: clients at a time.
        queue: events that may wait for a subscriber.
    """

    def __init__(
        self,
        hub: Hub,
        access: Access,
        *,
        greeting: Callable[[int], str],
        keywords: Collection[str],
        pages: Mapping[str, Page],
        open_pages: Collection[str],
        max_connections: int,
        queue: int,
    ) -> None:
        self._hub = hub
        self._access = access
        self._greeting = greeting
        self._keywords = keywords
        self._pages = pages
        self._open_pages = open_pages
        self._max_connections = max_connections
        self._queue = queue
        self._connections = 0
        self.goodbye_s = _GOODBYE_SECONDS
        self.closed_slow = 0
        self.refused = 0

    @contextlib.asynccontextmanager
    async def listening(self, host: str, port: int) -> AsyncIterator[int]:
        """Serve until the block is left; gives the port.

        Close the hub before leaving it: then subscribers have got their last events and 1001.

        Raises:
            ServerError: the address or port cannot be had.
        """
        try:
            server = await serve(
                self._subscriber,
                host,
                port,
                process_request=self._answer,
                create_connection=self._counted_connection(),
                compression=None,
                max_size=MESSAGE_LIMIT,
                max_queue=4,
                open_timeout=_TOKEN_SECONDS,
                close_timeout=_CLOSE_SECONDS,
                server_header=None,
                logger=_library_log(),
            )
        except OSError as error:
            raise ServerError(
                f"cannot listen on {host} port {port} (server.host, server.port): "
                f"{error.strerror or error}; is another kws running there?"
            ) from error
        try:
            yield server.sockets[0].getsockname()[1]
        finally:
            await _close(server, self.goodbye_s)

    def _counted_connection(self) -> type[ServerConnection]:
        """A connection that counts from its first byte on, before any handshake."""
        owner = self

        class CountedConnection(ServerConnection):
            def connection_made(self, transport: asyncio.BaseTransport) -> None:
                super().connection_made(transport)
                owner._connections += 1
                if owner._connections > owner._max_connections:
                    owner.refused += 1
                    assert isinstance(transport, asyncio.WriteTransport)
                    transport.write(_text(HTTPStatus.SERVICE_UNAVAILABLE, _BUSY).serialize())
                    transport.close()

            def connection_lost(self, exc: Exception | None) -> None:
                owner._connections -= 1
                super().connection_lost(exc)

        return CountedConnection

    def _answer(self, connection: ServerConnection, request: HttpRequest) -> Response | None:
        """Answer a plain request; None goes on to the websocket."""
        path = request.path.partition("?")[0]
        headers = request.headers
        wants_websocket = "websocket" in headers.get("Upgrade", "").lower()
        if refusal := self._access.refuses(_one(headers, "Host"), _one(headers, "Origin")):
            return _text(HTTPStatus.FORBIDDEN, refusal)
        if path == EVENTS_PATH:
            if wants_websocket:
                return None
            response = _text(HTTPStatus.UPGRADE_REQUIRED, f"{EVENTS_PATH} is a websocket: ws://...")
            response.headers["Upgrade"] = "websocket"
            return response
        page = self._pages.get(path)
        if page is None:
            places = ", ".join([EVENTS_PATH, *self._pages])
            return _text(HTTPStatus.NOT_FOUND, f"nothing at {path}; there is: {places}")
        if wants_websocket:
            return _text(HTTPStatus.BAD_REQUEST, f"{path} is plain HTTP; events: {EVENTS_PATH}")
        if request.method not in ("GET", "HEAD"):
            response = _text(HTTPStatus.METHOD_NOT_ALLOWED, "only GET and HEAD")
            response.headers["Allow"] = "GET, HEAD"
            return response
        if path not in self._open_pages and not self._access.knows(_token(headers)):
            response = _text(HTTPStatus.UNAUTHORIZED, "a token is needed")
            response.headers["WWW-Authenticate"] = "Bearer"
            return response
        status, content = page()
        response = _response(status, "application/json", json.dumps(content, ensure_ascii=False))
        if request.method == "HEAD":
            response.body = b""
        return response

    async def _subscriber(self, connection: ServerConnection) -> None:
        """Serve one subscriber until it leaves or is closed."""
        try:
            first = await self._authorise(connection)
            loop, woken = asyncio.get_running_loop(), asyncio.Event()

            def wake() -> None:
                loop.call_soon_threadsafe(woken.set)

            subscription = self._hub.subscribe(wake, self._queue)
            try:
                await connection.send(self._greeting(subscription.first))
                if first is not None:
                    self._apply(subscription, first)
                async with asyncio.TaskGroup() as tasks:
                    pending = asyncio.Event()
                    tasks.create_task(self._watch(connection, subscription, woken, pending))
                    tasks.create_task(self._send(connection, subscription, pending))
                    tasks.create_task(self._receive(connection, subscription))
            finally:
                self._hub.unsubscribe(subscription)
        except* ConnectionClosed:
            log.debug("subscriber %s left", connection.remote_address)

    async def _authorise(self, connection: ServerConnection) -> Request | None:
        """Wait for the token where the connection did not bring it as a header.

        Returns:
            The message that brought it.

        Raises:
            ConnectionClosed: it was wrong or did not come, and the connection is closed.
        """
        assert connection.request is not None
        if self._access.knows(_token(connection.request.headers)):
            return None
        try:
            async with asyncio.timeout(_TOKEN_SECONDS):
                request = parse_request(await connection.recv(), self._keywords)
            if self._access.knows(request.token):
                return request
            reason = "the token is wrong, or missing in the first message"
        except TimeoutError:
            reason = "send the token, as a header or in the first message"
        except BadRequestError as error:
            reason = str(error)
        log.warning("subscriber %s refused: %s", connection.remote_address, reason)
        await _end(connection, WRONG_TOKEN, reason)
        raise connection.protocol.close_exc

    async def _receive(self, connection: ServerConnection, subscription: Subscription) -> None:
        """Take what the subscriber says until it leaves."""
        while True:
            try:
                request = parse_request(await connection.recv(), self._keywords)
            except BadRequestError as error:
                log.info("subscriber %s closed: %s", connection.remote_address, error)
                await _end(connection, CloseCode.POLICY_VIOLATION, str(error))
            else:
                self._apply(subscription, request)

    def _apply(self, subscription: Subscription, request: Request) -> None:
        after = (request.after.run, request.after.seq) if request.after else None
        self._hub.change(subscription, request.filter, _subscribed(request), after)

    async def _watch(
        self,
        connection: ServerConnection,
        subscription: Subscription,
        woken: asyncio.Event,
        pending: asyncio.Event,
    ) -> None:
        """Pass the hub's call on, and close who cannot keep up, even while a send to it hangs."""
        while True:
            await woken.wait()
            woken.clear()
            pending.set()
            if subscription.missed:
                self.closed_slow += 1
                reason = f"too slow: more than {self._queue} events were waiting"
                log.warning("subscriber %s closed, %s", connection.remote_address, reason)
                await _end(connection, TOO_SLOW, reason)
                return

    async def _send(
        self, connection: ServerConnection, subscription: Subscription, pending: asyncio.Event
    ) -> None:
        """Send what waits, in order, to the end."""
        while True:
            await pending.wait()
            pending.clear()
            for message in subscription.take():
                if message is None:
                    await _end(connection, CloseCode.GOING_AWAY, "kws is stopping")
                elif isinstance(message, str):
                    await connection.send(message)
                else:
                    await connection.send(message.to_json())


_BUSY = "too many connections (server.max_connections)"


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
        async with asyncio.timeout(_CLOSE_SECONDS):
            # A close frame holds 123 bytes of reason.
            await connection.close(code, reason.encode()[:120].decode(errors="ignore"))
    except TimeoutError:
        connection.transport.abort()


async def _close(server: WebsocketServer, patience: float) -> None:
    """Take no more clients, and cut those off that have not taken the hub's goodbye in time."""
    server.close(close_connections=False)
    leaving = [asyncio.create_task(each.wait_closed()) for each in server.connections]
    if leaving:
        await asyncio.wait(leaving, timeout=patience)
    for connection in server.connections:
        connection.transport.abort()


def _one(headers: Headers, name: str) -> str | None:
    """The value of a header; several are as wrong as a wrong one."""
    values = headers.get_all(name)
    return ", ".join(values) if values else None


def _token(headers: Headers) -> str | None:
    return bearer_token(_one(headers, "Authorization"))


def _text(status: HTTPStatus, message: str) -> Response:
    return _response(status, "text/plain; charset=utf-8", f"{message}\n")


def _response(status: HTTPStatus, content_type: str, text: str) -> Response:
    body = text.encode()
    headers = Headers(
        {
            "Content-Type": content_type,
            "Content-Length": str(len(body)),
            "Cache-Control": "no-store",
            "X-Content-Type-Options": "nosniff",
            "Connection": "close",
        }
    )
    return Response(status.value, status.phrase, headers, body)


def _library_log() -> logging.Logger:
    """The library's own messages: a client's bad handshake is no error of ours."""
    logger = logging.getLogger("websockets.server")
    logger.setLevel(logging.CRITICAL)
    return logger
