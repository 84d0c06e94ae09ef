"""The hub: each event enters once and leaves through every subscription that wants it.

A subscription has a bounded queue of its own, so only a slow subscriber suffers.
"""

import threading
from collections import deque
from collections.abc import Callable, Iterable
from datetime import datetime

from msgspec.structs import replace

from kws.history.queries import Missed
from kws.protocol.events import Body, Event, encode, utc_now
from kws.protocol.replies import Replay, Reply
from kws.protocol.requests import Filter
from kws.typing import Signal

HISTORY = 1_000
"""Events kept for subscribers that come back."""


Message = Event | str | None
"""An event, a message for one subscriber alone, or None: there will be no more."""


class Subscription:
    """One subscriber's queue. Made by `Hub.subscribe`; the reader calls `take`.

    Attributes:
        missed: events that found the queue full.
        first: number of the first event that was live for this subscriber.
    """

    def __init__(self, first: int, limit: int, signal: Signal, lock: threading.Lock):
        self.first = first
        self.missed = 0
        self._limit = limit
        self._signal = signal
        self._lock = lock
        self._queue: deque[Message] = deque()
        self._filter = Filter()

    def take(self) -> list[Message]:
        """Everything that waits, in order."""
        with self._lock:
            waiting = list(self._queue)
            self._queue.clear()
            return waiting

    def offer(self, event: Event) -> bool:
        """Queue an event, under the hub's lock; false if it is not wanted or the queue is full."""
        if not self._filter.wants(event):
            return False
        if len(self._queue) >= self._limit:
            self.missed += 1
        else:
            self._queue.append(event)
        return True

    @property
    def filter(self) -> Filter:
        """What is wanted now."""
        return self._filter

    def rewind(self, new: Filter, reply: str | None, events: Iterable[Event]) -> None:
        """From here on by another filter: a reply, then these events. Under the hub's lock."""
        self._filter = new
        # Who makes requests faster than it reads is too slow as well.
        if len(self._queue) > self._limit + HISTORY:
            self.missed += 1
            return
        if reply is not None:
            self._queue.append(reply)
        self._queue.extend(events)

    def end(self) -> None:
        """There will be no more. Under the hub's lock."""
        self._queue.append(None)

    def wake(self) -> None:
        """Notify the reader that something waits."""
        self._signal.set()


class Hub:
    """Numbers, keeps and hands out events. Any thread may call it; nothing in it waits.

    Args:
        run: identifies this start of the daemon.
        now: the time of day.
        history: events kept for subscribers that come back.
    """

    def __init__(
        self, run: str, now: Callable[[], datetime] = utc_now, history: int = HISTORY
    ) -> None:
        self.run = run
        self._now = now
        self._lock = threading.Lock()
        self._next = 1
        self._history: deque[Event] = deque(maxlen=history)
        self._subscriptions: set[Subscription] = set()
        self._closed = False

    @property
    def published(self) -> int:
        """How many events there have been."""
        return self._next - 1

    @property
    def subscribers(self) -> int:
        """How many there are."""
        return len(self._subscriptions)

    def publish(self, body: Body) -> Event:
        """Stamp what happened and hand it out."""
        with self._lock:
            event = Event(self.run, self._next, self._now(), body)
            self._next += 1
            self._history.append(event)
            woken = [each for each in self._subscriptions if each.offer(event)]
        for subscription in woken:
            subscription.wake()
        return event

    def subscribe(self, signal: Signal, limit: int) -> Subscription:
        """A new subscription to all events from now on.

        Args:
            signal: set from any thread when something waits.
            limit: events that may wait.
        """
        with self._lock:
            subscription = Subscription(self._next, limit, signal, self._lock)
            self._subscriptions.add(subscription)
            if self._closed:
                subscription.end()
        if self._closed:
            signal.set()
        return subscription

    def unsubscribe(self, subscription: Subscription) -> None:
        """Hand nothing more to a subscription."""
        with self._lock:
            self._subscriptions.discard(subscription)

    def close(self) -> None:
        """End every subscription, behind its last event."""
        with self._lock:
            self._closed = True
            subscriptions = list(self._subscriptions)
            for subscription in subscriptions:
                subscription.end()
        for subscription in subscriptions:
            subscription.wake()

    def change(
        self,
        subscription: Subscription,
        new: Filter,
        reply: Reply | None = None,
        after: tuple[str, int] | None = None,
        stored: Missed | None = None,
    ) -> None:
        """Change a subscription's filter, and send again what it missed before it came.

        Args:
            subscription: whose.
            new: its filter from here on.
            reply: what the subscriber gets before all events that come from here on; its `replay`
                is filled in where there is one.
            after: run and number of the last event that the subscriber has.
            stored: what the history knows to have come after that.
        """
        with self._lock:
            events = list[Event]()
            if after is not None:
                replay, events = self._missed(subscription, new, *after, stored)
                reply = reply and replace(reply, replay=replay)
            subscription.rewind(new, None if reply is None else encode(reply), events)
        subscription.wake()

    def covers(self, run: str, seq: int) -> bool:
        """Whether all events after one are kept here."""
        with self._lock:
            return run == self.run and self._oldest - 1 <= seq

    @property
    def _oldest(self) -> int:
        return self._history[0].seq if self._history else self._next

    def _missed(
        self,
        subscription: Subscription,
        new: Filter,
        run: str,
        seq: int,
        stored: Missed | None,
    ) -> tuple[Replay, list[Event]]:
        if run != self.run and stored is None:
            return Replay(0, complete=False), []
        before = [] if stored is None else stored.events
        present = [event.seq for event in before if event.run == self.run]
        last = max(present, default=seq if run == self.run else 0)
        # What came since the subscription began has been sent, or waits in its queue.
        events = [
            event for event in before if event.run != self.run or event.seq < subscription.first
        ]
        events += [event for event in self._history if last < event.seq < subscription.first]
        complete = self._oldest - 1 <= last < self._next and (stored is None or stored.complete)
        if subscription.filter not in (Filter(), new):
            # What another filter held back since this subscription began is not sent again.
            complete = False
        wanted = [event for event in events if new.wants(event)]
        return Replay(len(wanted), complete), wanted
