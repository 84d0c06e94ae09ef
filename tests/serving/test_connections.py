"""Who has a seat, who waits, and who has to give way."""

import asyncio
from dataclasses import dataclass, field
from typing import cast

import pytest

from kws.serving.connections import WAITING, Connections
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
    """A connection, as far as its place matters."""

    address: str = "192.0.2.1"
    sent_away: list[str] = field(default_factory=list)
    allowed: list[tuple[MessageRate, int]] = field(default_factory=list)

    def send_away(self, response: bytes, reason: str) -> None:
        """Give way."""
        assert response.startswith(b"HTTP/1.1 503 ")
        self.sent_away.append(reason)

    def allow(self, rate: MessageRate, message_bytes: int) -> None:
        """Take what is allowed."""
        self.allowed.append((rate, message_bytes))


EVENTS = Websocket(Nothing(), "max_connections", 100)


def arrive(connections: Connections, client: Client, *, upgrade: bool = False) -> LimitedConnection:
    connection = cast(LimitedConnection, client)
    connections.arrived(connection)
    if upgrade:
        connections.upgrade(connection, "/events", EVENTS)
    return connection


def test_the_first_gives_way_where_all_places_are_taken() -> None:
    connections = Connections({"max_connections": 1}, MOST)
    crowd = [Client() for _ in range(WAITING + 2)]
    for each in crowd:
        arrive(connections, each)
    assert [bool(each.sent_away) for each in crowd] == [True, True] + [False] * WAITING


def test_an_address_with_a_crowd_gives_way_to_one_with_a_single_client() -> None:
    connections = Connections({"max_connections": 1}, MOST)
    owner = Client("192.0.2.2")
    arrive(connections, owner, upgrade=True)
    crowd = [Client() for _ in range(10 * WAITING)]
    for each in crowd:
        arrive(connections, each)
    assert not owner.sent_away
    assert sum(bool(each.sent_away) for each in crowd) == 9 * WAITING + 1


def test_who_waits_takes_no_seat_and_who_sits_does_not_give_way() -> None:
    connections = Connections({"max_connections": 2}, MOST)
    owners = [Client(), Client()]
    for each in owners:
        assert connections.seat(arrive(connections, each, upgrade=True))
        assert each.allowed == [(EVENTS.rate, EVENTS.message_limit)]
    assert connections.clients("/events") == 2
    for _ in range(2 * WAITING):
        arrive(connections, Client(), upgrade=True)
    assert not any(each.sent_away for each in owners)
    assert connections.clients("/events") == 2


def test_seats_are_counted_and_freed() -> None:
    connections = Connections({"max_connections": 1}, MOST)
    first = arrive(connections, Client(), upgrade=True)
    assert connections.seat(first)
    assert not connections.seat(arrive(connections, Client(), upgrade=True))
    connections.left(first)
    assert connections.seat(arrive(connections, Client(), upgrade=True))


@pytest.mark.parametrize(("most", "seats"), [(2 * WAITING + 10, 10), (6, 3), (2, 1)])
def test_no_more_have_a_seat_than_there_are_descriptors_for(most: int, seats: int) -> None:
    connections = Connections({"max_connections": 100}, most)
    taken = [connections.seat(arrive(connections, Client(), upgrade=True)) for _ in range(10)]
    assert sum(taken) == seats
