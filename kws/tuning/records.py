"""The lines of a recording of scores, JSON each. Never any audio. Pure."""

from typing import Annotated

import msgspec
from msgspec import Meta, Struct

VERSION = 1
"""Version of the lines; grows when a change is not an addition."""
_DECIMALS = 4

Level = Annotated[float, Meta(ge=0, le=1)]
Seconds = Annotated[float, Meta(ge=0)]


class Line(Struct, frozen=True, tag_field="type"):
    """One line of a recording."""


class Begin(Line, frozen=True, kw_only=True, tag="begin"):
    """What all lines after it come from, up to the next of its kind.

    Times begin anew with it.

    Attributes:
        v: version of the lines.
        time: of day, UTC, RFC 3339.
        stream: name of the stream.
        model: name of the vocabulary.
        keywords: of the vocabulary.
        thresholds: of each keyword's smoothed posterior.
        release: level below which each keyword's smoothed posterior has to fall.
        patience_s: time that it has to stay at its threshold, seconds.
        refractory_s: time after a detection without another one, seconds.
        hop_s: seconds between decisions.
        verifier: name of the verifier; None without one.
        verifier_thresholds: score that each keyword has to reach; empty without a verifier.
    """

    v: int = VERSION
    time: str
    stream: str
    model: str
    keywords: tuple[str, ...]
    thresholds: dict[str, Level]
    release: dict[str, Level]
    patience_s: dict[str, Seconds]
    refractory_s: dict[str, Seconds]
    hop_s: Annotated[float, Meta(gt=0)]
    verifier: str | None = None
    verifier_thresholds: dict[str, Level] = {}

    def __post_init__(self) -> None:
        """Raises ValueError (msgspec.ValidationError where it is read) where a keyword lacks a
        setting."""
        settings = [self.thresholds, self.release, self.patience_s, self.refractory_s]
        if self.verifier is not None:
            settings.append(self.verifier_thresholds)
        if any(set(each) != set(self.keywords) for each in settings):
            raise ValueError("every setting must name every keyword")

    @property
    def in_use(self) -> dict[str, float]:
        """The thresholds that decide: the verifier's where there is one."""
        return self.thresholds if self.verifier is None else self.verifier_thresholds

    @property
    def conditions(self) -> tuple[object, ...]:
        """What scores depend on: those of other conditions cannot be counted together."""
        trigger = (self.release, self.patience_s, self.refractory_s, self.hop_s)
        # A verifier's candidates are chosen by the model's thresholds; its own only decide on them.
        proposed_by = None if self.verifier is None else self.thresholds
        return (self.stream, self.model, self.keywords, self.verifier, proposed_by, *trigger)


class Peak(Line, frozen=True, tag="peak"):
    """A peak of a keyword's smoothed posterior: see `kws.tuning.peaks`.

    Attributes:
        keyword: whose.
        t: seconds of the stream's audio.
        height: the highest threshold that it would have reached.
    """

    keyword: str
    t: Seconds
    height: Level


class Candidate(Line, frozen=True, tag="candidate"):
    """What the verifier decided on.

    Attributes:
        keyword: the one confirmed, else the one proposed.
        t: seconds of the stream's audio at which it was proposed.
        score: the verifier's posterior of the keyword.
        confidence: the smoothed posterior that proposed it.
        confirmed: whether it was an event.
    """

    keyword: str
    t: Seconds
    score: Level
    confidence: Level
    confirmed: bool


class Processed(Line, frozen=True, tag="processed"):
    """Audio that was processed since the line before of its kind, in seconds."""

    seconds: Seconds


Record = Begin | Peak | Candidate | Processed
_DECODER: msgspec.json.Decoder[Record] = msgspec.json.Decoder(Record)


def encode(record: Record) -> bytes:
    """A line, with its end."""
    return msgspec.json.encode(record) + b"\n"


def decode(line: bytes) -> Record:
    """Read a line.

    Raises:
        ValueError: it is none of a recording.
    """
    try:
        return _DECODER.decode(line)
    except msgspec.MsgspecError as error:
        raise ValueError(str(error)) from error


def rounded(level: float) -> float:
    """A posterior as it is written."""
    return round(level, _DECIMALS)
