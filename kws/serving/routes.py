"""Plain HTTP beside the websocket: who may ask, the JSON pages, what may be done, refusals."""

import json
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from websockets.datastructures import Headers
from websockets.http11 import Request, Response

from kws.serving.auth import Access, bearer_token


@dataclass(frozen=True)
class Document:
    """What is no JSON.

    Attributes:
        content_type: as in the header.
        body: of the answer.
        headers: further ones.
    """

    content_type: str
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


Answer = tuple[HTTPStatus, Mapping[str, Any]]
Page = Callable[[], Answer | Document]
Action = Callable[[], Awaitable[Answer]]


class Pages:
    """Answers requests that are not for the websocket.

    Args:
        access: who may ask.
        sockets: paths that are websockets.
        pages: what there is, by path.
        open_pages: paths that anybody may read, without the token.
        find: a page by a path that is not among them, if there is one.
        actions: what a POST without a body does, by path; only who has the token may.
    """

    def __init__(
        self,
        access: Access,
        sockets: Collection[str],
        pages: Mapping[str, Page],
        open_pages: Collection[str] = (),
        actions: Mapping[str, Action] | None = None,
        find: Callable[[str], Page | None] = lambda path: None,
    ) -> None:
        self._access = access
        self._sockets = sockets
        self._pages = pages
        self._find = find
        self._actions = actions or {}
        self._open_pages = open_pages

    async def answer(self, request: Request) -> Response | None:
        """The response; None where the request is for the websocket and may go on."""
        path = request.path.partition("?")[0]
        headers = request.headers
        wants_websocket = "websocket" in headers.get("Upgrade", "").lower()
        if refusal := self._access.refuses(_one(headers, "Host"), _one(headers, "Origin")):
            return refuse(HTTPStatus.FORBIDDEN, refusal)
        if path in self._sockets:
            if wants_websocket:
                return None
            text = f"{path} is a websocket: ws://..."
            return refuse(HTTPStatus.UPGRADE_REQUIRED, text, Upgrade="websocket")
        if path in self._actions:
            return await self._act(path, request)
        page = self._pages.get(path) or self._find(path)
        if page is None:
            places = ", ".join([*self._sockets, *self._pages, *self._actions])
            return refuse(HTTPStatus.NOT_FOUND, f"nothing at {path}; there is: {places}")
        if wants_websocket:
            text = f"{path} is plain HTTP; websockets: {', '.join(self._sockets)}"
            return refuse(HTTPStatus.BAD_REQUEST, text)
        if request.method not in ("GET", "HEAD"):
            return refuse(HTTPStatus.METHOD_NOT_ALLOWED, "only GET and HEAD", Allow="GET, HEAD")
        if path not in self._open_pages and not self._access.knows(request_token(request)):
            text = "a token is needed: Authorization: Bearer ..."
            return refuse(HTTPStatus.UNAUTHORIZED, text, **{"WWW-Authenticate": "Bearer"})
        return _answer(page(), with_body=request.method == "GET")

    async def _act(self, path: str, request: Request) -> Response:
        if request.method != "POST":
            return refuse(HTTPStatus.METHOD_NOT_ALLOWED, "only POST, without a body", Allow="POST")
        if not self._access.token:
            text = f"POST {path} needs a token, and none is set (server.token_file or KWS_TOKEN)"
            return refuse(HTTPStatus.FORBIDDEN, text)
        if not self._access.knows(request_token(request)):
            text = "the token is wrong or missing: Authorization: Bearer ..."
            return refuse(HTTPStatus.FORBIDDEN, text)
        return _json(*await self._actions[path]())


def request_token(request: Request) -> str | None:
    """The token that a request brings along."""
    return bearer_token(_one(request.headers, "Authorization"))


def refuse(status: HTTPStatus, reason: str, **headers: str) -> Response:
    """A response that says why not."""
    response = _response(status, "text/plain; charset=utf-8", f"{reason}\n".encode())
    for name, value in headers.items():
        response.headers[name] = value
    return response


def _one(headers: Headers, name: str) -> str | None:
    """The value of a header; several are as wrong as a wrong one."""
    values = headers.get_all(name)
    return ", ".join(values) if values else None


def _answer(said: Answer | Document, *, with_body: bool) -> Response:
    if isinstance(said, Document):
        response = _response(HTTPStatus.OK, said.content_type, said.body)
        for name, value in said.headers.items():
            response.headers[name] = value
    else:
        response = _json(*said)
    if not with_body:
        response.body = b""
    return response


def _json(status: HTTPStatus, content: Mapping[str, Any]) -> Response:
    body = json.dumps(content, ensure_ascii=False).encode()
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
