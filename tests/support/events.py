"""Events that are published, kept for a test."""

from kws.protocol.events import Body, Event
from kws.serving.hub import Hub


class Published:
    """Publishes by a hub of its own, and keeps all of it.

    Attributes:
        bodies: what happened, in order.
        events: the same, stamped.
    """

    def __init__(self) -> None:
        self.bodies: list[Body] = []
        self.events: list[Event] = []
        self._hub = Hub("run")

    def publish(self, body: Body) -> Event:
        """Stamp what happened."""
        event = self._hub.publish(body)
        self.bodies.append(body)
        self.events.append(event)
        return event
