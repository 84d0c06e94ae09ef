"""Events of the Wyoming protocol as bytes: a line of JSON, then data and payload. Pure.

The reader of the library takes whatever length is named, so that a header could fill the memory.
"""

from dataclasses import dataclass, field
from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import Meta, Struct

from kws.typing import AudioFormat, PcmFormat, SampleFormat

_FORMATS: dict[int, SampleFormat] = {1: "u8", 2: "s16le", 3: "s24le", 4: "s32le"}
LOWEST_RATE, HIGHEST_RATE = 8_000, 96_000
MOST_CHANNELS = 8
Length = Annotated[int, Meta(ge=0)]
Data = TypeVar("Data")


class WyomingError(Exception):
    """What comes is not the protocol, or beyond its limits; the message says what, for people."""


@dataclass(frozen=True)
class Limits:
    """How large an event may be, in bytes.

    Attributes:
        header: of its first line.
        data: of what its header says follows as data.
        payload: of what follows that, such as audio.
    """

    header: int
    data: int
    payload: int


@dataclass(frozen=True)
class WyomingEvent:
    """An event.

    Attributes:
        type: what it is.
        data: what it says.
        payload: such as audio.
    """

    type: str
    data: dict[str, Any] = field(default_factory=dict)
    payload: bytes = b""


class Audio(Struct, frozen=True, kw_only=True):
    """What `audio-start` and `audio-chunk` say.

    Attributes:
        rate: frames per second.
        width: bytes of a sample.
        channels: samples per frame.
        timestamp: of the first frame, milliseconds; None: it has none.
    """

    rate: Annotated[int, Meta(ge=LOWEST_RATE, le=HIGHEST_RATE)]
    width: Annotated[int, Meta(ge=1, le=max(_FORMATS))]
    channels: Annotated[int, Meta(ge=1, le=MOST_CHANNELS)]
    timestamp: int | None = None

    @property
    def pcm(self) -> PcmFormat:
        """The format of its payload."""
        return PcmFormat(AudioFormat(self.rate, self.channels), _FORMATS[self.width])


def data_of(event: WyomingEvent, kind: type[Data]) -> Data:
    """What an event says, as a `Struct`.

    Raises:
        WyomingError: it says something else.
    """
    try:
        return msgspec.convert(event.data, kind)
    except msgspec.ValidationError as error:
        raise WyomingError(f"{event.type}: {error}") from error


class _Header(Struct, frozen=True):
    type: str
    data: dict[str, Any] | None = None
    data_length: Length | None = None
    payload_length: Length | None = None


class EventDecoder:
    """Events out of bytes that come in pieces of any length.

    Args:
        limits: of each event.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._buffer = bytearray()
        self._searched = 0
        self._header: _Header | None = None

    @property
    def pending(self) -> bool:
        """Whether an event has begun, and is not complete."""
        return self._header is not None or bool(self._buffer)

    def feed(self, data: bytes) -> None:
        """Take the next bytes; they are not read before `take`."""
        self._buffer += data

    def take(self) -> WyomingEvent | None:
        """The next event; None: it is not complete yet.

        Raises:
            WyomingError: what comes is no event, or one that is too large; nothing after it can be
                read.
        """
        if self._header is None and not self._take_header():
            return None
        header = self._header
        assert header is not None
        data_length, payload_length = header.data_length or 0, header.payload_length or 0
        length = data_length + payload_length
        if len(self._buffer) < length:
            return None
        body = bytes(self._buffer[:length])
        del self._buffer[:length]
        self._header = None
        data = dict(header.data or {})
        if data_length:
            data |= _decode(body[:data_length], dict[str, Any], "data")
        return WyomingEvent(header.type, data, body[data_length:])

    def _take_header(self) -> bool:
        end = self._buffer.find(b"\n", self._searched)
        if (end if end >= 0 else len(self._buffer)) > self._limits.header:
            raise WyomingError(f"a header of more than {self._limits.header} bytes")
        if end < 0:
            self._searched = len(self._buffer)
            return False
        header = _decode(bytes(self._buffer[:end]), _Header, "header")
        del self._buffer[: end + 1]
        self._searched = 0
        for name in ("data", "payload"):
            length, most = getattr(header, f"{name}_length") or 0, getattr(self._limits, name)
            if length > most:
                raise WyomingError(f"{length} bytes of {name}; at most {most} are taken")
        self._header = header
        return True


def _decode(text: bytes, kind: type[Data], what: str) -> Data:
    try:
        return msgspec.json.decode(text, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise WyomingError(f"its {what} is not of the Wyoming protocol: {error}") from error
