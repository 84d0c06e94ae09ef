"""The routes: what a client can request by path, who may, and plain HTTP's responses."""

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Protocol

from websockets.datastructures import Headers
from websockets.http11 import Request, Response

from kws.protocol.requests import BadRequestError
from kws.serving.auth import Access, bearer_token, host_name, is_loopback
from kws.serving.limited import REQUESTS, LimitedConnection
from kws.serving.rate import MessageRate
from kws.text import escaped


@dataclass(frozen=True)
class Document:
    """What is no JSON.

    Attributes:
        content_type: as in the header.
        body: of the response.
        headers: further ones.
    """

    content_type: str
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)

    def get(self) -> "Document":
        """The document, as a page's content."""
        return self


JsonResponse = tuple[HTTPStatus, Mapping[str, Any]]
MESSAGE_LIMIT = 16 * 1024
"""Bytes of a client's message."""
WILDCARD = "*"
"""Stands for one segment of a route's path."""
_PROXIED = ("Forwarded", "Via", "X-Forwarded-For", "X-Real-IP")
"""Headers that a proxy adds."""


class Endpoint(Protocol):
    """The daemon's side of a websocket."""

    async def serve(self, connection: LimitedConnection) -> None:
        """Serve one client until it leaves or is closed."""
        ...


@dataclass(frozen=True)
class Websocket:
    """A route that is a websocket.

    Attributes:
        endpoint: serves its clients.
        limit: the setting of how many clients there may be.
        message_limit: bytes of a client's message.
        rate: of a client's messages.
    """

    endpoint: Endpoint
    limit: str
    message_limit: int = MESSAGE_LIMIT
    rate: MessageRate = REQUESTS


@dataclass(frozen=True)
class Page:
    """A route for GET and HEAD.

    Attributes:
        get: the content, from what stands in the place of each wildcard; None: there is none.
        public: the content for clients without the token; None: there is none for them.
    """

    get: Callable[..., JsonResponse | Document | None]
    public: Callable[[], JsonResponse | Document] | None = None


@dataclass(frozen=True)
class Search:
    """A route for GET and HEAD that takes a query; only who has the token may.

    Attributes:
        get: what is found, in JSON. Raises BadRequestError.
    """

    get: Callable[[str], Awaitable[JsonResponse]]


@dataclass(frozen=True)
class Order:
    """What a client posts.

    Attributes:
        body: of its request.
        segments: what stands in the place of each wildcard of the route's path.
        local: whether it is on this machine, as far as can be seen.
    """

    body: bytes = b""
    segments: tuple[str, ...] = ()
    local: bool = True


@dataclass(frozen=True)
class Action:
    """A route that does something at a POST; only who has the token may.

    Attributes:
        post: does it. Raises BadRequestError.
    """

    post: Callable[[Order], Awaitable[JsonResponse]]


Route = Websocket | Page | Search | Action


class Routes:
    """The table of all that a client can request: path, handler, limit, token.

    Args:
        access: who may make requests.
        table: the routes, by path; a segment "*" of a page's path stands for any.
    """

    def __init__(self, access: Access, table: Mapping[str, Route]) -> None:
        self._access = access
        self._table = dict(table)
        self._websockets = [path for path, route in table.items() if isinstance(route, Websocket)]

    def websocket(self, request: Request) -> tuple[str, Websocket]:
        """The path and the route of a request that `respond` lets through."""
        path = _path(request)
        route = self._table[path]
        assert isinstance(route, Websocket)
        return path, route

    def admits(self, request: Request) -> bool:
        """Whether a request brings the right token as a header, or none is needed."""
        return self._access.knows(request_token(request))

    def brings_token(self, request: Request) -> bool:
        """Whether there is a token, and a request brings it as a header."""
        return bool(self._access.token) and self.admits(request)

    async def respond(
        self, request: Request, body: bytes = b"", address: str = ""
    ) -> Response | None:
        """The response; None where the request is for a websocket and may go on.

        Args:
            request: of a client.
            body: of the request.
            address: of the client.
        """
        path, headers = _path(request), request.headers
        wants_websocket = "websocket" in headers.get("Upgrade", "").lower()
        if refusal := self._access.refuses(_one(headers, "Host"), _one(headers, "Origin")):
            return refuse(HTTPStatus.FORBIDDEN, refusal)
        route, segments = self._find(path)
        match route:
            case Websocket():
                if wants_websocket:
                    return None
                text = f"{path} is a websocket: ws://..."
                return refuse(HTTPStatus.UPGRADE_REQUIRED, text, Upgrade="websocket")
            case Action():
                local = is_local(address, headers)
                return await self._act(path, route, request, Order(body, tuple(segments), local))
            case Page() | Search() if wants_websocket:
                text = f"{path} is plain HTTP; websockets: {', '.join(self._websockets)}"
                return refuse(HTTPStatus.BAD_REQUEST, text)
            case Search():
                return await self._search(route, request)
            case Page():
                return self._get(path, route, segments, request)
        return self._not_found(path)

    def _find(self, path: str) -> tuple[Route | None, list[str]]:
        if WILDCARD not in path and path in self._table:
            return self._table[path], []
        parts = path.split("/")
        for pattern, route in self._table.items():
            wanted = pattern.split("/")
            if WILDCARD in wanted and len(wanted) == len(parts):
                pairs = list(zip(wanted, parts, strict=True))
                if all(part and want in (WILDCARD, part) for want, part in pairs[1:]):
                    return route, [part for want, part in pairs if want == WILDCARD]
        return None, []

    async def _search(self, route: Search, request: Request) -> Response:
        if refusal := self._refuse_get(request):
            return refusal
        try:
            content = await route.get(request.path.partition("?")[2])
        except BadRequestError as error:
            return refuse(HTTPStatus.BAD_REQUEST, str(error))
        return _respond(content, with_body=request.method == "GET")

    def _refuse_get(self, request: Request, *, public: bool = False) -> Response | None:
        if request.method not in ("GET", "HEAD"):
            return refuse(HTTPStatus.METHOD_NOT_ALLOWED, "only GET and HEAD", Allow="GET, HEAD")
        if public or self.admits(request):
            return None
        text = "a token is needed: Authorization: Bearer ..."
        return refuse(HTTPStatus.UNAUTHORIZED, text, **{"WWW-Authenticate": "Bearer"})

    def _get(self, path: str, page: Page, segments: list[str], request: Request) -> Response:
        if refusal := self._refuse_get(request, public=page.public is not None):
            return refusal
        if page.public is None or self.admits(request):
            content = page.get(*segments)
        else:
            content = page.public()
        if content is None:
            return self._not_found(path)
        return _respond(content, with_body=request.method == "GET")

    async def _act(self, path: str, action: Action, request: Request, order: Order) -> Response:
        if request.method != "POST":
            return refuse(HTTPStatus.METHOD_NOT_ALLOWED, "only POST", Allow="POST")
        if not self._access.token:
            text = f"POST {path} needs a token, and none is set (server.token_file or KWS_TOKEN)"
            return refuse(HTTPStatus.FORBIDDEN, text)
        if not self._access.knows(request_token(request)):
            text = "the token is wrong or missing: Authorization: Bearer ..."
            return refuse(HTTPStatus.FORBIDDEN, text)
        try:
            return _json(*await action.post(order))
        except BadRequestError as error:
            return refuse(HTTPStatus.BAD_REQUEST, str(error))

    def _not_found(self, path: str) -> Response:
        paths = ", ".join(each for each in self._table if WILDCARD not in each)
        return refuse(HTTPStatus.NOT_FOUND, f"nothing at {path}; there is: {paths}")


def is_local(address: str, headers: Headers) -> bool:
    """Whether a client is on this machine, and no proxy that says so is between.

    Args:
        address: of the client's end of the connection.
        headers: of its request.
    """
    if any(name in headers for name in _PROXIED):
        return False
    name = host_name(_one(headers, "Host"))
    return is_loopback(address) and name is not None and is_loopback(name)


def _path(request: Request) -> str:
    return request.path.partition("?")[0]


def request_token(request: Request) -> str | None:
    """The token that a request brings along."""
    return bearer_token(_one(request.headers, "Authorization"))


def refuse(status: HTTPStatus, reason: str, **headers: str) -> Response:
    """A response with the reason why not."""
    response = _response(status, "text/plain; charset=utf-8", f"{escaped(reason)}\n".encode())
    for name, value in headers.items():
        response.headers[name] = value
    return response


def _one(headers: Headers, name: str) -> str | None:
    """The value of a header; several are as wrong as a wrong one."""
    values = headers.get_all(name)
    return ", ".join(values) if values else None


def _respond(content: JsonResponse | Document, *, with_body: bool) -> Response:
    if isinstance(content, Document):
        response = _response(HTTPStatus.OK, content.content_type, content.body)
        for name, value in content.headers.items():
            response.headers[name] = value
    else:
        response = _json(*content)
    if not with_body:
        response.body = b""
    return response


def _json(status: HTTPStatus, content: Mapping[str, Any]) -> Response:
    body = escaped(json.dumps(content, ensure_ascii=False)).encode()
    return _response(status, "application/json", body)


def _response(status: HTTPStatus, content_type: str, body: bytes) -> Response:
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
