"""Clients that flood the daemon: they are closed with a reason, and nobody else notices them."""

import json
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing

import numpy as np
import pytest

from bench.floods import FLOODS, Flood, frame
from tests.support.client import HOST, ask, close_code, get, get_json, read_all, receive, subscribe
from tests.support.limits import limit
from tests.support.process import DaemonProcess
from tests.support.talker import Talker

Start = Callable[..., DaemonProcess]

SECRET = "open sesame"
TRY_AGAIN_LATER = 1013
WRONG_TOKEN = 4401
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
    with subscribe(talker.port) as good, ExitStack() as floods:
        receive(good)
        ask(good, streams=["default"])
        for i in range(40):
            floods.enter_context(closing(flooding(talker.port, kinds[i % 4], i)))
        begun = time.monotonic()
        health = get_json(talker.port, "/health")
        talker.mumble("yes")
        assert receive(good)["keyword"] == "yes"
        # Without limits it takes a minute; half a second on a machine that does nothing else.
        assert time.monotonic() - begun < limit(3, now=True)
        # There may have been no audio yet.
        assert health["status"] in ("ok", "waiting")


def test_a_daemon_with_few_descriptors_answers_and_recovers(start: Start) -> None:
    daemon = start("--source", "demo", descriptors=64)
    port = daemon.port
    with ExitStack() as stack:
        for _ in range(3):
            for _ in range(60):
                stack.enter_context(socket.create_connection((HOST, port), timeout=limit(30)))
            assert get(port, "/health")[0] == 200
    with subscribe(port) as connection:
        assert receive(connection)["type"] == "hello"
    assert daemon.stop() == 0
    log = daemon.messages()
    assert "Traceback" not in log
    # One a second: there were no more seconds than that.
    assert log.count("no client can connect now") <= 2 + limit(30)


def test_samples_that_are_no_sound_end_nobody_s_connection(talker: Talker) -> None:
    with subscribe(talker.port, "/scores") as scores, subscribe(talker.port, "/audio") as sender:
        scores.send(json.dumps({"stream": "loud", "frames": True}))
        assert receive(scores)["type"] == "watching"
        sender.send(
            '{"type":"start","stream":"loud","sample_rate":16000,"format":"f32le","scores":true}'
        )
        assert receive(sender)["type"] == "started"
        for value in ("inf", "nan", "1e38", "-3e38"):
            sender.send(np.full(8_000, float(value), "<f4").tobytes())
        # A window of one second, then a hop every 0.1 s.
        levels = [receive(scores)["level_db"] for _ in range(10)]
        assert all(each is None or each <= 0 for each in levels)
        sender.send('{"type":"end"}')
        assert close_code(sender)[0] == 1000


def test_who_ignores_a_refusal_is_cut_off_without_a_traceback(start: Start) -> None:
    daemon = start("--source", "demo", environment={"KWS_TOKEN": SECRET})
    for path in ("/events", "/scores", "/audio"):
        with flooding(daemon.port, Flood(path, frame(TEXT, b"{}"))) as line:
            # The close frame is neither answered nor followed by the end of the line.
            assert end_of(line)[0] in (WRONG_TOKEN, TOO_MANY)
    assert daemon.stop() == 0
    assert "Traceback" not in daemon.messages()
    assert "socket.send() raised" not in daemon.messages()


@pytest.fixture(scope="module")
def guarded() -> Iterator[Talker]:
    """A daemon that asks for a token, and takes one connection."""
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
