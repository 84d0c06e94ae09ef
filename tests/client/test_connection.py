"""Where a client connects to, why its connection ends, and when it tries again."""

import asyncio
import http
import logging
from collections.abc import Awaitable, Callable

import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.http11 import Request, Response

from kws.client.connection import FAILURES, BackOff, Endpoint
from kws.errors import ConfigError, ServerError
from kws.protocol.codes import TOO_SLOW, WRONG_TOKEN

Handler = Callable[[ServerConnection], Awaitable[None]]


async def wait(connection: ServerConnection) -> None:
    """Leave the closing to the client."""
    await connection.wait_closed()


def reason(
    handler: Handler = wait,
    status: http.HTTPStatus | None = None,
    token: str = "",
) -> str:
    """Why a connection to a server ended that answers so."""

    def answer(connection: ServerConnection, request: Request) -> Response | None:
        return connection.respond(status, "") if status else None

    async def run() -> str:
        async with serve(handler, "127.0.0.1", 0, process_request=answer) as server:
            port = next(iter(server.sockets)).getsockname()[1]
            endpoint = Endpoint(f"ws://127.0.0.1:{port}/events", "/events", token)
            try:
                async with endpoint.connect() as connection:
                    await connection.recv()
            except FAILURES as error:
                return endpoint.reason(error)
        return "it did not end"

    return asyncio.run(run())


def closing(code: int, text: str) -> Handler:
    """A server that closes at once."""

    async def handle(connection: ServerConnection) -> None:
        await connection.close(code, text)

    return handle


@pytest.mark.parametrize(
    "url",
    ["", "127.0.0.1:8000", "http://127.0.0.1/events", "ws://", "ws://a:b/events", "ws://[::1"],
)
def test_a_url_that_is_none_is_named_with_how_it_should_be(url: str) -> None:
    with pytest.raises(ConfigError, match="should be ws://HOST:PORT/events") as caught:
        Endpoint(url, "/events")
    assert str(caught.value).startswith(url)


@pytest.mark.parametrize("token", ["s3cret\n", "s3cret\r\nX: y", "s3cret\0", "s3cret\u65e5"])
def test_a_token_that_cannot_be_sent_is_refused_and_not_shown(token: str) -> None:
    with pytest.raises(ConfigError, match="the token has characters") as caught:
        Endpoint("ws://127.0.0.1:8000/events", "/events", token)
    assert "s3cret" not in str(caught.value)


def test_no_text_of_an_endpoint_shows_its_token() -> None:
    endpoint = Endpoint("ws://127.0.0.1:8000/events", "/events", "s3cret")
    assert "s3cret" not in f"{endpoint!r} {endpoint}"


def test_the_token_is_sent_as_a_bearer_token() -> None:
    async def run() -> str | None:
        async def handle(connection: ServerConnection) -> None:
            assert connection.request is not None
            await connection.send(connection.request.headers.get("Authorization", ""))

        async with serve(handler=handle, host="127.0.0.1", port=0) as server:
            port = next(iter(server.sockets)).getsockname()[1]
            async with Endpoint(f"ws://127.0.0.1:{port}/", "/", "open sesame").connect() as client:
                return str(await client.recv())

    assert asyncio.run(run()) == "Bearer open sesame"


def test_a_final_refusal_is_an_error_with_its_reason() -> None:
    wanted = r"/events: the daemon wants a token: set KWS_TOKEN or --token-file$"
    with pytest.raises(ServerError, match=wanted):
        reason(closing(WRONG_TOKEN, "send the token"))
    with pytest.raises(ServerError, match=r"/events: the token is wrong: set KWS_TOKEN or"):
        reason(closing(WRONG_TOKEN, "the token is wrong"), token="wrong")
    with pytest.raises(ServerError, match=r"refused with HTTP 403; should be ws://HOST:PORT/event"):
        reason(status=http.HTTPStatus.FORBIDDEN)


def test_what_may_pass_is_a_reason_to_try_again() -> None:
    assert reason(closing(TOO_SLOW, "too slow")).endswith("/events: too slow")
    assert reason(status=http.HTTPStatus.SERVICE_UNAVAILABLE).endswith("refused with HTTP 503")

    async def drop(connection: ServerConnection) -> None:
        connection.transport.abort()

    assert reason(drop).endswith("/events: the connection broke")


def test_without_a_daemon_it_tries_again() -> None:
    endpoint = Endpoint("ws://127.0.0.1:1/events", "/events")
    with pytest.raises(FAILURES) as caught, endpoint.connect_blocking():
        pass
    assert endpoint.reason(caught.value).endswith("; is kws running there?")


def test_pauses_grow_while_attempts_fail(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    back_off = BackOff()
    pauses = [back_off.pause_s("nobody", connected=False) for _ in range(6)]
    assert pauses == sorted(pauses)
    assert (pauses[0], pauses[-1]) == (1.0, 10.0)
    assert back_off.pause_s("the connection broke", connected=True) == 0.5
    assert caplog.messages[-1] == "the connection broke; trying again in 0.5 s"
