"""The log: one line for people, one object for machines."""

import json
import logging
import os
import re
import subprocess
import sys
import threading

import pytest

from kws.log import Repetitions, Unwaiting
from tests.support.limits import limit

SCRIPT = """
import logging
from kws.log import set_up_logging
set_up_logging("info", {format!r})
log = logging.getLogger("kws.test")
log.debug("not said")
log.warning("%d words in %s", 3, "Tür", extra={{"fields": {{"event": "ready"}}}})
try:
    raise ValueError("why")
except ValueError:
    log.exception("failed")
"""


def said(log_format: str, *, journal: str = "{0.st_dev}:{0.st_ino}") -> list[str]:
    """What the script logs into a pipe; `journal`: JOURNAL_STREAM, in terms of that pipe."""
    reading, writing = os.pipe()
    with os.fdopen(reading, encoding="utf-8") as pipe:
        with os.fdopen(writing) as stderr:
            done = subprocess.run(
                [sys.executable, "-c", SCRIPT.format(format=log_format)],
                stdout=subprocess.PIPE,
                stderr=stderr,
                env={**os.environ, "JOURNAL_STREAM": journal.format(os.fstat(writing))},
                check=True,
            )
        assert not done.stdout
        return pipe.read().splitlines()


@pytest.mark.parametrize("journal", ["", "1:1"])
def test_lines_for_people(journal: str) -> None:
    assert re.match(r"\d\d:\d\d:\d\d WARNING 3 words in Tür", said("text", journal=journal)[0])


def test_lines_for_the_journal_carry_their_priority_and_no_time() -> None:
    first, second, *rest = said("text")
    assert (first, second) == ("<4>3 words in Tür", "<3>failed")
    assert rest
    assert all(line.startswith("<3>") for line in rest)


def test_objects_for_machines() -> None:
    first, second = map(json.loads, said("json"))
    assert first["message"] == "3 words in Tür"
    assert (first["level"], first["logger"], first["event"]) == ("warning", "kws.test", "ready")
    assert first["time"].endswith("Z")
    assert "ValueError: why" in second["exception"]


def test_logging_never_waits_for_a_reader() -> None:
    reading = threading.Event()
    written: list[str] = []

    class Blocked(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            reading.wait()
            written.append(record.getMessage())

    handler = Unwaiting([Blocked()], limit=5)
    for number in range(20):
        handler.handle(logging.makeLogRecord({"msg": str(number)}))
    assert not handler.finish(0.01)
    reading.set()
    assert handler.finish(limit(10))
    assert len(written) + handler.missed == 20
    assert written == [str(number) for number in range(len(written))]
    assert handler.missed >= 14


FORGED = "no \x1b[31m\n12:00:01 WARNING forged\u2028 \u202e"
ESCAPED = r"no \u001b[31m\u000a12:00:01 WARNING forged\u2028 \u202e"
HOSTILE = """
import logging
from kws.log import set_up_logging
set_up_logging("info", {format!r})
log = logging.getLogger("kws.test")
log.warning("closed: %s", {text!r})
try:
    raise ValueError({text!r})
except ValueError:
    log.exception("failed")
"""


def said_of(text: str, log_format: str, variables: dict[str, str]) -> list[str]:
    """What is logged of somebody else's text, as its lines."""
    script = HOSTILE.format(format=log_format, text=text)
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, capture_output=True, env=os.environ | variables, check=True)
    return done.stderr.decode().split("\n")[:-1]


def test_nobody_can_forge_a_line_for_people() -> None:
    first, second, *trace = said_of(FORGED, "text", {"JOURNAL_STREAM": ""})
    assert first.endswith(f"WARNING closed: {ESCAPED}")
    assert second.endswith("ERROR   failed")
    assert all(line.startswith("  ") and line.isprintable() for line in trace)


def test_nobody_can_forge_an_object_for_machines() -> None:
    lines = said_of(FORGED, "json", {})
    assert all(line.isprintable() for line in lines)
    first, second = map(json.loads, lines)
    assert first["message"] == f"closed: {FORGED}"
    assert FORGED in second["exception"]


def record(name: str, message: str, *arguments: object) -> logging.LogRecord:
    return logging.LogRecord(name, logging.WARNING, "", 0, message, arguments, None)


def test_what_clients_repeat_is_logged_once_a_second() -> None:
    now = 10.0
    repetitions = Repetitions(lambda: now)
    kept = []
    for index in range(1_000):
        line = record("kws.serving.connection", "client %d refused", index)
        if repetitions.filter(line):
            kept.append(line.getMessage())
        now += 0.01
    assert kept[:5] == [f"client {index} refused" for index in range(5)]
    assert 10 <= len(kept) <= 5 + 10
    assert all("more like it)" in each for each in kept[6:])
    # Other kinds, and lines that no client can cause, are not held back for it.
    assert repetitions.filter(record("kws.serving.connection", "another"))
    assert all(repetitions.filter(record("kws.audio.capture", "back")) for _ in range(100))


def test_kinds_without_end_take_no_memory_without_end() -> None:
    repetitions = Repetitions(lambda: 10.0)
    for index in range(5_000):
        repetitions.filter(record("asyncio", f"task {index} failed"))
    assert len(vars(repetitions)["_kinds"]) <= 1_001
