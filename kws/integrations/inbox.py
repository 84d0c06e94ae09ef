"""An integration's queue: events with the moment at which each came."""

import threading
from collections import deque
from dataclasses import dataclass

from kws.protocol.events import Event
from kws.serving.hub import Hub
from kws.typing import Clock, Signal

QUEUE = 1_000
"""Events that may wait for an integration."""
_HUB_QUEUE = 1_000


@dataclass(frozen=True)
class Arrival:
    """An event that came.

    Attributes:
        event: which.
        at: when, by the inbox's clock.
    """

    event: Event
    at: float


class Inbox:
    """A subscription to all events that knows how old each is, and loses the oldest first.

    Whoever publishes puts the event here, so that its age does not depend on its reader; by the
    time of day it could not be told, since that may be set.

    Args:
        hub: whose events.
        signal: set from any thread when something has come.
        clock: seconds, monotonic.
        limit: events that may wait.

    Attributes:
        missed: events that were lost, since they waited behind too many others.
    """

    def __init__(self, hub: Hub, signal: Signal, clock: Clock, limit: int = QUEUE) -> None:
        self.missed = 0
        self._signal, self._clock, self._limit = signal, clock, limit
        self._lock = threading.Lock()
        self._waiting: deque[Arrival] = deque()
        self._subscription = hub.subscribe(self, _HUB_QUEUE)

    def set(self) -> None:
        """Take what the hub has, in the thread that publishes."""
        with self._lock:
            for message in self._subscription.take():
                if isinstance(message, Event):
                    self._waiting.append(Arrival(message, self._clock()))
            while len(self._waiting) > self._limit:
                self._waiting.popleft()
                self.missed += 1
        self._signal.set()

    def take(self) -> list[Arrival]:
        """Everything that waits, in order."""
        with self._lock:
            waiting = list(self._waiting)
            self._waiting.clear()
            return waiting
