"""One connection, and who makes way for another: slow, silent and unread clients."""

import asyncio
import socket
from collections.abc import Awaitable, Callable

import pytest
from wyoming.ping import Ping

from kws.audio.wyoming_events import WyomingError
from kws.integrations.wyoming import connection as module
from kws.integrations.wyoming.clients import STREAMING_S, Clients
from kws.integrations.wyoming.connection import EVENT_S, FIRST_S, IDLE_S, Connection
from tests.integrations.clock import Clock
from tests.support.limits import TIMEOUT, limit

PING = b'{"type":"ping"}\n'
CHUNK = b'{"type":"audio-chunk","payload_length":2}\nab'
Work = Callable[[Connection, socket.socket, Clock], Awaitable[None]]


def with_client(work: Work) -> None:
    """Do something with a connection, the other end of it, and a clock."""

    async def run() -> None:
        ours, theirs = socket.socketpair()
        clock = Clock()
        with theirs:
            streams = await asyncio.open_connection(sock=ours)
            connection = Connection(*streams, "test", clock)
            async with asyncio.timeout(limit(TIMEOUT)):
                await work(connection, theirs, clock)
            connection.abort()

    asyncio.run(run())


def test_events_are_read_and_answered() -> None:
    async def work(connection: Connection, client: socket.socket, clock: Clock) -> None:
        client.sendall(PING * 2)
        for _ in range(2):
            event = await connection.read(None)
            assert event is not None
            assert event.type == "ping"
        await connection.write(Ping("x").event())
        assert b'"ping"' in client.recv(100)
        client.shutdown(socket.SHUT_WR)
        assert await connection.read(None) is None

    with_client(work)


def test_a_pause_is_no_end() -> None:
    async def work(connection: Connection, client: socket.socket, clock: Clock) -> None:
        client.sendall(PING[:5])
        with pytest.raises(TimeoutError):
            await connection.read(0.01)
        client.sendall(PING[5:])
        assert await connection.read(None) is not None

    with_client(work)


@pytest.mark.parametrize(
    ("sent", "events", "seconds", "reason"),
    [
        (b"", 0, FIRST_S, "no event for 10 s"),
        (PING, 1, IDLE_S, "no event for 300 s"),
        (PING[:5], 0, EVENT_S, "an event took longer than 10 s"),
        (PING + PING[:5], 1, EVENT_S, "an event took longer than 10 s"),
    ],
)
def test_who_sends_nothing_is_given_up(
    sent: bytes, events: int, seconds: float, reason: str
) -> None:
    async def work(connection: Connection, client: socket.socket, clock: Clock) -> None:
        client.sendall(sent)
        for _ in range(events):
            await connection.read(None)
        with pytest.raises(TimeoutError):
            await connection.read(0.01)
        clock.now = seconds - 0.01
        with pytest.raises(TimeoutError):
            await connection.read(0.0)
        clock.now = seconds
        with pytest.raises(WyomingError, match=reason):
            await connection.read(None)

    with_client(work)


def test_one_that_may_idle_does() -> None:
    async def run() -> None:
        ours, theirs = socket.socketpair()
        clock = Clock()
        with theirs:
            streams = await asyncio.open_connection(sock=ours)
            connection = Connection(*streams, "test", clock, idles=True)
            clock.now = 10 * IDLE_S
            with pytest.raises(TimeoutError):
                await connection.read(0.01)
            theirs.sendall(PING)
            assert await connection.read(None) is not None
            connection.abort()

    asyncio.run(run())


def test_who_sends_too_much_is_refused() -> None:
    async def work(connection: Connection, client: socket.socket, clock: Clock) -> None:
        client.sendall(PING * 51)
        for _ in range(50):
            await connection.read(None)
        with pytest.raises(WyomingError, match="more than 20 events a second"):
            await connection.read(None)

    with_client(work)


def test_a_payload_that_is_no_audio_counts_by_its_size() -> None:
    async def work(connection: Connection, client: socket.socket, clock: Clock) -> None:
        client.setblocking(False)
        data = b'{"type":"x","payload_length":250000}\n' + bytes(250_000)
        sending = asyncio.get_running_loop().sock_sendall(client, data)
        task = asyncio.create_task(sending)
        with pytest.raises(WyomingError, match="more than 20 events a second"):
            await connection.read(None)
        await task

    with_client(work)


def test_who_does_not_read_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "WRITE_S", 0.05)

    async def work(connection: Connection, client: socket.socket, clock: Clock) -> None:
        event = Ping("x" * 1_000_000).event()
        with pytest.raises(WyomingError, match="has not read its answers"):
            await connection.write(event)
        # Nor does its end wait for it.
        monkeypatch.setattr(module, "CLOSE_S", 0.05)
        await connection.close(event)

    with_client(work)


def test_the_least_missed_makes_way() -> None:
    async def run() -> None:
        clock, ends = Clock(), list[socket.socket]()
        clients = Clients(4, clock)
        connections = []
        for _ in range(4):
            ours, theirs = socket.socketpair()
            ends.append(theirs)
            clock.now += 1
            connections.append(Connection(*await asyncio.open_connection(sock=ours), "t", clock))
        early, late, speaker, sender = connections
        for each in connections:
            clients.add(each)
        assert clients.full
        ends[2].sendall(PING)
        await speaker.read(None)
        ends[3].sendall(CHUNK)
        await sender.read(None)
        for expected in (early, late, speaker):
            assert clients.least_missed() is expected
            clients.remove(expected)
        assert clients.least_missed() is None
        clock.now += STREAMING_S + 1
        assert clients.least_missed() is sender
        for each in connections:
            each.abort()
        for end in ends:
            end.close()

    asyncio.run(run())
