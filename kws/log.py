"""The log on standard error: lines for people, or JSON for machines."""

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Any

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


def set_up_logging(level: str, log_format: str) -> None:
    """Log to standard error.

    Args:
        level: the least that is said: "debug", "info", "warning" or "error".
        log_format: "text" or "json".
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_JsonLines() if log_format == "json" else _Text())
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    # A reader of standard error that has gone must not fill it with complaints about that.
    logging.raiseExceptions = False
