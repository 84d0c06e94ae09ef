"""Plain HTTP: pages, actions, and who may do what."""

import asyncio
import json
from http import HTTPStatus
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection
from websockets.datastructures import Headers
from websockets.http11 import Request, Response

from kws.protocol.codes import EVENTS_PATH
from kws.serving.auth import Access
from kws.serving.routes import (
    Action,
    Document,
    JsonResponse,
    Order,
    Page,
    Routes,
    Websocket,
    is_local,
)

TOKEN = {"Authorization": "Bearer secret"}
OPEN, GUARDED = Access(), Access("secret")


class Site:
    """Pages, and how often their action was done."""

    def __init__(self, access: Access, status: HTTPStatus = HTTPStatus.OK) -> None:
        self.done = 0
        self._status = status
        self._routes = Routes(
            access,
            {
                EVENTS_PATH: Websocket(self, "max_connections"),
                "/health": Page(lambda: _page("well"), lambda: _page("well")),
                "/info": Page(lambda: _page("info")),
                "/reload": Action(self._act),
                "/sounds/*": Page(self._found),
            },
        )

    async def serve(self, connection: ServerConnection) -> None:
        """Never reached here: the server serves websockets."""

    def _found(self, name: str) -> Document | None:
        if name != "1":
            return None
        return Document("audio/wav", b"RIFF", {"X-Length": "1"})

    async def _act(self, order: Order) -> JsonResponse:
        await asyncio.sleep(0)
        self.done += 1
        return self._status, {"reloaded": self._status is HTTPStatus.OK}

    def respond(self, path: str, method: str = "GET", **headers: str) -> Response | None:
        """What a request gets, from this machine unless its headers say otherwise."""
        request = Request(path, Headers({"Host": "localhost:8000", **headers}))
        request.method = method
        return asyncio.run(self._routes.respond(request))

    def status(self, path: str, method: str = "GET", **headers: str) -> int | None:
        """The status of that; None for the websocket."""
        response = self.respond(path, method, **headers)
        return None if response is None else response.status_code


def _page(text: str) -> tuple[HTTPStatus, dict[str, Any]]:
    return HTTPStatus.OK, {"says": text}


def test_pages_are_json() -> None:
    response = Site(OPEN).respond("/info?x=1")
    assert response is not None
    assert (response.status_code, json.loads(response.body or b"")) == (200, {"says": "info"})
    assert response.headers["Content-Type"] == "application/json"
    head = Site(OPEN).respond("/info", "HEAD")
    assert head is not None
    assert head.body == b""
    assert head.headers["Content-Length"] == response.headers["Content-Length"]


@pytest.mark.parametrize(
    ("path", "method", "headers", "status"),
    [
        (EVENTS_PATH, "GET", {"Upgrade": "websocket"}, None),
        (EVENTS_PATH, "GET", {}, 426),
        ("/info", "GET", {"Upgrade": "websocket"}, 400),
        ("/info", "POST", {}, 405),
        ("/nothing", "GET", {}, 404),
        ("/sounds/1", "GET", {}, 200),
        ("/sounds/2", "GET", {}, 404),
        ("/sounds/", "GET", {}, 404),
        ("/sounds/*", "GET", {}, 404),
        ("/sounds/1/2", "GET", {}, 404),
        ("/sounds", "GET", {}, 404),
        ("/info", "GET", {"Host": "evil.example"}, 403),
        ("/info", "GET", {"Origin": "https://evil.example"}, 403),
    ],
)
def test_requests(path: str, method: str, headers: dict[str, str], status: int | None) -> None:
    assert Site(OPEN).status(path, method, **headers) == status


def test_only_open_pages_need_no_token() -> None:
    site = Site(GUARDED)
    assert site.status("/health") == 200
    assert site.status("/info") == 401
    assert site.status("/info", **TOKEN) == 200


def test_without_the_token_what_is_there_and_what_is_not_look_alike() -> None:
    site = Site(GUARDED)
    assert site.status("/sounds/1") == site.status("/sounds/2") == 401
    assert site.status("/sounds/2", **TOKEN) == 404


@pytest.mark.parametrize(
    ("access", "method", "headers", "status"),
    [
        (GUARDED, "POST", TOKEN, 200),
        (GUARDED, "POST", {}, 403),
        (GUARDED, "POST", {"Authorization": "Bearer wrong"}, 403),
        (GUARDED, "POST", {**TOKEN, "Host": "evil.example"}, 403),
        (GUARDED, "POST", {**TOKEN, "Origin": "https://evil.example"}, 403),
        (OPEN, "POST", {}, 403),
        (OPEN, "POST", TOKEN, 403),
        (GUARDED, "GET", TOKEN, 405),
        (GUARDED, "HEAD", TOKEN, 405),
        (GUARDED, "PUT", TOKEN, 405),
    ],
)
def test_an_action_needs_the_token(
    access: Access, method: str, headers: dict[str, str], status: int
) -> None:
    site = Site(access)
    response = site.respond("/reload", method, **headers)
    assert response is not None
    assert response.status_code == status
    assert site.done == (status == 200)
    if status == 405:
        assert response.headers["Allow"] == "POST"


def test_without_any_token_the_error_says_where_to_set_one() -> None:
    response = Site(OPEN).respond("/reload", "POST")
    assert response is not None
    assert b"KWS_TOKEN" in (response.body or b"")


def test_an_action_answers_in_json() -> None:
    response = Site(GUARDED, HTTPStatus.CONFLICT).respond("/reload", "POST", **TOKEN)
    assert response is not None
    assert response.status_code == 409
    assert json.loads(response.body or b"") == {"reloaded": False}


def test_a_document_is_sent_as_it_is() -> None:
    response = Site(OPEN).respond("/sounds/1")
    assert response is not None
    assert (response.status_code, response.body) == (200, b"RIFF")
    assert response.headers["Content-Type"] == "audio/wav"
    assert response.headers["X-Length"] == "1"
    assert response.headers["Content-Length"] == "4"
    head = Site(OPEN).respond("/sounds/1", "HEAD")
    assert head is not None
    assert head.body == b""
    assert Site(GUARDED).status("/sounds/1") == 401
    assert Site(OPEN).status("/music/1") == 404


@pytest.mark.parametrize(
    ("address", "headers", "local"),
    [
        ("127.0.0.1", {"Host": "localhost:8000"}, True),
        ("127.0.0.1", {"Host": "127.0.0.1:8000"}, True),
        ("::1", {"Host": "[::1]:8000"}, True),
        ("::ffff:127.0.0.1", {"Host": "127.0.0.1:8000"}, True),
        ("192.0.2.7", {"Host": "192.0.2.1:8000"}, False),
        ("192.0.2.7", {"Host": "localhost:8000"}, False),
        ("::ffff:192.0.2.7", {"Host": "localhost:8000"}, False),
        ("127.0.0.1", {"Host": "kws.example"}, False),
        ("127.0.0.1", {"Host": "192.0.2.1"}, False),
        ("127.0.0.1", {"Host": "localhost", "X-Forwarded-For": "192.0.2.7"}, False),
        ("127.0.0.1", {"Host": "localhost", "forwarded": "for=192.0.2.7"}, False),
        ("127.0.0.1", {"Host": "localhost", "Via": "1.1 proxy"}, False),
        ("127.0.0.1", {"Host": "localhost", "X-Real-IP": "192.0.2.7"}, False),
        ("127.0.0.1", {}, False),
        ("", {"Host": "localhost"}, False),
    ],
)
def test_who_is_on_this_machine(address: str, headers: dict[str, str], local: bool) -> None:
    assert is_local(address, Headers(headers)) is local
