"""Standard output as a subscriber, written to a real pipe."""

import errno
import logging
import os
import threading

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


def test_a_closed_reader_is_counted_and_nobody_elses_trouble() -> None:
    reader, descriptor = os.pipe()
    os.close(reader)
    hub, writer, finished = started(descriptor)
    hub.publish(HEARD)
    hub.publish(HEARD)
    hub.close()
    assert finished.wait(limit(10))
    assert writer.missed == 2
    os.close(descriptor)


def test_a_blocked_reader_holds_nobody_and_is_counted() -> None:
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


class FullDisk:
    """A descriptor on a disk that takes some bytes, then none for a while, then all again.

    Args:
        takes: bytes until it is full.
        refusals: writes that it then refuses.
    """

    def __init__(self, takes: int, refusals: int) -> None:
        self.written = b""
        self._takes, self._refusals = takes, refusals

    def write(self, _: int, data: bytes) -> int:
        """As os.write."""
        if len(self.written) == self._takes and self._refusals:
            self._refusals -= 1
            raise OSError(errno.ENOSPC, "No space left on device")
        taken = data[: self._takes - len(self.written)] if self._refusals else data
        self.written += taken
        return len(taken)


@pytest.mark.parametrize("takes", [0, 1, 50, 200])
def test_a_torn_line_does_not_glue_itself_to_the_next(
    takes: int, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    disk = FullDisk(takes, refusals=2)
    monkeypatch.setattr(os, "write", disk.write)
    hub, writer, finished = started(1)
    events = [hub.publish(HEARD).to_json() for _ in range(4)]
    hub.close()
    assert finished.wait(limit(10))
    lines = disk.written.decode().splitlines()
    whole = [line for line in lines if line in events]
    assert len(whole) == 4 - writer.missed
    torn = [line for line in lines if line not in events]
    assert len(torn) <= 1
    assert all(any(event.startswith(line) for event in events) for line in torn)
    # It is said once, not for every event.
    assert len([each for each in caplog.records if "takes no event now" in each.message]) == 1


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
