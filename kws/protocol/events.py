"""What the daemon says, as values and as JSON. `docs/protocol.md` describes it for readers.

The hub stamps what happened (`News`) and so makes an `Event` of it.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

VERSION = 1
"""Version of the messages; grows only when a change is not an addition."""


@dataclass(frozen=True)
class Heard:
    """A keyword was heard.

    Attributes:
        stream: name of the stream it was heard in.
        t: seconds of that stream's audio at the moment of decision.
        keyword: the word.
        confidence: smoothed posterior that fired, 0 to 1.
        model: name of the vocabulary.
    """

    stream: str
    t: float
    keyword: str
    confidence: float
    model: str

    type = "detection"

    def fields(self) -> dict[str, Any]:
        """What the message says beside its stamp, in the order of the message."""
        return {
            "stream": self.stream,
            "t": round(self.t, 3),
            "keyword": self.keyword,
            "confidence": round(self.confidence, 4),
            "model": self.model,
        }


@dataclass(frozen=True)
class Dropped:
    """Sound of a stream was lost, and nothing can have been heard in it.

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

    type = "status"

    def fields(self) -> dict[str, Any]:
        """What the message says beside its stamp, in the order of the message."""
        return {
            "stream": self.stream,
            "t": round(self.t, 3),
            "status": "samples-dropped",
            "samples": self.samples,
            "reason": self.reason,
        }


@dataclass(frozen=True)
class Lost:
    """There is no sound any more.

    Attributes:
        stream: name of the stream.
        t: seconds of that stream's audio until then.
        reason: why, for people.
    """

    stream: str
    t: float
    reason: str

    type = "status"

    def fields(self) -> dict[str, Any]:
        """What the message says beside its stamp, in the order of the message."""
        return {
            "stream": self.stream,
            "t": round(self.t, 3),
            "status": "audio-lost",
            "reason": self.reason,
        }


@dataclass(frozen=True)
class Back:
    """There is sound again. Nothing is decided before a whole window of it has come.

    Attributes:
        stream: name of the stream.
        t: seconds of that stream's audio, the time without sound included.
        seconds: how long there was none; None where there had never been any.
    """

    stream: str
    t: float
    seconds: float | None

    type = "status"

    def fields(self) -> dict[str, Any]:
        """What the message says beside its stamp, in the order of the message."""
        return {
            "stream": self.stream,
            "t": round(self.t, 3),
            "status": "audio-back",
            "seconds": None if self.seconds is None else round(self.seconds, 3),
        }


@dataclass(frozen=True)
class Reloaded:
    """Configuration and model were read again; streams go on.

    Attributes:
        model: name of the vocabulary from here on.
        thresholds: of each keyword.
    """

    model: str
    thresholds: Mapping[str, float]

    type = "status"

    def fields(self) -> dict[str, Any]:
        """What the message says beside its stamp, in the order of the message."""
        return {
            "status": "reloaded",
            "model": self.model,
            "keywords": list(self.thresholds),
            "thresholds": dict(self.thresholds),
        }


@dataclass(frozen=True)
class Started:
    """A stream has come over the network.

    Attributes:
        stream: name of the stream.
        sample_rate: frames per second that it delivers.
        channels: samples per frame.
    """

    stream: str
    sample_rate: int
    channels: int

    type = "status"

    def fields(self) -> dict[str, Any]:
        """What the message says beside its stamp, in the order of the message."""
        return {
            "stream": self.stream,
            "t": 0.0,
            "status": "stream-started",
            "sample_rate": self.sample_rate,
            "channels": self.channels,
        }


@dataclass(frozen=True)
class Ended:
    """A stream from the network is over, and all of it was heard.

    Attributes:
        stream: name of the stream.
        t: seconds of its audio, lost time included.
        reason: why, for people.
    """

    stream: str
    t: float
    reason: str

    type = "status"

    def fields(self) -> dict[str, Any]:
        """What the message says beside its stamp, in the order of the message."""
        return {
            "stream": self.stream,
            "t": round(self.t, 3),
            "status": "stream-ended",
            "reason": self.reason,
        }


News = Heard | Dropped | Lost | Back | Reloaded | Started | Ended
"""What can happen."""


@dataclass(frozen=True)
class Event:
    """Something that happened, at its place in a run.

    Attributes:
        run: identifies one start of the daemon.
        seq: counts the events of a run from 1, without gaps.
        time: of the decision, UTC.
        what: what happened.
    """

    run: str
    seq: int
    time: datetime
    what: News

    @property
    def id(self) -> str:
        """Unique among all events of all runs."""
        return f"{self.run}-{self.seq}"

    def to_json(self) -> str:
        """The message, on one line."""
        return to_json(
            {
                "type": self.what.type,
                "v": VERSION,
                "id": self.id,
                "run": self.run,
                "seq": self.seq,
                "time": utc(self.time),
                **self.what.fields(),
            }
        )


def scan_line(file: str, heard: Heard) -> str:
    """What `kws scan` says: a detection with its file instead of its place in a run."""
    fields = heard.fields()
    del fields["stream"]
    return to_json({"type": heard.type, "v": VERSION, "file": file, **fields})


def to_json(message: Mapping[str, Any]) -> str:
    """A message on one line; text in any language stays readable."""
    return json.dumps(message, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def utc(time: datetime) -> str:
    """RFC 3339 with milliseconds, as 2026-11-22T12:00:00.123Z."""
    return time.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
