"""Moments as people write them: "yesterday", "36h", "2026-11-22", "2026-11-22 12:00"."""

import re
from datetime import datetime, timedelta

_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_AGO = re.compile(r"(\d{1,6})([mhdw])")


def moment(text: str, now: datetime) -> datetime:
    """The moment that a text means.

    Args:
        text: "today", "yesterday": their midnight; "30m", "36h", "7d", "2w": so long ago; or as ISO
            8601 has it, without an offset by the clock on the wall here.
        now: with its offset.

    Raises:
        ValueError: it means none.
    """
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=None)
    if text == "today":
        return midnight.astimezone()
    if text == "yesterday":
        return (midnight - timedelta(days=1)).astimezone()
    try:
        if ago := _AGO.fullmatch(text):
            return now - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
        return datetime.fromisoformat(text).astimezone()
    except (ValueError, OverflowError, OSError) as error:
        raise ValueError(
            f"{text}: should be yesterday, today, 30m, 36h, 7d, 2w or as 2026-11-22T12:00"
        ) from error
