"""What the broker has yet to get, and what became of the rest. Pure: the clock is passed in."""

import math
from collections import deque
from dataclasses import dataclass, field
from typing import Protocol

from kws.integrations.inbox import Arrival
from kws.integrations.mqtt.topics import Topics
from kws.protocol.events import Detected, StreamEnded
from kws.typing import Clock

WINDOW = 16
"""Messages that may be under way, unconfirmed, at a time."""
_ARCHIVE_WINDOW = 8
"""... of them old events, so that a new one does not wait behind all of those."""
_WAITING = 1_000
"""Events that may wait."""


@dataclass(frozen=True)
class Kept:
    """An event that the archive keeps until the broker has it.

    Attributes:
        number: its place in the archive, growing.
        stream: its stream; None where it concerns all.
        text: the event, as JSON.
    """

    number: int
    stream: str | None
    text: str


class Keeper(Protocol):
    """Keeps events until they are removed: the archive."""

    @property
    def last(self) -> int:
        """The highest number so far; 0 where there is none."""
        ...

    def add(self, stream: str | None, text: str) -> None:
        """Keep an event."""
        ...

    def after(self, number: int, limit: int) -> list[Kept]:
        """The next ones behind a number, in order, at most so many."""
        ...

    def remove(self, number: int) -> None:
        """The broker has it."""
        ...


@dataclass(frozen=True, eq=False)
class Live:
    """A message that must not come late.

    Attributes:
        topic: where to.
        payload: what.
        at: when the event came, by the clock.
        retain: whether the broker keeps it for who comes later.
    """

    topic: str
    payload: str
    at: float
    retain: bool


@dataclass(frozen=True, eq=False)
class Message:
    """A message for the broker.

    Attributes:
        topic: where to.
        payload: what.
        retain: whether the broker keeps it for who comes later.
        expiry_s: seconds after which nobody is to get it any more; None: it does not expire.
        origin: what it was made of: an event, or the event's number in the archive; None: it is a
            state.
        replayed: whether it is an old event.
    """

    topic: str
    payload: str
    retain: bool = True
    expiry_s: int | None = None
    origin: Live | int | None = None
    replayed: bool = False


@dataclass
class Counts:
    """How many events, by what became of them.

    Attributes:
        delivered: confirmed by the broker, on the topics for what is new.
        expired: dropped, since they would have come late.
        missed: dropped, since too many waited.
        refused: by the broker, which lets this user not publish them.
        archived: confirmed by the broker, on the topics of the archive.
        replayed: of these, the old ones.
    """

    delivered: int = 0
    expired: int = 0
    missed: int = 0
    refused: int = 0
    archived: int = 0
    replayed: int = 0


@dataclass
class _States:
    """Values that the broker keeps: what they are, which it has not got, which it may have."""

    values: dict[str, str] = field(default_factory=dict)
    unsent: dict[str, None] = field(default_factory=dict)
    published: set[str] = field(default_factory=set)


class Outbox:
    """Decides what is sent next.

    Three kinds of messages: states, of which the last value is sent, on each connection again; new
    events, which are dropped when they are too old; and events of the archive, which may come late.

    Args:
        topics: of the daemon.
        expire_s: seconds after which an event is too old.
        clock: seconds, monotonic, as that of the inbox.
        archive: keeps events; None: there is no archive.

    Attributes:
        counts: what became of the events.
    """

    def __init__(
        self, topics: Topics, expire_s: float, clock: Clock, archive: Keeper | None = None
    ) -> None:
        self.counts = Counts()
        self._topics, self._expire_s, self._clock = topics, expire_s, clock
        self._archive = archive
        self._states = _States()
        self._live: deque[Live] = deque()
        self._under_way: dict[Message, None] = {}
        self._connected = False
        self._old = self._sent = 0

    @property
    def idle(self) -> bool:
        """Whether the broker has all that it can get now."""
        waiting = self._archive is not None and bool(self._archive.after(self._sent, 1))
        return not (self._live or self._under_way or self._states.unsent or waiting)

    @property
    def waiting(self) -> int:
        """How many new events have not been sent."""
        return len(self._live)

    @property
    def under_way(self) -> int:
        """How many messages the broker has not confirmed."""
        return len(self._under_way)

    def set_state(self, topic: str, payload: str) -> None:
        """A value that the broker is to keep; empty: it is to forget it."""
        states = self._states
        if states.values.get(topic) == payload:
            return
        if not payload and topic not in states.published:
            states.values.pop(topic, None)
            states.unsent.pop(topic, None)
            return
        states.values[topic] = payload
        states.unsent[topic] = None

    def forget(self, topic: str) -> None:
        """The broker is to forget a value that it may have from before."""
        self._states.published.add(topic)
        self.set_state(topic, "")

    def add(self, arrival: Arrival) -> None:
        """An event has come."""
        event, body = arrival.event, arrival.event.body
        text = event.to_json()
        if self._archive is not None:
            self._archive.add(event.stream, text)
        if isinstance(body, Detected):
            self._queue(Live(self._topics.detection(body.stream), text, arrival.at, retain=False))
            return
        topic = self._topics.status(event.stream)
        # What has ended is nothing to be kept: names of streams come and go without end.
        ended = isinstance(body, StreamEnded)
        state = "" if ended else text
        if not self._connected:
            self.set_state(topic, state)
            return
        self._queue(Live(topic, text, arrival.at, retain=not ended))
        if ended:
            self._queue(Live(topic, "", arrival.at, retain=True))
        self._states.published.add(topic)
        self._states.values[topic] = state
        self._states.unsent.pop(topic, None)

    def _queue(self, live: Live) -> None:
        self._live.append(live)
        if len(self._live) > _WAITING:
            lost = self._live.popleft()
            self.counts.missed += 1
            if lost.retain and lost.topic in self._states.values:
                self._states.unsent[lost.topic] = None

    def begin(self) -> None:
        """There is a connection: all states are sent again, and what is in the archive is old."""
        self._connected = True
        self._states.unsent = dict.fromkeys(self._states.values)
        self._old, self._sent = (self._archive.last if self._archive else 0), 0

    def end(self) -> None:
        """The connection is lost: what was under way may or may not have come, and is sent again
        while it is not too old."""
        self._connected = False
        lost = [each.origin for each in self._under_way if isinstance(each.origin, Live)]
        self._under_way.clear()
        # A status is a state too, and those are sent on each connection.
        self._live = deque(each for each in (*lost, *self._live) if not each.retain)

    def drop_expired(self) -> None:
        """Drop the events that are too old."""
        while self._live and not self._live[0].retain and self._left(self._live[0]) <= 0:
            self._live.popleft()
            self.counts.expired += 1

    def next(self) -> Message | None:
        """What to send now; None: nothing, or too much is under way already."""
        if not self._connected or len(self._under_way) >= WINDOW:
            return None
        message = self._next_state() or self._next_live() or self._next_of_archive()
        if message is not None:
            self._under_way[message] = None
        return message

    def _next_state(self) -> Message | None:
        for topic in self._states.unsent:
            del self._states.unsent[topic]
            self._states.published.add(topic)
            return Message(topic, self._states.values[topic])
        return None

    def _next_live(self) -> Message | None:
        self.drop_expired()
        if not self._live:
            return None
        live = self._live.popleft()
        if live.retain:
            return Message(live.topic, live.payload, origin=live)
        left = math.ceil(self._left(live))
        return Message(live.topic, live.payload, retain=False, expiry_s=left, origin=live)

    def _next_of_archive(self) -> Message | None:
        under_way = sum(isinstance(each.origin, int) for each in self._under_way)
        if self._archive is None or under_way >= _ARCHIVE_WINDOW:
            return None
        for kept in self._archive.after(self._sent, 1):
            self._sent = kept.number
            replayed = kept.number <= self._old
            return Message(
                self._topics.archive(kept.stream),
                f'{kept.text[:-1]},"replayed":true}}' if replayed else kept.text,
                retain=False,
                origin=kept.number,
                replayed=replayed,
            )
        return None

    def confirmed(self, message: Message, *, refused: bool = False) -> None:
        """The broker has a message, or refuses to take it."""
        if message not in self._under_way:
            return
        del self._under_way[message]
        counts, states = self.counts, self._states
        if refused:
            counts.refused += 1
        match message.origin:
            case int(number) if self._archive is not None:
                self._archive.remove(number)
                counts.archived += not refused
                counts.replayed += message.replayed and not refused
            case Live() if message.payload:
                counts.delivered += not refused
        if message.retain and not message.payload and not states.values.get(message.topic):
            states.values.pop(message.topic, None)
            states.published.discard(message.topic)

    def _left(self, live: Live) -> float:
        return live.at + self._expire_s - self._clock()
