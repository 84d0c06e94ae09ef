"""Plain HTTP beside the websocket: who may ask, the JSON pages, what may be done, refusals."""

import json
from collections.abc import Awaitable, Callable, Collection, Mapping
from http import HTTPStatus
from typing import Any

from websockets.datastructures import Headers
from websockets.http11 import Request, Response

from kws.serving.access import Access, bearer_token

EVENTS_PATH = "/events"

Answer = tuple[HTTPStatus, Mapping[str, Any]]
Page = Callable[[], Answer]
Action = Callable[[], Awaitable[Answer]]


class Pages:
    """Answers requests that are not for the websocket.

    Args:
        access: who may ask.
        pages: JSON by path.
        open_pages: paths that anybody may read, without the token.
        actions: what a POST without a body does, by path; only who has the token may.
    """

    def __init__(
        self,
        access: Access,
        pages: Mapping[str, Page],
        open_pages: Collection[str] = (),
        actions: Mapping[str, Action] | None = None,
    ) -> None:
        self._access = access
        self._pages = pages
        self._actions = actions or {}
        self._open_pages = open_pages

    async def answer(self, request: Request) -> Response | None:
        """The response; None where the request is for the websocket and may go on."""
        path = request.path.partition("?")[0]
        headers = request.headers
        wants_websocket = "websocket" in headers.get("Upgrade", "").lower()
        if refusal := self._access.refuses(_one(headers, "Host"), _one(headers, "Origin")):
            return refuse(HTTPStatus.FORBIDDEN, refusal)
        if path == EVENTS_PATH:
            if wants_websocket:
                return None
            text = f"{EVENTS_PATH} is a websocket: ws://..."
            return refuse(HTTPStatus.UPGRADE_REQUIRED, text, Upgrade="websocket")
        if path in self._actions:
            return await self._act(path, request)
        if path not in self._pages:
            places = ", ".join([EVENTS_PATH, *self._pages, *self._actions])
            return refuse(HTTPStatus.NOT_FOUND, f"nothing at {path}; there is: {places}")
        if wants_websocket:
            text = f"{path} is plain HTTP; events: {EVENTS_PATH}"
            return refuse(HTTPStatus.BAD_REQUEST, text)
        if request.method not in ("GET", "HEAD"):
            return refuse(HTTPStatus.METHOD_NOT_ALLOWED, "only GET and HEAD", Allow="GET, HEAD")
        if path not in self._open_pages and not self._access.knows(request_token(request)):
            text = "a token is needed: Authorization: Bearer ..."
            return refuse(HTTPStatus.UNAUTHORIZED, text, **{"WWW-Authenticate": "Bearer"})
        return self._page(path, with_body=request.method == "GET")

    def _page(self, path: str, *, with_body: bool) -> Response:
        response = _json(*self._pages[path]())
        if not with_body:
            response.body = b""
        return response

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
    response = _response(status, "text/plain; charset=utf-8", f"{reason}\n")
    for name, value in headers.items():
        response.headers[name] = value
    return response


def _one(headers: Headers, name: str) -> str | None:
    """The value of a header; several are as wrong as a wrong one."""
    values = headers.get_all(name)
    return ", ".join(values) if values else None


def _json(status: HTTPStatus, content: Mapping[str, Any]) -> Response:
    return _response(status, "application/json", json.dumps(content, ensure_ascii=False))


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
