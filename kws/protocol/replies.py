"""Replies: what a daemon sends to one client alone. See docs/protocol.md."""

from msgspec import UNSET, Struct, UnsetType

from kws.protocol.events import VERSION


class Source(Struct, frozen=True):
    """A source of audio.

    Attributes:
        stream: name of its stream in events.
        kind: "microphone", "demo", "file", "stdin" or "network".
        name: what people call it.
        live: whether audio comes by itself, in real time.
    """

    stream: str
    kind: str
    name: str
    live: bool


class Reply(Struct, frozen=True, kw_only=True, tag_field="type"):
    """A message to one client.

    Attributes:
        v: version of the messages.
    """

    v: int = VERSION


class Hello(Reply, frozen=True, kw_only=True, tag="hello"):
    """The first message to a subscriber.

    Attributes:
        run: identifies this start of the daemon.
        seq: of the next event.
        model: name of the vocabulary.
        keywords: of the vocabulary.
        thresholds: of each keyword.
        sources: of audio.
        muted: whether nothing is detected, because somebody has muted the daemon.
    """

    run: str
    seq: int
    model: str
    keywords: tuple[str, ...]
    thresholds: dict[str, float]
    sources: tuple[Source, ...]
    muted: bool = False


class Replay(Struct, frozen=True):
    """The outcome of a request for missed events.

    Attributes:
        events: how many are sent again.
        complete: whether that is all that was missed.
    """

    events: int
    complete: bool


class Subscribed(Reply, frozen=True, kw_only=True, tag="subscribed"):
    """The reply to a subscriber's request.

    Attributes:
        keywords: whose detections are sent; None for all.
        min_confidence: least confidence of the detections that are sent.
        streams: whose events are sent; None for all.
        replay: the outcome of `after`, if that was requested.
    """

    keywords: tuple[str, ...] | None
    min_confidence: float
    streams: tuple[str, ...] | None
    replay: Replay | UnsetType = UNSET


class Started(Reply, frozen=True, kw_only=True, tag="started"):
    """The first message to a sender.

    Attributes:
        run: identifies this start of the daemon.
        seq: of the next event.
        stream: as the sender calls it.
        model: name of the vocabulary.
        keywords: of the vocabulary.
        thresholds: of each keyword.
    """

    run: str
    seq: int
    stream: str
    model: str
    keywords: tuple[str, ...]
    thresholds: dict[str, float]


class SlowDown(Reply, frozen=True, kw_only=True, tag="slow-down"):
    """A sender is ahead of real time.

    Attributes:
        lead_s: seconds that it is ahead.
    """

    lead_s: float


class Watching(Reply, frozen=True, kw_only=True, tag="watching"):
    """What all scores that follow have in common.

    Attributes:
        stream: whose scores they are.
        keywords: of the vocabulary.
        thresholds: of each keyword.
        release: level below which each keyword's smoothed posterior has to fall.
        refractory_s: seconds after a detection without another one, of each keyword.
        hop_s: seconds between windows.
        bands: of a log-mel frame.
        frames_per_hop: log-mel frames between windows.
        low_hz: lower edge of the lowest band, Hz.
        high_hz: upper edge of the highest band, Hz.
        verifier: name of the verifier; None without one.
        verifier_thresholds: score that each keyword has to reach; empty without a verifier.
        patience_s: seconds that each keyword's smoothed posterior has to stay at its threshold.
    """

    stream: str
    keywords: tuple[str, ...]
    thresholds: dict[str, float]
    release: dict[str, float]
    refractory_s: dict[str, float]
    hop_s: float
    bands: int
    frames_per_hop: int
    low_hz: float
    high_hz: float
    verifier: str | None = None
    verifier_thresholds: dict[str, float] = {}
    patience_s: dict[str, float] = {}


class TurnedDown(Struct, frozen=True):
    """A candidate that became no event.

    Attributes:
        keyword: the one that was proposed.
        t: seconds of the stream's audio at which it was.
        confidence: its smoothed posterior.
        verdict: "rejected" by the verifier, or "dropped" for want of the audio after it.
        score: the verifier's posterior of the keyword; None where it was not run.
    """

    keyword: str
    t: float
    confidence: float
    verdict: str
    score: float | None


class Scores(Reply, frozen=True, kw_only=True, tag="scores"):
    """One decision, and what it was made of.

    Attributes:
        stream: name of the stream.
        t: seconds of that stream's audio at the moment of decision.
        level_db: root mean square of the audio of this hop, dB; None for digital silence.
        posteriors: of each keyword, as the model gave them.
        smoothed: of each keyword, what is compared with the threshold.
        frames: log-mel frames that are new in this hop, a byte a band, in base64 (RFC 4648).
        turned_down: candidates that became no event since the hop before; left out where there is
            none.
    """

    stream: str
    t: float
    level_db: float | None
    posteriors: dict[str, float]
    smoothed: dict[str, float]
    frames: str | UnsetType = UNSET
    turned_down: tuple[TurnedDown, ...] | UnsetType = UNSET


REPLIES = (Hello, Subscribed, Started, SlowDown, Watching, Scores)
