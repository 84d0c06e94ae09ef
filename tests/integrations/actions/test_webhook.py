"""A webhook gets the event once, signed."""

import asyncio
import hashlib
import hmac
import json
import socket
import threading
import time

import pytest

from kws.integrations.actions.errors import ActionError
from kws.integrations.actions.rules import Webhook
from kws.integrations.actions.webhook import SIGNATURE_HEADER, TIME_HEADER, send
from tests.integrations.actions.receiver import Receiver
from tests.integrations.actions.test_command import EVENT
from tests.support.limits import limit


def sent(webhook: Webhook, seconds: float | None = None) -> None:
    asyncio.run(send(webhook, EVENT, limit(10) if seconds is None else seconds))


def test_it_gets_the_event() -> None:
    with Receiver() as receiver:
        sent(Webhook(receiver.url))
        ((path, headers, body),) = receiver.requests
    assert path == "/hook?a=b"
    assert json.loads(body) == json.loads(EVENT.to_json())
    assert headers["Content-Type"] == "application/json"
    assert headers["Idempotency-Key"] == EVENT.id
    assert SIGNATURE_HEADER not in headers


def test_what_it_gets_is_signed() -> None:
    with Receiver() as receiver:
        sent(Webhook(receiver.url, "hidden"))
        ((_, headers, body),) = receiver.requests
    seconds = headers[TIME_HEADER]
    assert abs(int(seconds) - time.time()) < limit(60)
    # As a receiver would check it.
    signed = hmac.new(b"hidden", seconds.encode() + b"." + body, hashlib.sha256)
    assert headers[SIGNATURE_HEADER] == f"sha256={signed.hexdigest()}"


@pytest.mark.parametrize(
    ("status", "again"), [(500, True), (503, True), (429, True), (404, False), (302, False)]
)
def test_an_error_is_a_failure(status: int, *, again: bool) -> None:
    with Receiver([status]) as receiver, pytest.raises(ActionError, match=f"{status}") as caught:
        sent(Webhook(receiver.url))
    assert caught.value.again is again
    assert len(receiver.requests) == 1


def test_nobody_there_is_a_failure() -> None:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    with pytest.raises(ActionError, match="cannot be reached") as caught:
        sent(Webhook(f"http://127.0.0.1:{port}/secret"))
    assert caught.value.again
    assert "secret" not in str(caught.value)


def test_no_answer_is_a_failure_in_time() -> None:
    with Receiver([0]) as receiver, pytest.raises(ActionError, match="has not answered within"):
        sent(Webhook(receiver.url), 0.5)


def test_one_that_answers_a_byte_at_a_time_is_given_up() -> None:
    ending = threading.Event()

    def drip(server: socket.socket) -> None:
        line, _ = server.accept()
        with line:
            line.settimeout(0.05)
            while not ending.wait(0.05):
                try:
                    line.sendall(b"H")
                except OSError:
                    return

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=drip, args=(server,))
        thread.start()
        begun = time.monotonic()
        try:
            with pytest.raises(ActionError):
                sent(Webhook(f"http://127.0.0.1:{server.getsockname()[1]}/"), 0.5)
            # Its thread has ended too, for asyncio.run waits for that.
            assert time.monotonic() - begun < limit(10)
        finally:
            ending.set()
            thread.join()


def test_a_certificate_that_nobody_vouches_for_is_refused() -> None:
    with Receiver() as receiver, pytest.raises(ActionError, match="cannot be reached"):
        sent(Webhook(receiver.url.replace("http:", "https:")))
    assert not receiver.requests
