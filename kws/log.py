"""The log on standard error: lines for people, or JSON for machines."""

import json
import logging
import os
import sys
import threading
from datetime import UTC, datetime
from functools import cache
from typing import Any, TextIO

from kws.events import utc


class _JsonLines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        fields: dict[str, Any] = {
            "time": utc(datetime.fromtimestamp(record.created, UTC)),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            fields["exception"] = self.formatException(record.exc_info)
        return json.dumps(fields, ensure_ascii=False)


class _Text(logging.Formatter):
    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)-7s %(message)s", "%H:%M:%S")


@cache
def _standard_error() -> TextIO:
    """Standard error by a descriptor of its own: see `kws.audio.devices.quiet_libraries`."""
    sys.stderr.flush()
    return os.fdopen(os.dup(2), "w", buffering=1, errors="backslashreplace")


def set_up_logging(level: str, log_format: str) -> None:
    """Log to standard error.

    Args:
        level: the least that is said: "debug", "info", "warning" or "error".
        log_format: "text" or "json".
    """
    handler = logging.StreamHandler(_standard_error())
    handler.setFormatter(_JsonLines() if log_format == "json" else _Text())
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    # A reader of standard error that has gone must not fill it with complaints about that.
    logging.raiseExceptions = False


def take_in_standard_error() -> None:
    """Make what libraries write to standard error by themselves lines of the log.

    PortAudio and ALSA do when a device goes, and a log in JSON has to stay JSON. Our own lines
    go past this.
    """
    _standard_error()
    reading, writing = os.pipe()
    os.dup2(writing, 2)
    os.close(writing)

    def read() -> None:
        with os.fdopen(reading, errors="replace") as lines:
            for line in lines:
                logging.getLogger("kws.libraries").warning("%s", line.rstrip())

    threading.Thread(target=read, name="libraries", daemon=True).start()
