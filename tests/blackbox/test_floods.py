"""Clients that flood the daemon: they are closed with a reason, and nobody else notices them."""

import json
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from bench.floods import FLOODS, Flood, frame
from tests.support.client import HOST, ask, close_code, get_json, read_all, receive, subscribe
from tests.support.limits import limit
from tests.support.talker import Talker

SECRET = "open sesame"
TRY_AGAIN_LATER = 1013
TOO_MANY = 4429
TEXT = 0x81
ONCE = 300_000
"""Bytes of frames that come at once: 50,000 of the smallest."""


def flooding(port: int, flood: Flood, index: int = 0) -> socket.socket:
    """A client whose flood waits to be read; more than the kernel holds is not sent."""
    line = socket.create_connection((HOST, port), timeout=limit(30))
    line.sendall(
        f"GET {flood.path} HTTP/1.1\r\nHost: {HOST}:{port}\r\nUpgrade: websocket\r\n"
        "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n".encode()
    )
    if flood.first:
        line.sendall(frame(TEXT, flood.first % index))
    line.sendall(flood.frame * (ONCE // len(flood.frame)))
    return line


def end_of(line: socket.socket) -> tuple[int, str]:
    """Code and reason of the close frame that the daemon's bytes end with."""
    received = read_all(line)
    at = received.rindex(b"\x88")
    size = received[at + 1]
    assert len(received) == at + 2 + size
    return int.from_bytes(received[at + 2 : at + 4], "big"), received[at + 4 :].decode()


@pytest.mark.parametrize("kind", ["empty sound", "requests", "scores", "pings"])
def test_a_flood_is_closed_with_a_reason(talker: Talker, kind: str) -> None:
    with flooding(talker.port, FLOODS[kind]) as line:
        code, reason = end_of(line)
    assert code == TOO_MANY
    assert "too many messages" in reason


def test_nobody_notices_forty_floods(talker: Talker) -> None:
    kinds = [FLOODS[kind] for kind in ("empty sound", "requests", "scores", "pings")]
    with subscribe(talker.port) as good:
        receive(good)
        ask(good, streams=["default"])
        floods = [flooding(talker.port, kinds[i % 4], i) for i in range(40)]
        begun = time.monotonic()
        health = get_json(talker.port, "/health")
        talker.mumble("yes")
        assert receive(good)["keyword"] == "yes"
        # Without limits it takes a minute; half a second on a machine that does nothing else.
        assert time.monotonic() - begun < limit(3, now=True)
        assert health["status"] == "ok"
        for each in floods:
            each.close()


@pytest.fixture(scope="module")
def guarded() -> Iterator[Talker]:
    """A daemon that asks for a token, and has one seat."""
    with Talker("--set", "server.max_connections=1", environment={"KWS_TOKEN": SECRET}) as daemon:
        yield daemon


def test_a_flood_without_the_token_is_closed(guarded: Talker) -> None:
    with flooding(guarded.port, FLOODS["pings"]) as line:
        assert end_of(line)[0] == TOO_MANY


def test_clients_without_the_token_hold_no_seat(guarded: Talker) -> None:
    with ExitStack() as stack:
        for _ in range(20):
            stack.enter_context(subscribe(guarded.port))
        owner = stack.enter_context(subscribe(guarded.port))
        owner.send(json.dumps({"token": SECRET}))
        assert receive(owner)["type"] == "hello"
        other = stack.enter_context(subscribe(guarded.port))
        other.send(json.dumps({"token": SECRET}))
        assert close_code(other)[0] == TRY_AGAIN_LATER
