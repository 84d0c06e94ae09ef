"""Standard output as a subscriber, written to a real pipe."""

import errno
import logging
import os
import threading
from collections import deque

import pytest

from kws.protocol.events import Detected
from kws.serving.hub import Hub
from kws.serving.stdout import StdoutWriter
from tests.support.limits import limit

HEARD = Detected("default", 1.0, "yes", 0.9, "model")


def started(descriptor: int, queue: int = 1_000) -> tuple[Hub, StdoutWriter, threading.Event]:
    hub = Hub("run")
    writer, finished = StdoutWriter(hub, descriptor, queue), threading.Event()
    writer.start(finished)
    return hub, writer, finished


def test_a_line_per_event_to_the_last() -> None:
    reader, descriptor = os.pipe()
    hub, writer, finished = started(descriptor)
    events = [hub.publish(HEARD) for _ in range(3)]
    hub.close()
    assert finished.wait(limit(10))
    os.close(descriptor)
    with os.fdopen(reader) as lines:
        assert lines.read() == "".join(f"{event.to_json()}\n" for event in events)
    assert writer.missed == 0


def test_a_closed_reader_is_counted_and_delays_no_other() -> None:
    reader, descriptor = os.pipe()
    os.close(reader)
    hub, writer, finished = started(descriptor)
    hub.publish(HEARD)
    hub.publish(HEARD)
    hub.close()
    assert finished.wait(limit(10))
    assert writer.missed == 2
    os.close(descriptor)


def test_a_full_disk_is_logged_once_and_the_next_line_is_whole(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    written = bytearray()
    room = deque([5, 0, 0, 10_000])  # bytes that each write takes; 0: the disk is full

    def write(_: int, data: bytes) -> int:
        count = room.popleft()
        if not count:
            raise OSError(errno.ENOSPC, "No space left on device")
        written.extend(data[:count])
        return len(data[:count])

    monkeypatch.setattr("kws.serving.stdout.os.write", write)
    caplog.set_level("INFO")
    hub, writer, finished = started(1)
    events = [hub.publish(HEARD) for _ in range(3)]
    hub.close()
    assert finished.wait(limit(10))
    lines = [event.to_json() for event in events]
    assert written.decode() == f"{lines[0][:5]}\n{lines[2]}\n"
    assert [each.getMessage() for each in caplog.records] == [
        "standard output takes no events (No space left on device)",
        "standard output takes events again",
    ]
    assert writer.missed == 2


def test_a_blocked_reader_delays_no_other_and_is_counted() -> None:
    reader, descriptor = os.pipe()
    hub, writer, finished = started(descriptor, queue=10)
    published = 2_000  # more than a pipe and the queue hold
    for _ in range(published):
        hub.publish(HEARD)
    missed = writer.missed
    assert missed > 0
    hub.close()

    def close() -> None:
        finished.wait(limit(10))
        os.close(descriptor)

    threading.Thread(target=close).start()
    with os.fdopen(reader, "rb") as lines:
        received = len(lines.readlines())
    assert received + writer.missed == published


def test_an_event_that_cannot_be_written_holds_back_no_other(
    caplog: pytest.LogCaptureFixture,
) -> None:
    reader, descriptor = os.pipe()
    hub, writer, finished = started(descriptor)
    with caplog.at_level(logging.ERROR):
        hub.publish(Detected("default", float("nan"), "yes", 0.9, "model"))
        event = hub.publish(HEARD)
        hub.close()
        assert finished.wait(limit(10))
    os.close(descriptor)
    with os.fdopen(reader) as lines:
        assert lines.read() == f"{event.to_json()}\n"
    assert writer.missed == 1
    assert "an event was not written" in caplog.text
