"""What systemd is told, datagram by datagram."""

import logging
import socket
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kws.daemon.sd_notify import SdNotify


@pytest.fixture
def folder() -> Iterator[Path]:
    """With a short path, as sockets need it."""
    with TemporaryDirectory(prefix="kws-") as folder:
        yield Path(folder)


@pytest.fixture(params=["file", "abstract"])
def supervised(request: pytest.FixtureRequest, folder: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(f"{folder}/notify" if request.param == "file" else f"\0{folder}/notify")
        listening.setblocking(False)
        yield listening


def address(listening: socket.socket) -> str:
    name = listening.getsockname()
    return name if isinstance(name, str) else f"@{name[1:].decode()}"


def sent_to(listening: socket.socket) -> list[dict[str, str]]:
    """All that has been said by now."""
    messages: list[dict[str, str]] = []
    while True:
        try:
            text = listening.recv(4096).decode()
        except BlockingIOError:
            return messages
        messages.append(dict(line.split("=", 1) for line in text.split("\n")))


def test_a_life(supervised: socket.socket) -> None:
    supervisor = SdNotify({"NOTIFY_SOCKET": address(supervised)})
    supervisor.ready("Processing audio from microphone 'usb'")
    supervisor.keep_alive()
    supervisor.reloading()
    supervisor.reloaded("Listening")
    supervisor.stopping()
    ready, keep_alive, reloading, reloaded, stopping = sent_to(supervised)
    assert ready == {"READY": "1", "STATUS": "Processing audio from microphone 'usb'"}
    assert keep_alive == {"WATCHDOG": "1"}
    assert reloading["RELOADING"] == "1"
    assert reloading["MONOTONIC_USEC"].isdigit()
    assert reloaded == {"READY": "1", "STATUS": "Listening"}
    assert stopping == {"STOPPING": "1", "STATUS": "Stopping"}


def test_before_it_is_ready_work_extends_the_start_and_a_reload_does_not_end_it(
    supervised: socket.socket,
) -> None:
    supervisor = SdNotify({"NOTIFY_SOCKET": address(supervised)})
    supervisor.keep_alive()
    supervisor.reloading()
    supervisor.reloaded("Listening")
    assert sent_to(supervised) == [{"EXTEND_TIMEOUT_USEC": "30000000"}]


@pytest.mark.parametrize(
    ("status", "sent"),
    [
        ("Audio from 'Größe'", "Audio from 'Größe'"),
        ("No audio: a\nREADY=1\rb", "No audio: a READY=1 b"),
        ("Processing audio from file 'a \udce9.wav'", "Processing audio from file 'a ?.wav'"),
    ],
)
def test_a_status_may_contain_anything_and_assigns_nothing(
    supervised: socket.socket, status: str, sent: str
) -> None:
    SdNotify({"NOTIFY_SOCKET": address(supervised)}).status(status)
    assert sent_to(supervised) == [{"STATUS": sent}]


def test_a_supervisor_that_does_not_read_delays_nothing(supervised: socket.socket) -> None:
    supervisor = SdNotify({"NOTIFY_SOCKET": address(supervised)})
    for _ in range(10_000):
        supervisor.keep_alive()
    assert sent_to(supervised)


def test_without_one_nothing_happens(folder: Path) -> None:
    SdNotify({}).ready("Listening")
    SdNotify({"NOTIFY_SOCKET": ""}).ready("Listening")
    SdNotify({"NOTIFY_SOCKET": str(folder / "none")}).ready("Listening")


@pytest.mark.parametrize(
    ("environment", "warned"),
    [
        ({"WATCHDOG_USEC": "5000000"}, True),
        ({"WATCHDOG_USEC": "5000000", "WATCHDOG_PID": "7"}, True),
        ({"WATCHDOG_USEC": "5000000", "WATCHDOG_PID": "8"}, False),
        ({"WATCHDOG_USEC": "30000000"}, False),
        ({"WATCHDOG_USEC": "0"}, False),
        ({"WATCHDOG_USEC": "soon"}, False),
        ({"WATCHDOG_USEC": "²"}, False),
        ({}, False),
    ],
)
def test_a_watchdog_without_patience_is_named(
    environment: dict[str, str], warned: bool, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        SdNotify(environment, pid=7)
    assert ("WatchdogSec" in caplog.text) is warned


@given(st.text(max_size=10), st.text(max_size=10))
def test_no_variable_stops_the_start(microseconds: str, pid: str) -> None:
    SdNotify({"WATCHDOG_USEC": microseconds, "WATCHDOG_PID": pid}, pid=7)
