"""SIGINT and SIGTERM: the last events go out, everybody is told, and it ends at once with 0."""

import fcntl
import os
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from tests.support.client import HOST, mute_subscriber, receive, receive_all, subscribe
from tests.support.limits import at_most
from tests.support.process import DaemonProcess
from tests.support.talker import Talker

QUICKLY = 2.0
"""Seconds; alone on a machine it takes a fraction of one."""
SIGNALS = (signal.SIGINT, signal.SIGTERM)

Talk = Callable[..., Talker]


def stop(daemon: DaemonProcess, number: signal.Signals = signal.SIGTERM) -> None:
    """Ask it to end, and see that it does so quickly and well."""
    with at_most(QUICKLY):
        assert daemon.stop(number) == 0, daemon.all_stderr()


@pytest.fixture
def blocked_pipe() -> Iterator[int]:
    """The writing end of a pipe that nobody reads, and that is full already."""
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb"), os.fdopen(writing, "wb", buffering=0) as pipe:
        size = fcntl.fcntl(writing, fcntl.F_GETPIPE_SZ)
        pipe.write(bytes(size))
        yield writing


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_ends_it_cleanly(talk: Talk, number: signal.Signals) -> None:
    daemon = talk()
    with ExitStack() as stack:
        subscribers = [stack.enter_context(subscribe(daemon.port)) for _ in range(2)]
        for each in subscribers:
            assert receive(each)["type"] == "hello"
        events = daemon.say("yes", "no", "down")
        stop(daemon, number)
        for each in subscribers:
            told, code, reason = receive_all(each)
            assert (told, code, reason) == (events, 1001, "kws is stopping")
    assert daemon.all_events() == events
    assert daemon.messages().splitlines()[-1] == "stopped"


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_ends_a_daemon_whose_pipe_has_delivered_nothing(
    start: Callable[..., DaemonProcess], number: signal.Signals
) -> None:
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb") as pipe, os.fdopen(writing, "wb"):
        daemon = start("--source", "-", stdin=pipe.fileno())
        daemon.ready()
        stop(daemon, number)


@pytest.mark.parametrize("number", SIGNALS)
def test_a_blocked_standard_output_does_not_delay_the_end(
    talk: Talk, number: signal.Signals, blocked_pipe: int
) -> None:
    daemon = talk(stdout=blocked_pipe)
    with subscribe(daemon.port) as subscriber:
        receive(subscriber)
        daemon.mumble("yes")
        assert receive(subscriber)["keyword"] == "yes"
        stop(daemon, number)
        assert receive_all(subscriber)[1] == 1001


def say_nothing(port: int) -> socket.socket:
    """A connection on which nothing comes."""
    return socket.create_connection((HOST, port))


def half_a_request(port: int) -> socket.socket:
    """A connection whose request stops in the middle."""
    line = say_nothing(port)
    line.sendall(b"GET /health HTTP/1.1\r\nHost:")
    return line


@pytest.mark.parametrize("client", [say_nothing, half_a_request, mute_subscriber])
def test_a_client_that_does_nothing_does_not_delay_the_end(
    talk: Talk, client: Callable[[int], socket.socket]
) -> None:
    daemon = talk()
    with client(daemon.port), subscribe(daemon.port) as good:
        receive(good)
        events = daemon.say("yes", "no", "down")
        stop(daemon)
        assert receive_all(good) == (events, 1001, "kws is stopping")


def test_the_port_is_free_again(talk: Talk) -> None:
    daemon = talk()
    port = daemon.port
    with subscribe(port) as subscriber:
        receive(subscriber)
        stop(daemon)
        again = talk("--set", f"server.port={port}")
        assert again.port == port
        stop(again)
