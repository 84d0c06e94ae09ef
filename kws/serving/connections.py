"""Connections: those that have not sent the right token yet, and those that have."""

from collections import Counter
from collections.abc import Mapping
from http import HTTPStatus

from websockets.http11 import Response

from kws.serving.limited import LimitedConnection
from kws.serving.routes import Websocket, refuse

UNAUTHENTICATED = 128
"""Unauthenticated connections at a time, of websockets and HTTP alike."""


class Connections:
    """All connections, and how many there may be.

    The limits of the configuration count clients with the right token only. All other connections
    share a small limit: at that, each new one evicts the oldest of the address that has most. So a
    client that floods the daemon evicts its own connections, and `/health` answers everybody else.

    Args:
        limits: authenticated clients at a time, by setting.
        most: connections at a time that this process has descriptors for.
    """

    def __init__(self, limits: Mapping[str, int], most: int) -> None:
        self._limits = limits
        # Where descriptors are scarce, half of them are for authenticated clients.
        self._most_unauthenticated = min(UNAUTHENTICATED, most // 2)
        self._most_admitted = most - self._most_unauthenticated
        self._unauthenticated: dict[LimitedConnection, None] = {}
        self._routes: dict[LimitedConnection, tuple[str, Websocket]] = {}
        self._admitted: set[LimitedConnection] = set()

    def clients(self, path: str) -> int:
        """How many authenticated clients a websocket has."""
        return sum(self._routes[each][0] == path for each in self._admitted)

    def opened(self, connection: LimitedConnection) -> None:
        """A client has connected, and has sent nothing yet."""
        if len(self._unauthenticated) >= self._most_unauthenticated:
            self._evict_one()
        self._unauthenticated[connection] = None

    def upgrade(self, connection: LimitedConnection, path: str, route: Websocket) -> None:
        """A client has requested a websocket."""
        self._routes[connection] = path, route

    def route(self, connection: LimitedConnection) -> Websocket:
        """The websocket that a client has requested."""
        return self._routes[connection][1]

    def admit(self, connection: LimitedConnection) -> bool:
        """Count a client with the right token; false: the limit of its websocket is reached."""
        _, route = self._routes[connection]
        taken = sum(self._routes[each][1].limit == route.limit for each in self._admitted)
        if taken >= self._limits[route.limit] or len(self._admitted) >= self._most_admitted:
            return False
        self._unauthenticated.pop(connection, None)
        self._admitted.add(connection)
        connection.allow(route.rate, route.message_limit)
        return True

    def known(self, connection: LimitedConnection) -> None:
        """A client of HTTP has the right token: it is not evicted while it is served."""
        self._unauthenticated.pop(connection, None)

    def closed(self, connection: LimitedConnection) -> None:
        """A connection has ended."""
        self._unauthenticated.pop(connection, None)
        self._routes.pop(connection, None)
        self._admitted.discard(connection)

    def all(self) -> list[LimitedConnection]:
        """Those that are connected to a websocket."""
        return list(self._routes)

    def _evict_one(self) -> None:
        crowd = Counter(each.address for each in self._unauthenticated)
        address, _ = crowd.most_common(1)[0]
        first = next(each for each in self._unauthenticated if each.address == address)
        del self._unauthenticated[first]
        first.evict(busy("too many connections without a token").serialize(), "too many")


def busy(reason: str) -> Response:
    """The response where there is no place."""
    return refuse(HTTPStatus.SERVICE_UNAVAILABLE, reason)
