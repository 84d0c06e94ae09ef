"""The supervisor: what arrives on a real socket, and that nothing there can stop us."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kws.supervisor import Supervisor

PID = 4711


@pytest.fixture(params=["path", "abstract"])
def listening(
    request: pytest.FixtureRequest, tmp_path: Path
) -> Iterator[tuple[socket.socket, str]]:
    """A supervisor's socket, and its NOTIFY_SOCKET."""
    name = str(tmp_path / "notify") if request.param == "path" else f"@kws-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as there:
        there.bind(name.replace("@", "\0", 1) if name.startswith("@") else name)
        there.settimeout(10)
        yield there, name


def test_what_is_said_arrives(listening: tuple[socket.socket, str]) -> None:
    there, name = listening
    supervisor = Supervisor({"NOTIFY_SOCKET": name})
    assert supervisor.tell(READY=1, STATUS="Hears microphone 'Größe'")
    assert there.recv(4096).decode() == "READY=1\nSTATUS=Hears microphone 'Größe'"
    assert supervisor.tell(WATCHDOG=1)
    assert there.recv(4096) == b"WATCHDOG=1"


def test_a_reload_says_since_when(listening: tuple[socket.socket, str]) -> None:
    there, name = listening
    Supervisor({"NOTIFY_SOCKET": name}).reloading()
    first, second = there.recv(4096).decode().split("\n")
    assert first == "RELOADING=1"
    key, value = second.split("=")
    assert key == "MONOTONIC_USEC"
    assert int(value) > 0


@pytest.mark.parametrize("name", ["two\nlines", "a file \udce9.wav"])
def test_a_status_may_name_anything(listening: tuple[socket.socket, str], name: str) -> None:
    there, address = listening
    assert Supervisor({"NOTIFY_SOCKET": address}).tell(STATUS=name, READY=1)
    status, ready = there.recv(4096).decode().split("\n")
    assert status.startswith("STATUS=")
    assert ready == "READY=1"


def test_a_supervisor_that_does_not_read_does_not_stop_us(
    listening: tuple[socket.socket, str],
) -> None:
    _, name = listening
    supervisor = Supervisor({"NOTIFY_SOCKET": name})
    for _ in range(100_000):
        if not supervisor.tell(WATCHDOG=1):
            return
    pytest.fail("it never became full")


@pytest.mark.parametrize("environment", [{}, {"NOTIFY_SOCKET": ""}, {"NOTIFY_SOCKET": "/nowhere"}])
def test_without_a_supervisor_nothing_is_said(environment: dict[str, str]) -> None:
    assert not Supervisor(environment).tell(READY=1)


@pytest.mark.parametrize(
    ("environment", "seconds"),
    [
        ({}, None),
        ({"WATCHDOG_USEC": "30000000"}, 30.0),
        ({"WATCHDOG_USEC": "500000", "WATCHDOG_PID": str(PID)}, 0.5),
        ({"WATCHDOG_USEC": "500000", "WATCHDOG_PID": str(PID + 1)}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "-5"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
        ({"WATCHDOG_USEC": "²"}, None),
    ],
)
def test_the_watchdogs_time(environment: dict[str, str], seconds: float | None) -> None:
    assert Supervisor(environment, PID).watchdog_s == seconds


@given(st.text(max_size=10), st.text(max_size=10))
def test_no_variable_stops_the_start(microseconds: str, pid: str) -> None:
    Supervisor({"WATCHDOG_USEC": microseconds, "WATCHDOG_PID": pid}, PID)
