"""Which connections are counted, and which are evicted."""

import asyncio
from dataclasses import dataclass, field
from typing import cast

import pytest

from kws.serving.connections import UNAUTHENTICATED, Connections
from kws.serving.limited import LimitedConnection
from kws.serving.rate import MessageRate
from kws.serving.routes import Websocket

MOST = 1_000


class Nothing:
    """A websocket that does nothing."""

    async def serve(self, connection: LimitedConnection) -> None:
        await asyncio.sleep(0)


@dataclass(eq=False)
class Client:
    """A connection, as far as it is counted."""

    address: str = "192.0.2.1"
    evicted: list[str] = field(default_factory=list)
    allowed: list[tuple[MessageRate, int]] = field(default_factory=list)

    def evict(self, response: bytes, reason: str) -> None:
        """Close."""
        assert response.startswith(b"HTTP/1.1 503 ")
        self.evicted.append(reason)

    def allow(self, rate: MessageRate, message_bytes: int) -> None:
        """Take what is allowed."""
        self.allowed.append((rate, message_bytes))


EVENTS = Websocket(Nothing(), "max_connections", 100)


def arrive(connections: Connections, client: Client, *, upgrade: bool = False) -> LimitedConnection:
    connection = cast(LimitedConnection, client)
    connections.opened(connection)
    if upgrade:
        connections.upgrade(connection, "/events", EVENTS)
    return connection


def test_a_new_connection_evicts_the_oldest_at_the_limit() -> None:
    connections = Connections({"max_connections": 1}, MOST)
    crowd = [Client() for _ in range(UNAUTHENTICATED + 2)]
    for each in crowd:
        arrive(connections, each)
    assert [bool(each.evicted) for each in crowd] == [True, True] + [False] * UNAUTHENTICATED


def test_an_address_with_most_connections_loses_one() -> None:
    connections = Connections({"max_connections": 1}, MOST)
    owner = Client("192.0.2.2")
    arrive(connections, owner, upgrade=True)
    crowd = [Client() for _ in range(10 * UNAUTHENTICATED)]
    for each in crowd:
        arrive(connections, each)
    assert not owner.evicted
    assert sum(bool(each.evicted) for each in crowd) == 9 * UNAUTHENTICATED + 1


def test_limits_count_clients_with_the_token_and_these_are_not_evicted() -> None:
    connections = Connections({"max_connections": 2}, MOST)
    owners = [Client(), Client()]
    for each in owners:
        assert connections.admit(arrive(connections, each, upgrade=True))
        assert each.allowed == [(EVENTS.rate, EVENTS.message_limit)]
    assert connections.clients("/events") == 2
    for _ in range(2 * UNAUTHENTICATED):
        arrive(connections, Client(), upgrade=True)
    assert not any(each.evicted for each in owners)
    assert connections.clients("/events") == 2


def test_a_closed_connection_counts_no_more() -> None:
    connections = Connections({"max_connections": 1}, MOST)
    first = arrive(connections, Client(), upgrade=True)
    assert connections.admit(first)
    assert not connections.admit(arrive(connections, Client(), upgrade=True))
    connections.closed(first)
    assert connections.admit(arrive(connections, Client(), upgrade=True))


@pytest.mark.parametrize(("most", "admitted"), [(2 * UNAUTHENTICATED + 10, 10), (6, 3), (2, 1)])
def test_no_more_are_admitted_than_there_are_descriptors_for(most: int, admitted: int) -> None:
    connections = Connections({"max_connections": 100}, most)
    taken = [connections.admit(arrive(connections, Client(), upgrade=True)) for _ in range(10)]
    assert sum(taken) == admitted
