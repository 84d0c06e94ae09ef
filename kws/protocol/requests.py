"""Requests: what clients may send. Pure: text in, values out. See docs/protocol.md."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Literal
from urllib.parse import parse_qsl

import msgspec
from msgspec import Meta, Struct

from kws.protocol.events import Detected, Event
from kws.text import check_plain, is_plain


@dataclass(frozen=True)
class Filter:
    """What a subscriber wants.

    Attributes:
        keywords: detections of these only; None for all.
        min_confidence: detections of at least this only; of verified ones their score counts.
        streams: events of these only; None for all.
    """

    keywords: frozenset[str] | None = None
    min_confidence: float = 0.0
    streams: frozenset[str] | None = None

    def wants(self, event: Event) -> bool:
        """Whether to send an event; what is no detection goes through if its stream does."""
        body, stream = event.body, event.stream
        if self.streams is not None and stream is not None and stream not in self.streams:
            return False
        if not isinstance(body, Detected):
            return True
        return body.certainty >= self.min_confidence and (
            self.keywords is None or body.keyword in self.keywords
        )


class After(Struct, frozen=True, forbid_unknown_fields=True):
    """The last event that a subscriber has."""

    run: str
    seq: Annotated[int, Meta(ge=0)]


class Request(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A subscriber's message; each key is optional.

    Attributes:
        token: the secret, where the connection did not bring it as a header.
        keywords: send detections of these only.
        min_confidence: send detections of at least this only.
        streams: send events of these only; they need not be there yet.
        after: send again what came after this event.
    """

    token: str | None = None
    keywords: frozenset[str] | None = None
    min_confidence: Annotated[float, Meta(ge=0, le=1)] = 0.0
    streams: frozenset[str] | None = None
    after: After | None = None

    @property
    def filter(self) -> Filter:
        """What the subscriber wants from here on."""
        return Filter(self.keywords, self.min_confidence, self.streams)


class Start(
    Struct,
    frozen=True,
    forbid_unknown_fields=True,
    tag_field="type",
    tag="start",
    omit_defaults=True,
):
    """A sender's first message.

    Attributes:
        stream: its name, in events.
        sample_rate: frames per second of what follows.
        format: type of a sample.
        channels: samples per frame.
        scores: whether to send the posteriors of each hop back.
        token: the secret, where the connection did not bring it as a header.
    """

    stream: Annotated[str, Meta(min_length=1, max_length=64)]
    sample_rate: Annotated[int, Meta(ge=8_000, le=96_000)]
    format: Literal["s16le", "f32le"]
    channels: Annotated[int, Meta(ge=1, le=8)] = 1
    scores: bool = False
    token: str | None = None

    def __post_init__(self) -> None:
        check_plain(self.stream)
        if self.stream != self.stream.strip():
            raise ValueError("stream: white space around the name; leave it out")


class End(Struct, frozen=True, forbid_unknown_fields=True, tag_field="type", tag="end"):
    """A sender's last message: there is no more audio."""


class Gap(Struct, frozen=True, forbid_unknown_fields=True, tag_field="type", tag="gap"):
    """A sender has lost audio; what comes next does not follow what came.

    Attributes:
        seconds: how much is missing.
    """

    seconds: Annotated[float, Meta(gt=0, le=86_400)]


class ScoresRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """Which stream's scores to send.

    Attributes:
        stream: its name; None: the daemon's own.
        frames: whether to send the log-mel frames too.
        token: the secret, where the connection did not bring it as a header.
    """

    stream: str | None = None
    frames: bool = False
    token: str | None = None


class MuteRequest(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """The body of POST /mute.

    Attributes:
        seconds: unmute after so long; None: stay muted.
    """

    seconds: Annotated[float, Meta(gt=0, le=86_400)] | None = None


class HistoryRequest(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """The query of GET /history.

    Attributes:
        since: events not before this moment, RFC 3339; None: from the beginning.
        until: events before this moment; None: to the end.
        type: of these only; None: both.
        after: go on behind this place, which the page before has given as `next`.
        limit: at most so many.
    """

    since: Annotated[datetime, Meta(tz=True)] | None = None
    until: Annotated[datetime, Meta(tz=True)] | None = None
    type: Literal["detection", "status"] | None = None
    after: Annotated[int, Meta(ge=0, le=2**62)] = 0
    limit: Annotated[int, Meta(ge=1, le=1_000)] = 1_000


class MarkRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """The body of POST /events/ID/mark.

    Attributes:
        not_a_word: whether nobody had said the keyword.
    """

    not_a_word: bool


class _WithToken(Struct, frozen=True):
    token: str | None = None


class BadRequestError(ValueError):
    """A message that cannot be understood, and why."""


def message_token(message: str | bytes) -> str | None:
    """The token in a first message, of which nothing else is read before it is right; else None."""
    try:
        token = msgspec.json.decode(message, type=_WithToken).token
    except msgspec.MsgspecError:
        return None
    return token if token is not None and is_plain(token) else None


def parse_request(message: str | bytes, known_keywords: Collection[str]) -> Request:
    """Read a subscriber's message.

    Raises:
        BadRequestError: it is not JSON, or has something unknown in it.
    """
    request: Request = _decode(message, Request)
    if request.keywords is not None and (unknown := request.keywords - set(known_keywords)):
        names, known = ", ".join(sorted(unknown)), ", ".join(known_keywords)
        raise BadRequestError(f"keywords: no {names} here; there are: {known}")
    return request


def parse_start(message: str | bytes) -> Start:
    """Read a sender's first message.

    Raises:
        BadRequestError: it is not JSON, or has something unknown in it.
    """
    start: Start = _decode(message, Start)
    return start


def parse_start_query(query: str) -> Start:
    """Read the request to start in an address, for tools that can send nothing but samples.

    Raises:
        BadRequestError: it has something unknown or the token in it: addresses are logged.
    """
    fields = dict(parse_qsl(query, keep_blank_values=True))
    if "token" in fields:
        raise BadRequestError("a token does not belong into an address; send it as a header")
    try:
        return msgspec.convert({"type": "start", **fields}, Start, strict=False)
    except msgspec.MsgspecError as error:
        raise BadRequestError(str(error)) from error


def parse_sender(message: str | bytes) -> Gap | End:
    """Read a sender's further message.

    Raises:
        BadRequestError: it is not JSON, has something unknown in it, or would start another one.
    """
    request: Start | Gap | End = _decode(message, Start | Gap | End)
    if isinstance(request, Start):
        raise BadRequestError("a stream keeps its name and format; open another connection")
    return request


def parse_scores_request(message: str | bytes) -> ScoresRequest:
    """Read the message of a client of /scores.

    Raises:
        BadRequestError: it is not JSON, or has something unknown in it.
    """
    request: ScoresRequest = _decode(message, ScoresRequest)
    return request


def parse_mute(body: bytes) -> MuteRequest:
    """Read the body of POST /mute; there need not be one.

    Raises:
        BadRequestError: it is not JSON, or has something unknown in it.
    """
    try:
        return msgspec.json.decode(body, type=MuteRequest) if body else MuteRequest()
    except msgspec.MsgspecError as error:
        raise BadRequestError(str(error)) from error


def parse_history_query(query: str) -> HistoryRequest:
    """Read the query of GET /history.

    Raises:
        BadRequestError: it has something unknown in it.
    """
    try:
        # Of an offset written as +01:00, a query makes a blank.
        fields = {
            key: value.replace(" ", "+") if key in ("since", "until") else value
            for key, value in parse_qsl(query, keep_blank_values=True)
        }
        return msgspec.convert(fields, HistoryRequest, strict=False)
    except (msgspec.MsgspecError, ValueError) as error:
        raise BadRequestError(str(error)) from error


def parse_mark(body: bytes) -> MarkRequest:
    """Read the body of POST /events/ID/mark.

    Raises:
        BadRequestError: it is not JSON, or has something unknown in it.
    """
    try:
        return msgspec.json.decode(body, type=MarkRequest)
    except msgspec.MsgspecError as error:
        raise BadRequestError(str(error)) from error


def parse_nothing(body: bytes) -> None:
    """Read a body that has to be empty.

    Raises:
        BadRequestError: it is not.
    """
    if body:
        raise BadRequestError("there is no body here; leave it out")


def _decode(message: str | bytes, kind: Any) -> Any:
    if isinstance(message, bytes):
        raise BadRequestError("send text, not binary")
    try:
        return msgspec.json.decode(message, type=kind)
    except msgspec.MsgspecError as error:
        raise BadRequestError(str(error)) from error
