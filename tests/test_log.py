"""The log: one line for people, one object for machines."""

import json
import logging
import os
import re
import subprocess
import sys
import threading

import pytest

from kws.log import Unwaiting
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
