"""Events come once each and in order, whatever ends between: connection, daemon, its memory."""

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection, serve

import kws
from kws.client import connection
from kws.client.listen import Listener, listen
from kws.errors import ConfigError, ServerError
from kws.protocol.codes import WRONG_TOKEN
from kws.protocol.events import Detected, Unmuted
from tests.support.limits import TIMEOUT, limit

Handler = Callable[[ServerConnection], Awaitable[None]]


def detection(run: str, seq: int, keyword: str = "yes") -> str:
    return json.dumps(
        {
            "type": "detection",
            "v": 1,
            "id": f"{run}-{seq}",
            "run": run,
            "seq": seq,
            "time": "2026-11-22T12:00:00.000Z",
            "stream": "default",
            "t": 1.0,
            "keyword": keyword,
            "confidence": 0.9,
            "model": "m",
            "verified": False,
        }
    )


def hello(run: str, seq: int) -> str:
    return json.dumps({"type": "hello", "run": run, "seq": seq, "keywords": ["yes", "no"]})


def subscribed(events: int | None = None, *, complete: bool = True) -> str:
    replay = {} if events is None else {"replay": {"events": events, "complete": complete}}
    return json.dumps({"type": "subscribed", **replay})


class Daemon:
    """What a daemon does, connection by connection; keeps what it was sent."""

    def __init__(self, *handlers: Callable[["Daemon", ServerConnection], Awaitable[None]]) -> None:
        self._handlers = list(handlers)
        self.requests: list[Any] = []

    async def __call__(self, client: ServerConnection) -> None:
        """Serve one connection."""
        await self._handlers.pop(0)(self, client)

    async def request(self, client: ServerConnection) -> None:
        """Wait for a request."""
        self.requests.append(json.loads(await client.recv()))


async def take(listener: Listener, count: int) -> list[tuple[str, int]]:
    """Run and number of the first events."""
    taken = []
    async with asyncio.timeout(limit(TIMEOUT)), aclosing(listener.messages()) as messages:
        async for message in messages:
            taken.append((message["run"], message["seq"]))
            if len(taken) == count:
                break
    return taken


def run(daemon: Handler, test: Callable[[str], Awaitable[None]]) -> None:
    async def serving() -> None:
        async with serve(daemon, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            await test(f"ws://127.0.0.1:{port}")

    asyncio.run(serving())


@pytest.fixture(autouse=True)
def _without_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "_PAUSES_S", (0.0,))


async def first(daemon: Daemon, client: ServerConnection) -> None:
    """Two events, and a break."""
    await daemon.request(client)
    for text in (hello("a", 5), subscribed(), detection("a", 5), detection("a", 6)):
        await client.send(text)


async def stay(client: ServerConnection) -> None:
    """Until the client leaves."""
    await client.wait_closed()


def test_after_a_break_what_was_missed_comes_once_and_in_order() -> None:
    async def back(daemon: Daemon, client: ServerConnection) -> None:
        await client.send(hello("a", 9))
        await client.send(detection("a", 9))
        await daemon.request(client)
        for text in (subscribed(2), detection("a", 7), detection("a", 8), detection("a", 10)):
            await client.send(text)
        await stay(client)

    daemon = Daemon(first, back)

    async def test(url: str) -> None:
        taken = await take(listen(url, keywords=["yes"]), 6)
        assert taken == [("a", seq) for seq in range(5, 11)]

    run(daemon, test)
    request = {"min_confidence": 0.0, "keywords": ["yes"]}
    assert daemon.requests == [request, {**request, "after": {"run": "a", "seq": 6}}]


def test_after_a_restart_the_history_comes_before_the_new_run() -> None:
    async def back(daemon: Daemon, client: ServerConnection) -> None:
        await client.send(hello("b", 3))
        await client.send(detection("b", 3))
        await daemon.request(client)
        await client.send(subscribed(3))
        for text in (detection("a", 7), detection("b", 1), detection("b", 2), detection("b", 4)):
            await client.send(text)
        await stay(client)

    async def test(url: str) -> None:
        expected = [("a", 5), ("a", 6), ("a", 7), ("b", 1), ("b", 2), ("b", 3), ("b", 4)]
        assert await take(listen(url), 7) == expected

    run(Daemon(first, back), test)


def test_without_a_history_the_new_run_comes_and_the_loss_is_said(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def back(daemon: Daemon, client: ServerConnection) -> None:
        await client.send(hello("b", 3))
        await daemon.request(client)
        await client.send(subscribed(0, complete=False))
        await daemon.request(client)
        for text in (subscribed(2), detection("b", 1), detection("b", 2), detection("b", 3)):
            await client.send(text)
        await stay(client)

    daemon = Daemon(first, back)

    async def test(url: str) -> None:
        expected = [("a", 5), ("a", 6), ("b", 1), ("b", 2), ("b", 3)]
        assert await take(listen(url), 5) == expected

    run(daemon, test)
    afters = [each.get("after") for each in daemon.requests]
    assert afters == [None, {"run": "a", "seq": 6}, {"run": "b", "seq": 0}]
    assert "the last events of its earlier run are lost" in caplog.text


def test_a_break_in_the_middle_of_a_replay_loses_nothing() -> None:
    async def cut(daemon: Daemon, client: ServerConnection) -> None:
        await client.send(hello("a", 10))
        await daemon.request(client)
        for text in (subscribed(3), detection("a", 7)):
            await client.send(text)

    async def back(daemon: Daemon, client: ServerConnection) -> None:
        await client.send(hello("a", 10))
        await daemon.request(client)
        for text in (subscribed(3), *(detection("a", seq) for seq in (7, 8, 9))):
            await client.send(text)
        await stay(client)

    async def test(url: str) -> None:
        assert await take(listen(url), 5) == [("a", seq) for seq in range(5, 10)]

    run(Daemon(first, cut, back), test)


def test_what_comes_before_the_filter_is_known_is_filtered() -> None:
    async def early(daemon: Daemon, client: ServerConnection) -> None:
        await client.send(hello("a", 1))
        for text in (detection("a", 1, "no"), detection("a", 2, "yes"), subscribed()):
            await client.send(text)
        await client.send(detection("a", 3, "yes"))
        await stay(client)

    async def test(url: str) -> None:
        assert await take(listen(url, keywords=["yes"]), 2) == [("a", 2), ("a", 3)]

    run(Daemon(early), test)


def test_events_have_types_and_what_is_of_tomorrow_is_left_out(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def events(daemon: Daemon, client: ServerConnection) -> None:
        stamp = {"v": 1, "id": "a-2", "run": "a", "time": "2026-11-22T12:00:00.000Z"}
        unknown = {"type": "status", "seq": 2, "status": "of tomorrow", **stamp}
        unmuted = {"type": "status", "seq": 3, "status": "unmuted", "reason": "r", **stamp}
        for message in (hello("a", 1), subscribed(), detection("a", 1)):
            await client.send(message)
        await client.send(json.dumps(unknown))
        await client.send(json.dumps(unmuted))
        await stay(client)

    async def test(url: str) -> None:
        bodies = []
        async for event in kws.listen(url):
            bodies.append(event.body)
            if len(bodies) == 2:
                break
        assert bodies == [Detected("default", 1.0, "yes", 0.9, "m"), Unmuted("r")]

    with caplog.at_level(logging.DEBUG):
        run(Daemon(events), test)
    assert "an event of a later version" in caplog.text


def test_a_refusal_is_an_error() -> None:
    async def refuse(daemon: Daemon, client: ServerConnection) -> None:
        await client.close(WRONG_TOKEN, "the token is wrong")

    async def test(url: str) -> None:
        with pytest.raises(ServerError, match="the token is wrong"):
            await take(listen(url, token="guess"), 1)

    run(Daemon(refuse), test)
    with pytest.raises(ConfigError):
        listen("http://127.0.0.1:8000")


@pytest.mark.parametrize("text", ["[]", "{", '{"type":"hello"}', '{"run":1}'])
def test_what_is_not_kws_is_told(text: str) -> None:
    async def other(daemon: Daemon, client: ServerConnection) -> None:
        await client.send(text)
        await stay(client)

    async def test(url: str) -> None:
        with pytest.raises(ServerError, match="what answers there is not kws"):
            await take(listen(url), 1)

    run(Daemon(other), test)
