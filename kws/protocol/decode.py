"""Events out of their messages: what `Event.to_json` wrote, and what a daemon sends."""

import json
from datetime import datetime
from typing import Any, Union

import msgspec
from msgspec import Struct

from kws.protocol.events import STATUSES, Body, Detected, Event

_Status = Union[STATUSES]  # type: ignore[valid-type]  # noqa: UP007


class _Stamp(Struct, frozen=True):
    """An event's place in its run."""

    type: str
    run: str
    seq: int
    time: datetime


class UnknownMessageError(ValueError):
    """A message that is no event that this version of kws knows."""


def parse_event(message: str | dict[str, Any]) -> Event:
    """The event of a message, or of its JSON.

    Raises:
        UnknownMessageError: it is none, or one of a later version.
    """
    try:
        fields = json.loads(message) if isinstance(message, str) else message
        stamp = msgspec.convert(fields, _Stamp)
        body: Body
        if stamp.type == "detection":
            body = msgspec.convert(fields, Detected)
        else:
            body = msgspec.convert(fields, _Status)
    except (msgspec.ValidationError, ValueError) as error:
        raise UnknownMessageError(str(error)) from error
    return Event(stamp.run, stamp.seq, stamp.time, body)
