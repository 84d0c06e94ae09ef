"""Events: what happened in a stream, as values and as messages. See docs/protocol.md.

The hub stamps a `Body` with its place in the run and so makes an `Event` of it.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

import msgspec
from msgspec import UNSET, Struct, UnsetType

from kws.text import escaped, escaped_path

VERSION = 1
"""Version of the messages; grows only when a change is not an addition."""
_DECIMALS = {"t": 3, "confidence": 4, "score": 4, "seconds": 3}


class Body(Struct, frozen=True, tag_field="status"):
    """What happened, without its place in the run."""

    @property
    def type(self) -> str:
        """The message's type: "detection" or "status"."""
        return "status"

    def fields(self) -> dict[str, Any]:
        """The message's fields beside its stamp, in the order of the message."""
        fields: dict[str, Any] = msgspec.to_builtins(self)
        for name, decimals in _DECIMALS.items():
            if fields.get(name) is not None:
                fields[name] = round(fields[name], decimals)
        fields.pop("type", None)
        stamp: dict[str, Any] = {
            name: fields.pop(name) for name in ("stream", "t") if name in fields
        }
        return {**stamp, **fields}


class Detected(Body, frozen=True, tag_field="type", tag="detection"):
    """A keyword was detected.

    Attributes:
        stream: name of the stream.
        t: seconds of that stream's audio at the moment of decision.
        keyword: the word.
        confidence: smoothed posterior that fired, 0 to 1.
        model: name of the vocabulary.
        verified: whether a verifier has confirmed it.
        score: the verifier's posterior, 0 to 1; left out without a verifier.
    """

    stream: str
    t: float
    keyword: str
    confidence: float
    model: str
    verified: bool = False
    score: float | UnsetType = UNSET

    @property
    def certainty(self) -> float:
        """The score of a verified detection, the confidence of any other."""
        return self.confidence if isinstance(self.score, UnsetType) else self.score

    @property
    def type(self) -> str:
        return "detection"


class SamplesDropped(Body, frozen=True, tag="samples-dropped"):
    """Audio of a stream was lost, and nothing can have been detected in it.

    Attributes:
        stream: name of the stream.
        t: seconds of that stream's audio at the end of the loss.
        samples: how many were lost, at the model's rate.
        reason: why, for people.
    """

    stream: str
    t: float
    samples: int
    reason: str


class AudioLost(Body, frozen=True, tag="audio-lost"):
    """There is no audio any more.

    Attributes:
        stream: name of the stream.
        t: seconds of that stream's audio until then.
        reason: why, for people.
    """

    stream: str
    t: float
    reason: str


class AudioBack(Body, frozen=True, tag="audio-back"):
    """There is audio again. Nothing is decided before a whole window of it has come.

    Attributes:
        stream: name of the stream.
        t: seconds of that stream's audio, the time without audio included.
        seconds: how long there was none; None where there had never been any.
    """

    stream: str
    t: float
    seconds: float | None


class Reloaded(Body, frozen=True, tag="reloaded"):
    """Configuration and model were read again; streams go on.

    Attributes:
        model: name of the vocabulary from here on.
        keywords: of the vocabulary.
        thresholds: of each keyword.
    """

    model: str
    keywords: tuple[str, ...]
    thresholds: dict[str, float]


class ReloadRefused(Body, frozen=True, tag="reload-refused"):
    """Configuration or model cannot be used as they are now; all goes on as before.

    Attributes:
        reason: why, for people.
    """

    reason: str


class StreamStarted(Body, frozen=True, tag="stream-started"):
    """A stream has come over the network.

    Attributes:
        stream: name of the stream.
        sample_rate: frames per second that it delivers.
        channels: samples per frame.
        t: seconds of its audio so far: none.
    """

    stream: str
    sample_rate: int
    channels: int
    t: float = 0.0


class StreamEnded(Body, frozen=True, tag="stream-ended"):
    """A stream from the network is over, and all of it was processed.

    Attributes:
        stream: name of the stream.
        t: seconds of its audio, lost time included.
        reason: why, for people.
    """

    stream: str
    t: float
    reason: str


class Muted(Body, frozen=True, tag="muted"):
    """The microphone is closed, and nothing is detected in any stream.

    Attributes:
        seconds: until that ends by itself; None: it does not.
    """

    seconds: float | None


class Unmuted(Body, frozen=True, tag="unmuted"):
    """The microphone is open again, and keywords are detected.

    Attributes:
        reason: why, for people.
    """

    reason: str


STATUSES = (
    SamplesDropped,
    AudioLost,
    AudioBack,
    Reloaded,
    ReloadRefused,
    StreamStarted,
    StreamEnded,
    Muted,
    Unmuted,
)


@dataclass(frozen=True)
class Event:
    """Something that happened, at its place in a run.

    Attributes:
        run: identifies one start of the daemon.
        seq: counts the events of a run from 1, without gaps.
        time: of the decision, UTC.
        body: what happened.
    """

    run: str
    seq: int
    time: datetime
    body: Body

    @property
    def id(self) -> str:
        """Unique among all events of all runs."""
        return f"{self.run}-{self.seq}"

    @property
    def stream(self) -> str | None:
        """The stream that it concerns; None where it concerns all."""
        return getattr(self.body, "stream", None)

    def to_json(self) -> str:
        """The message, on one line."""
        return encode(
            {
                "type": self.body.type,
                "v": VERSION,
                "id": self.id,
                "run": self.run,
                "seq": self.seq,
                "time": utc(self.time),
                **self.body.fields(),
            }
        )


class Publisher(Protocol):
    """Takes events: the hub."""

    def publish(self, body: Body) -> Event:
        """Stamp what happened and hand it out. From any thread; never waits."""
        ...


def scan_line(file: str, detected: Detected) -> str:
    """A line of `kws scan`: a detection with its file instead of its place in a run."""
    fields = detected.fields()
    del fields["stream"]
    message = {"type": detected.type, "v": VERSION, "file": file, **fields}
    return escaped_path(_json(message))


def encode(message: Struct | Mapping[str, Any]) -> str:
    """A message on one line of JSON; text in any language stays readable.

    Raises:
        ValueError: a number is not finite.
    """
    return escaped(_json(message))


def _json(message: Struct | Mapping[str, Any]) -> str:
    return json.dumps(
        msgspec.to_builtins(message), ensure_ascii=False, separators=(",", ":"), allow_nan=False
    )


def utc_now() -> datetime:
    """The time of day, UTC."""
    return datetime.now(UTC)


def utc(time: datetime) -> str:
    """RFC 3339 with milliseconds, as 2026-11-22T12:00:00.123Z."""
    return time.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
