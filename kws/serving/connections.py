"""Who is connected: those that wait to show their token, and those that have a seat."""

from collections import Counter
from collections.abc import Mapping
from http import HTTPStatus

from websockets.http11 import Response

from kws.serving.limited import LimitedConnection
from kws.serving.routes import Websocket, refuse

WAITING = 128
"""Connections without a token at a time, of websockets and HTTP alike."""


class Connections:
    """Who is connected.

    A seat is for who has the token. All others wait, in places that are few: where these are
    taken, the one that came first gives way, of the address that has most. So who floods the
    daemon sends itself away, and `/health` can be read by everybody else.

    Args:
        limits: clients with a seat at a time, by setting.
        most: connections at a time that this process has descriptors for.
    """

    def __init__(self, limits: Mapping[str, int], most: int) -> None:
        self._limits = limits
        # Where descriptors are scarce, half of them are for seats.
        self._places = min(WAITING, most // 2)
        self._seats = most - self._places
        self._waiting: dict[LimitedConnection, None] = {}
        self._routes: dict[LimitedConnection, tuple[str, Websocket]] = {}
        self._seated: set[LimitedConnection] = set()

    def clients(self, path: str) -> int:
        """How many have a seat at a websocket."""
        return sum(self._routes[each][0] == path for each in self._seated)

    def arrived(self, connection: LimitedConnection) -> None:
        """A client has connected, and has sent nothing yet."""
        if len(self._waiting) >= self._places:
            self._send_one_away()
        self._waiting[connection] = None

    def upgrade(self, connection: LimitedConnection, path: str, route: Websocket) -> None:
        """A client that waits has asked for a websocket."""
        self._routes[connection] = path, route

    def route(self, connection: LimitedConnection) -> Websocket:
        """The websocket that a client has asked for."""
        return self._routes[connection][1]

    def seat(self, connection: LimitedConnection) -> bool:
        """Give a client with the right token a seat; false: there are too many of its kind."""
        _, route = self._routes[connection]
        taken = sum(self._routes[each][1].limit == route.limit for each in self._seated)
        if taken >= self._limits[route.limit] or len(self._seated) >= self._seats:
            return False
        self._waiting.pop(connection, None)
        self._seated.add(connection)
        connection.allow(route.rate, route.message_limit)
        return True

    def known(self, connection: LimitedConnection) -> None:
        """A client of HTTP has the right token, and need not give way while it is served."""
        self._waiting.pop(connection, None)

    def left(self, connection: LimitedConnection) -> None:
        """A connection has ended."""
        self._waiting.pop(connection, None)
        self._routes.pop(connection, None)
        self._seated.discard(connection)

    def all(self) -> list[LimitedConnection]:
        """Those that are connected to a websocket."""
        return list(self._routes)

    def _send_one_away(self) -> None:
        crowd = Counter(each.address for each in self._waiting)
        address, _ = crowd.most_common(1)[0]
        first = next(each for each in self._waiting if each.address == address)
        del self._waiting[first]
        first.send_away(busy("too many connections without a token").serialize(), "too many")


def busy(reason: str) -> Response:
    """The response where there is no place."""
    return refuse(HTTPStatus.SERVICE_UNAVAILABLE, reason)
