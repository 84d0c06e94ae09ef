"""Standard output: JSON lines and nothing else, and trouble there is nobody else's."""

import fcntl
import os
from collections.abc import Callable

from tests.support.client import get_json, receive, receive_all, subscribe
from tests.support.process import json_lines
from tests.support.talker import Talker

SMALL_PIPE = 4096

Talk = Callable[..., Talker]


def test_it_has_only_json_lines(talk: Talk) -> None:
    daemon = talk("--log-level", "debug")
    said = ["yes", "no", "down", "yes"]
    assert [event["keyword"] for event in daemon.say(*said)] == said
    daemon.end_input()
    assert daemon.finish() == 0
    events = daemon.all_events()
    assert [event["keyword"] for event in events] == said
    assert all({"v", "id", "run", "seq", "time"} <= event.keys() for event in events)


def test_a_closed_standard_output_does_not_affect_subscribers(talk: Talk) -> None:
    reading, writing = os.pipe()
    with os.fdopen(writing, "wb"):
        daemon = talk(stdout=writing)
    os.close(reading)
    with subscribe(daemon.port) as subscriber:
        receive(subscriber)
        for keyword in ("yes", "no", "down"):
            daemon.mumble(keyword)
            assert receive(subscriber)["keyword"] == keyword
        assert get_json(daemon.port, "/health")["subscribers"] == 1
        assert daemon.stop() == 0
    assert "standard output is closed" in daemon.messages()
    assert "standard output missed 3 events" in daemon.messages()
    assert "Traceback" not in daemon.messages()


def test_a_blocked_standard_output_does_not_affect_subscribers(talk: Talk) -> None:
    reading, writing = os.pipe()
    fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, SMALL_PIPE)
    said = ["yes", "no", "down"] * 15
    with os.fdopen(reading, encoding="utf-8") as pipe:
        with os.fdopen(writing, "wb"):
            daemon = talk(stdout=writing)
        with subscribe(daemon.port) as subscriber:
            receive(subscriber)
            daemon.mumble(*said)
            told = [receive(subscriber) for _ in said]
            assert [event["keyword"] for event in told] == said
            assert daemon.stop() == 0
            assert receive_all(subscriber)[0] == []
        written = json_lines(pipe.read())
    assert written == told[: len(written)]
    assert 0 < len(written) < len(said)
    assert f"standard output missed {len(said) - len(written)} events" in daemon.messages()


def test_a_reader_that_comes_back_to_it_gets_everything(talk: Talk) -> None:
    reading, writing = os.pipe()
    fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, SMALL_PIPE)
    said = ["yes", "no", "down"] * 15
    with os.fdopen(reading, encoding="utf-8") as pipe:
        with os.fdopen(writing, "wb"):
            daemon = talk(stdout=writing)
        with subscribe(daemon.port) as subscriber:
            receive(subscriber)
            daemon.mumble(*said)
            told = [receive(subscriber) for _ in said]
            daemon.end_input()  # waits until what has been detected has also been written
            assert json_lines(pipe.read()) == told
        assert daemon.finish() == 0
    assert "missed" not in daemon.messages()
