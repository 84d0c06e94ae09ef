"""The hub: every subscriber gets every event once and in order, and only the slow one suffers."""

import threading
from datetime import UTC, datetime

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from kws.history.queries import Missed
from kws.protocol.events import Detected, Event, Reloaded, SamplesDropped, StreamEnded
from kws.protocol.replies import Replay, Subscribed
from kws.protocol.requests import Filter
from kws.serving.hub import HISTORY, Hub, Message, Subscription

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


def make_hub(history: int = HISTORY) -> Hub:
    return Hub("run", lambda: NOON, history)


def detected(keyword: str = "yes", confidence: float = 0.9) -> Detected:
    return Detected("default", 1.0, keyword, confidence, "model")


def numbers(messages: list[Message]) -> list[int]:
    return [message.seq for message in messages if isinstance(message, Event)]


class Woken:
    """Counts how often a subscriber was notified."""

    def __init__(self) -> None:
        self.times = 0

    def set(self) -> None:
        self.times += 1


def change(
    hub: Hub,
    subscription: Subscription,
    new: Filter | None = None,
    after: tuple[str, int] | None = None,
    stored: Missed | None = None,
) -> None:
    reply = Subscribed(keywords=None, min_confidence=0.0, streams=None)
    hub.change(subscription, new or Filter(), reply, after, stored)


def replay_of(messages: list[Message]) -> Replay:
    """The replay that the only reply among messages tells of."""
    (reply,) = (each for each in messages if isinstance(each, str))
    replay = msgspec.json.decode(reply, type=Subscribed).replay
    assert isinstance(replay, Replay)
    return replay


def test_events_are_numbered_stamped_and_handed_out() -> None:
    hub = make_hub()
    woken = Woken()
    subscription = hub.subscribe(woken, 10)
    event = hub.publish(detected())
    assert (event.run, event.seq, event.id, event.time) == ("run", 1, "run-1", NOON)
    assert subscription.take() == [event]
    assert subscription.take() == []
    assert woken.times == 1
    assert hub.subscribers == 1
    hub.unsubscribe(subscription)
    hub.publish(detected())
    assert subscription.take() == []
    assert hub.subscribers == 0


def test_a_slow_subscriber_misses_and_the_others_do_not() -> None:
    hub = make_hub()
    slow, quick = hub.subscribe(threading.Event(), 2), hub.subscribe(threading.Event(), 100)
    for _ in range(5):
        hub.publish(detected())
    assert (slow.missed, numbers(slow.take())) == (3, [1, 2])
    assert (quick.missed, numbers(quick.take())) == (0, [1, 2, 3, 4, 5])


def test_a_filter_lets_through_what_is_wanted_and_what_is_no_detection() -> None:
    hub = make_hub()
    subscription = hub.subscribe(threading.Event(), 10)
    change(hub, subscription, Filter(frozenset({"yes"}), 0.5))
    hub.publish(detected("yes", 0.6))
    hub.publish(detected("yes", 0.4))
    hub.publish(detected("no", 0.9))
    hub.publish(SamplesDropped("default", 1.0, 100, "late"))
    assert isinstance(subscription.take()[0], str)
    hub.publish(detected("yes", 0.5))
    assert numbers(subscription.take()) == [5]


def test_what_came_before_a_filter_is_not_filtered() -> None:
    hub = make_hub()
    subscription = hub.subscribe(threading.Event(), 10)
    hub.publish(detected("no"))
    change(hub, subscription, Filter(frozenset({"yes"})))
    hub.publish(detected("no"))
    first, second = subscription.take()
    assert isinstance(first, Event)
    assert isinstance(second, str)


@given(
    before=st.integers(0, 30),
    last=st.integers(0, 40),
    between=st.integers(0, 5),
    later=st.integers(0, 5),
    history=st.integers(1, 40),
)
def test_a_returning_subscriber_gets_what_it_missed_once_and_in_order(
    before: int, last: int, between: int, later: int, history: int
) -> None:
    """`last` of `before` events were had; some more come before and after the wish is known."""
    hub = make_hub(history)
    for _ in range(before):
        hub.publish(detected())
    subscription = hub.subscribe(threading.Event(), 100)
    for _ in range(between):
        hub.publish(detected())
    change(hub, subscription, after=("run", last))
    for _ in range(later):
        hub.publish(detected())
    messages = subscription.take()
    replay = replay_of(messages)
    received = numbers(messages)
    assert len(received) == len(set(received))
    kept = range(max(1, before + between - history + 1), before + 1)
    replayed = [seq for seq in kept if seq > last]
    live = list(range(before + 1, before + between + later + 1))
    assert sorted(received) == replayed + live
    assert replay.events == len(replayed)
    possible = last <= before + between
    assert replay.complete == (possible and last + 1 >= kept.start)
    assert numbers(messages[between:]) == replayed + live[between:]


def test_another_run_cannot_be_replayed() -> None:
    hub = make_hub()
    hub.publish(detected())
    subscription = hub.subscribe(threading.Event(), 10)
    change(hub, subscription, after=("other", 0))
    assert replay_of(subscription.take()) == Replay(0, complete=False)


def test_a_replay_is_filtered() -> None:
    hub = make_hub()
    for keyword in ("yes", "no", "yes"):
        hub.publish(detected(keyword))
    subscription = hub.subscribe(threading.Event(), 10)
    change(hub, subscription, Filter(frozenset({"yes"})), ("run", 0))
    messages = subscription.take()
    assert replay_of(messages) == Replay(2, complete=True)
    assert numbers(messages) == [1, 3]


def test_what_another_filter_held_back_is_not_called_complete() -> None:
    hub = make_hub()
    subscription = hub.subscribe(threading.Event(), 10)
    only_yes = Filter(frozenset({"yes"}))
    change(hub, subscription, only_yes)
    hub.publish(detected("no"))
    subscription.take()
    change(hub, subscription, only_yes, ("run", 0))
    assert replay_of(subscription.take()) == Replay(0, complete=True)
    change(hub, subscription, after=("run", 0))
    assert replay_of(subscription.take()) == Replay(0, complete=False)


def test_a_subscriber_that_requests_without_reading_is_too_slow() -> None:
    hub = make_hub()
    for _ in range(HISTORY):
        hub.publish(detected())
    subscription = hub.subscribe(threading.Event(), 10)
    for _ in range(10):
        change(hub, subscription, after=("run", 0))
    assert subscription.missed > 0
    assert len(subscription.take()) <= 2 * (HISTORY + 1) + 10


def test_the_end_comes_behind_the_last_event_for_all() -> None:
    hub = make_hub()
    early = hub.subscribe(threading.Event(), 10)
    event = hub.publish(detected())
    hub.close()
    woken = Woken()
    late = hub.subscribe(woken, 10)
    assert early.take() == [event, None]
    assert late.take() == [None]
    assert woken.times == 1


def test_a_filter_of_streams_passes_its_streams_and_what_is_for_all() -> None:
    wanted = Filter(streams=frozenset({"kitchen"}))
    hub = Hub("r")
    here, elsewhere = (
        Detected("kitchen", 1.0, "yes", 0.9, "m"),
        Detected("hall", 1.0, "yes", 0.9, "m"),
    )
    assert wanted.wants(hub.publish(here))
    assert not wanted.wants(hub.publish(elsewhere))
    assert wanted.wants(hub.publish(StreamEnded("kitchen", 1.0, "")))
    assert not wanted.wants(hub.publish(StreamEnded("hall", 1.0, "")))
    assert wanted.wants(hub.publish(Reloaded("m", (), {})))
    assert not Filter(frozenset(), streams=frozenset({"kitchen"})).wants(hub.publish(here))


def stored(run: str, *seqs: int) -> list[Event]:
    return [Event(run, seq, NOON, detected()) for seq in seqs]


def places(messages: list[Message]) -> list[tuple[str, int]]:
    return [(each.run, each.seq) for each in messages if isinstance(each, Event)]


def test_the_history_gives_back_an_earlier_run_before_this_one() -> None:
    hub = make_hub()
    for _ in range(3):
        hub.publish(detected())
    subscription = hub.subscribe(threading.Event(), 10)
    hub.publish(detected())
    # The last events of this run are still on their way to the disk.
    earlier = Missed([*stored("before", 8, 9), *stored("run", 1)], complete=True)
    change(hub, subscription, after=("before", 7), stored=earlier)
    messages = subscription.take()
    assert replay_of(messages) == Replay(5, complete=True)
    expected = [("before", 8), ("before", 9), ("run", 1), ("run", 2), ("run", 3)]
    assert places(messages) == [("run", 4), *expected]


@given(
    written=st.integers(0, 12),
    published=st.integers(0, 12),
    later=st.integers(0, 3),
    last=st.integers(0, 12),
    history=st.integers(1, 12),
    whole=st.booleans(),
)
def test_of_history_and_hub_each_event_comes_once(
    written: int, published: int, later: int, last: int, history: int, whole: bool
) -> None:
    """`written` events of this run are on the disk; some are kept by the hub, some live."""
    hub = make_hub(history)
    for _ in range(published):
        hub.publish(detected())
    subscription = hub.subscribe(threading.Event(), 100)
    for _ in range(later):
        hub.publish(detected())
    on_disk = [seq for seq in range(1, min(written, published + later) + 1) if seq > last]
    change(hub, subscription, after=("run", last), stored=Missed(stored("run", *on_disk), whole))
    messages = subscription.take()
    replayed = places(messages)[later:]
    kept = range(max(1, published + later - history + 1), published + 1)
    expected = sorted({*on_disk, *(seq for seq in kept if seq > last)} & {*range(published + 1)})
    assert replayed == [("run", seq) for seq in expected]
    complete = replay_of(messages).complete
    if complete:
        assert whole
        assert expected == list(range(last + 1, published + 1))
    if whole and last <= published and kept.start <= max([*on_disk, last]) + 1:
        assert complete


def test_what_the_hub_keeps_needs_no_history() -> None:
    hub = make_hub(history=2)
    assert hub.covers("run", 0)
    for _ in range(3):
        hub.publish(detected())
    assert [hub.covers("run", seq) for seq in range(4)] == [False, True, True, True]
    assert not hub.covers("other", 3)
