"""An integration's queue: what came, when, and what was lost."""

import threading

from kws.integrations.inbox import Inbox
from kws.protocol.events import Detected
from kws.serving.hub import Hub
from tests.integrations.clock import Clock

HEARD = Detected("default", 1.0, "yes", 0.9, "model")


def test_events_come_in_order_with_their_moment() -> None:
    hub, clock, woken = Hub("run"), Clock(), threading.Event()
    inbox = Inbox(hub, woken, clock)
    first = hub.publish(HEARD)
    clock.now = 5.0
    second = hub.publish(HEARD)
    assert woken.is_set()
    assert [(each.event, each.at) for each in inbox.take()] == [(first, 0.0), (second, 5.0)]
    assert inbox.take() == []


def test_the_oldest_is_lost_and_counted_where_nobody_takes_them() -> None:
    hub = Hub("run")
    inbox = Inbox(hub, threading.Event(), Clock(), limit=3)
    # Far more than the hub's queue for it holds.
    events = [hub.publish(HEARD) for _ in range(5_000)]
    assert [each.event for each in inbox.take()] == events[-3:]
    assert inbox.missed == 4_997


def test_what_waits_at_the_end_can_still_be_taken() -> None:
    hub, woken = Hub("run"), threading.Event()
    inbox = Inbox(hub, woken, Clock())
    event = hub.publish(HEARD)
    woken.clear()
    hub.close()
    assert woken.is_set()
    assert [each.event for each in inbox.take()] == [event]


def test_many_publish_at_once_and_nothing_is_lost_or_disordered() -> None:
    hub = Hub("run")
    inbox = Inbox(hub, threading.Event(), Clock(), limit=10_000)

    def publish() -> None:
        for _ in range(500):
            hub.publish(HEARD)

    threads = [threading.Thread(target=publish) for _ in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert [each.event.seq for each in inbox.take()] == list(range(1, 2_001))
