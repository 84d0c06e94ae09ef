"""Subscribers: what they get, what they may ask for, and what nobody else notices of them."""

import contextlib
import json
from collections.abc import Callable, Iterator

import pytest
from websockets.sync.client import ClientConnection

from tests.support.client import (
    ask,
    close_code,
    get_json,
    mute_subscriber,
    read_all,
    receive,
    receive_all,
    send_unread,
    subscribe,
)
from tests.support.limits import wait_until
from tests.support.talker import Talker

POLICY_VIOLATION = 1008
TOO_BIG = 1009
TOO_SLOW = 4008

Talk = Callable[..., Talker]


@pytest.fixture
def subscriber(talker: Talker) -> Iterator[ClientConnection]:
    """One that has been greeted, at the daemon that the tests share."""
    with subscribe(talker.port) as connection:
        assert receive(connection)["type"] == "hello"
        yield connection


def test_hello_names_the_run_and_the_next_event(talker: Talker) -> None:
    before = talker.say("yes")[-1]
    with subscribe(talker.port) as connection:
        hello = receive(connection)
    assert (hello["type"], hello["v"], hello["run"]) == ("hello", 1, before["run"])
    assert hello["seq"] == before["seq"] + 1
    assert hello["keywords"] == ["yes", "no", "up", "down"]
    assert set(hello["thresholds"]) == set(hello["keywords"])
    assert hello["model"] == before["model"]
    [source] = hello["sources"]
    assert source == {"stream": "default", "kind": "stdin", "name": "standard input", "live": False}


def test_all_subscribers_get_what_standard_output_gets(talker: Talker) -> None:
    with subscribe(talker.port) as one, subscribe(talker.port) as other:
        receive(one), receive(other)
        events = talker.say("yes", "no", "down")
        assert [event["keyword"] for event in events] == ["yes", "no", "down"]
        assert [receive(one) for _ in events] == events
        assert [receive(other) for _ in events] == events


def test_a_filter_by_keyword_and_confidence(talker: Talker, subscriber: ClientConnection) -> None:
    answer = ask(subscriber, keywords=["yes"], min_confidence=0.5)
    assert answer == {
        "type": "subscribed",
        "v": 1,
        "keywords": ["yes"],
        "min_confidence": 0.5,
        "streams": None,
    }
    events = talker.say("no", "yes", "down", "yes")
    assert [receive(subscriber), receive(subscriber)] == [events[1], events[3]]
    # Nobody is so sure.
    assert ask(subscriber, min_confidence=1.0)["keywords"] is None
    talker.say("yes", "no")
    assert ask(subscriber)["type"] == "subscribed"
    assert talker.say("down") == [receive(subscriber)]


def test_a_returning_subscriber_gets_what_it_missed(talker: Talker) -> None:
    with subscribe(talker.port) as first:
        receive(first)
        seen = talker.say("yes")[-1]
        assert receive(first) == seen
    missed = talker.say("no", "down", "yes")
    with subscribe(talker.port) as again:
        assert receive(again)["seq"] == missed[-1]["seq"] + 1
        answer = ask(again, after={"run": seen["run"], "seq": seen["seq"]})
        assert answer["replay"] == {"events": 3, "complete": True}
        assert [receive(again) for _ in missed] == missed
        assert talker.say("no") == [receive(again)]


def test_what_came_before_the_question_is_not_sent_twice(talker: Talker) -> None:
    seen = talker.say("yes")[-1]
    missed = talker.say("no")
    with subscribe(talker.port) as again:
        receive(again)
        live = talker.say("down")  # before the question: sent as an event like any other
        again.send(json.dumps({"after": {"run": seen["run"], "seq": seen["seq"]}}))
        later = talker.say("yes")
        told = [receive(again) for _ in range(4)]
    events = [message for message in told if message["type"] == "detection"]
    assert sorted(event["seq"] for event in events) == [
        event["seq"] for event in (*missed, *live, *later)
    ]


def test_a_replay_goes_through_the_filter(talker: Talker) -> None:
    seen = talker.say("yes")[-1]
    missed = talker.say("no", "down", "no")
    with subscribe(talker.port) as again:
        receive(again)
        wish = {"run": seen["run"], "seq": seen["seq"]}
        answer = ask(again, keywords=["down"], after=wish)
        assert answer["replay"] == {"events": 1, "complete": True}
        assert receive(again) == missed[1]


def test_a_replay_of_another_run_is_incomplete(subscriber: ClientConnection) -> None:
    answer = ask(subscriber, after={"run": "another", "seq": 3})
    assert answer["replay"] == {"events": 0, "complete": False}


@pytest.mark.parametrize(
    "message",
    [
        "yes?",
        "",
        "[]",
        b"\x00\xff",
        '{"key": 1}',
        '{"keywords": "yes"}',
        '{"keywords": ["nonsense"]}',
        '{"min_confidence": 2}',
        '{"min_confidence": NaN}',
        '{"after": {"run": "x"}}',
        '{"after": {"run": "x", "seq": -1}}',
        "[" * 10_000,
    ],
    ids=lambda message: repr(message)[:30],
)
def test_an_invalid_message_closes_only_its_connection(
    talker: Talker, subscriber: ClientConnection, message: str | bytes
) -> None:
    with subscribe(talker.port) as rude:
        receive(rude)
        rude.send(message)
        code, reason = close_code(rude)
    assert code == POLICY_VIOLATION
    assert reason
    assert talker.say("yes") == [receive(subscriber)]


def test_too_large_a_message_closes_only_its_connection(
    talker: Talker, subscriber: ClientConnection
) -> None:
    with subscribe(talker.port) as rude:
        receive(rude)
        rude.send("x" * 2**20)
        assert close_code(rude)[0] == TOO_BIG
    assert talker.say("yes") == [receive(subscriber)]


def test_a_subscriber_that_disconnects_is_removed(
    talker: Talker, subscriber: ClientConnection
) -> None:
    other = mute_subscriber(talker.port)
    wait_until(lambda: get_json(talker.port, "/health")["subscribers"] == 2, "both are there")
    other.close()
    wait_until(lambda: get_json(talker.port, "/health")["subscribers"] == 1, "one is forgotten")
    assert talker.say("yes") == [receive(subscriber)]


@pytest.fixture
def impatient(talk: Talk) -> tuple[Talker, str]:
    """A daemon with little patience, and a request that has it send some events again."""
    talker = talk("--set", "server.queue=3")
    seen = talker.say(*["yes", "no", "down"] * 10)[0]
    return talker, json.dumps({"after": {"run": seen["run"], "seq": 1}})


def subscribers(talker: Talker) -> int:
    """How many the daemon counts."""
    count: int = get_json(talker.port, "/health")["subscribers"]
    return count


def test_a_client_that_never_reads_is_closed_and_others_are_not_affected(
    impatient: tuple[Talker, str],
) -> None:
    talker, wish = impatient
    with mute_subscriber(talker.port) as mute, subscribe(talker.port) as good:
        receive(good)
        wait_until(lambda: subscribers(talker) == 2, "both are there")
        for _ in range(30):
            send_unread(mute, wish)  # fills the line

        def closed() -> bool:
            assert talker.say("yes") == [receive(good)]
            return talker.has_logged("too slow")

        wait_until(closed, "who never reads is closed")
        # If it wakes up now, it reads why.
        reason = TOO_SLOW.to_bytes(2) + b"too slow: more than 3 events were waiting"
        assert read_all(mute).endswith(b"\x88" + bytes([len(reason)]) + reason)
        wait_until(lambda: subscribers(talker) == 1, "it is forgotten")
        assert talker.stop() == 0
        assert receive_all(good)[0] == []


def test_a_client_that_requests_without_reading_is_closed(impatient: tuple[Talker, str]) -> None:
    talker, wish = impatient
    with mute_subscriber(talker.port) as greedy, subscribe(talker.port) as good:
        receive(good)
        wait_until(lambda: subscribers(talker) == 2, "both are there")

        def closed() -> bool:
            with contextlib.suppress(ConnectionError):
                send_unread(greedy, wish)
            return subscribers(talker) == 1

        wait_until(closed, "who asks without end is closed")
        assert talker.say("yes") == [receive(good)]
