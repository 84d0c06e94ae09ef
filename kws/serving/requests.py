"""What a subscriber may say. Pure: text in, values out."""

from collections.abc import Collection
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from kws.serving.hub import Filter


class After(Struct, frozen=True, forbid_unknown_fields=True):
    """The last event that a subscriber has."""

    run: str
    seq: Annotated[int, Meta(ge=0)]


class Request(Struct, frozen=True, forbid_unknown_fields=True):
    """A subscriber's message; each key is optional.

    Attributes:
        token: the secret, where the connection did not bring it as a header.
        keywords: send detections of these only.
        min_confidence: send detections of at least this only.
        after: send again what came after this event.
    """

    token: str | None = None
    keywords: frozenset[str] | None = None
    min_confidence: Annotated[float, Meta(ge=0, le=1)] = 0.0
    after: After | None = None

    @property
    def filter(self) -> Filter:
        """What the subscriber wants from here on."""
        return Filter(self.keywords, self.min_confidence)


class BadRequestError(ValueError):
    """A message that cannot be understood; says why."""


def parse_request(message: str | bytes, known_keywords: Collection[str]) -> Request:
    """Read a subscriber's message.

    Raises:
        BadRequestError: it is not JSON, or says something unknown.
    """
    if isinstance(message, bytes):
        raise BadRequestError("send text, not binary")
    try:
        request = msgspec.json.decode(message, type=Request)
    except msgspec.MsgspecError as error:
        raise BadRequestError(str(error)) from error
    if request.keywords is not None and (unknown := request.keywords - set(known_keywords)):
        names, known = ", ".join(sorted(unknown)), ", ".join(known_keywords)
        raise BadRequestError(f"keywords: no {names} here; there are: {known}")
    return request
