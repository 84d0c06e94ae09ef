"""The log on standard error: lines for people, or JSON for machines."""

import contextlib
import json
import logging
import os
import queue
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from typing import Any, TextIO

from kws.protocol.events import utc
from kws.text import escaped


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
        return escaped(json.dumps(fields, ensure_ascii=False))


class _Plain(logging.Formatter):
    """A message is one line, whatever it quotes; those of an exception are indented."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - the library's name
        record.message = escaped(record.message)
        return super().formatMessage(record)

    def formatException(self, ei: Any) -> str:  # noqa: N802 - the library's name
        lines = super().formatException(ei).split("\n")
        return "\n".join(f"  {escaped(line)}" for line in lines)


class _Text(_Plain):
    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)-7s %(message)s", "%H:%M:%S")


class _Journal(_Plain):
    """Lines for systemd's journal: it has the time, and takes the priority from <N>."""

    def format(self, record: logging.LogRecord) -> str:
        # As of syslog: 3 error, 4 warning, 6 informational, 7 debug.
        priority = {logging.DEBUG: 7, logging.INFO: 6, logging.WARNING: 4}.get(record.levelno, 3)
        lines = super().format(record).splitlines() or [""]
        return "\n".join(f"<{priority}>{line}" for line in lines)


@cache
def _standard_error() -> TextIO:
    """Standard error by a descriptor of its own: see `kws.audio.portaudio.quiet_libraries`."""
    sys.stderr.flush()
    return os.fdopen(os.dup(2), "w", buffering=1, errors="backslashreplace")


def set_up_logging(level: str, log_format: str) -> None:
    """Log to standard error.

    Args:
        level: the least severe that is logged: "debug", "info", "warning" or "error".
        log_format: "text" or "json".
    """
    handler = logging.StreamHandler(_standard_error())
    if log_format == "json":
        handler.setFormatter(_JsonLines())
    elif is_journal(_standard_error().fileno(), os.environ):
        handler.setFormatter(_Journal())
    else:
        handler.setFormatter(_Text())
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    # A reader of standard error that has gone must not fill it with complaints about that.
    logging.raiseExceptions = False


def is_journal(descriptor: int, environment: Mapping[str, str]) -> bool:
    """Whether what is written there goes to systemd's journal.

    Args:
        descriptor: of an open file.
        environment: with JOURNAL_STREAM, the device and inode of the journal's socket; who
            inherits the variable may have redirected the stream.
    """
    file = os.fstat(descriptor)
    return environment.get("JOURNAL_STREAM") == f"{file.st_dev}:{file.st_ino}"


def set_level(level: str) -> None:
    """Log nothing less severe from here on."""
    logging.getLogger().setLevel(level.upper())


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


class Repetitions(logging.Filter):
    """Holds back what clients could have logged without end: of each kind some lines at once, then
    one a second, which says how many there were.

    A kind is the message of a logger before its arguments are filled in.

    Args:
        clock: seconds, monotonic.
    """

    _LOGGERS = (
        "asyncio",
        "kws.engine.senders",
        "kws.engine.output",
        "kws.integrations",
        "kws.serving",
    )
    _AT_ONCE = 5
    _MOST_KINDS = 1_000

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._kinds: dict[tuple[str, object], tuple[float, float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether to log a record."""
        if not record.name.startswith(self._LOGGERS):
            return True
        if len(self._kinds) > self._MOST_KINDS:
            self._kinds.clear()
        kind, now = (record.name, record.msg), self._clock()
        left, then, held_back = self._kinds.get(kind, (self._AT_ONCE, now, 0))
        left = min(self._AT_ONCE, left + now - then)
        if left < 1:
            self._kinds[kind] = left, now, held_back + 1
            return False
        self._kinds[kind] = left - 1, now, 0
        if held_back:
            record.msg = f"{record.msg} (and {held_back} more like it)"
        return True


class Unwaiting(logging.Handler):
    """Hands records to other handlers in a thread of its own: who logs never waits.

    A standard error that nobody reads would otherwise stop everything that logs.

    Args:
        handlers: write the records, and may block.
        limit: records that may wait; what is beyond is counted, not written.
    """

    def __init__(self, handlers: Sequence[logging.Handler], limit: int = 1_000) -> None:
        super().__init__()
        self.missed = 0
        self._handlers = handlers
        self._waiting: queue.Queue[logging.LogRecord | None] = queue.Queue(limit)
        self._thread = threading.Thread(target=self._run, name="log", daemon=True)
        self._thread.start()

    def emit(self, record: logging.LogRecord) -> None:
        """Take a record."""
        try:
            self._waiting.put_nowait(record)
        except queue.Full:
            self.missed += 1

    def finish(self, timeout: float) -> bool:
        """Write what waits, for at most `timeout` seconds; whether all is written."""
        with contextlib.suppress(queue.Full):
            self._waiting.put(None, timeout=timeout)
            self._thread.join(timeout)
        return not self._thread.is_alive()

    def _run(self) -> None:
        while (record := self._waiting.get()) is not None:
            for handler in self._handlers:
                handler.handle(record)


def log_without_waiting() -> Unwaiting:
    """Put a thread between the log and who logs; `finish_log` ends it."""
    root = logging.getLogger()
    handler = Unwaiting(list(root.handlers))
    handler.addFilter(Repetitions())
    root.handlers = [handler]
    return handler


def finish_log(timeout: float) -> None:
    """Write what waits in the log, for at most `timeout` seconds."""
    for handler in logging.getLogger().handlers:
        if isinstance(handler, Unwaiting):
            handler.finish(timeout)
