"""The log: one line for people, one object for machines."""

import json
import logging
import subprocess
import sys
import threading

from kws.log import Unwaiting

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


def said(log_format: str) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT.format(format=log_format)],
        capture_output=True,
        encoding="utf-8",
        check=True,
    )
    assert not done.stdout
    return done.stderr.splitlines()


def test_lines_for_people() -> None:
    assert said("text")[0].endswith("WARNING 3 words in Tür")


def test_objects_for_machines() -> None:
    first, second = map(json.loads, said("json"))
    assert first["message"] == "3 words in Tür"
    assert (first["level"], first["logger"], first["event"]) == ("warning", "kws.test", "ready")
    assert first["time"].endswith("Z")
    assert "ValueError: why" in second["exception"]


def test_who_logs_never_waits_for_who_reads() -> None:
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
    assert handler.finish(10)
    assert len(written) + handler.missed == 20
    assert written == [str(number) for number in range(len(written))]
    assert handler.missed >= 14
