"""What clients ask for and what they are told, as values of the protocol. Pure."""

import io
from collections import deque
from collections.abc import Collection
from functools import lru_cache
from importlib.metadata import version

from msgspec import Struct
from wyoming.error import Error
from wyoming.event import Event, write_event
from wyoming.info import Attribution, Info, WakeModel, WakeProgram
from wyoming.ping import Pong
from wyoming.wake import Detection, NotDetected

_ATTRIBUTION = Attribution(name="kws", url="")
_CHUNKS = 2_000
_KEPT_S = 10.0


class Detect(Struct, frozen=True):
    """What `detect` says.

    Attributes:
        names: of the keywords that are wanted; None or empty: all.
    """

    names: tuple[str, ...] | None = None


class Ping(Struct, frozen=True):
    """What `ping` says.

    Attributes:
        text: that comes back.
    """

    text: str | None = None


def to_bytes(event: Event) -> bytes:
    """An event as it is sent."""
    target = io.BytesIO()
    write_event(event, target)
    return target.getvalue()


@lru_cache(maxsize=4)  # the library takes two milliseconds to make it
def info(keywords: tuple[str, ...], model: str, languages: tuple[str, ...]) -> Event:
    """The service: a wake program whose models are the keywords.

    Args:
        keywords: of the vocabulary.
        model: name of the vocabulary.
        languages: of the keywords.
    """
    release = version("kws")
    models = [
        WakeModel(
            name=keyword,
            # What Home Assistant lists.
            description=phrase(keyword),
            phrase=phrase(keyword),
            languages=list(languages),
            attribution=_ATTRIBUTION,
            installed=True,
            version=release,
        )
        for keyword in keywords
    ]
    program = WakeProgram(
        name="kws",
        description=f"keyword spotter, model {model}",
        attribution=_ATTRIBUTION,
        installed=True,
        version=release,
        models=models,
    )
    return Info(wake=[program]).event()


def phrase(keyword: str) -> str:
    """What is spoken, of a keyword."""
    return keyword.replace("_", " ")


def detection(keyword: str, timestamp: int) -> Event:
    """A keyword was detected.

    Args:
        keyword: which.
        timestamp: of the chunk with its end, milliseconds.
    """
    event = Detection(name=keyword, timestamp=timestamp).event()
    # Who spoke is not known, and a value of null would say that it might be.
    event.data.pop("speaker", None)
    return event


def not_detected() -> Event:
    """The audio has ended without a detection."""
    return NotDetected().event()


def pong(text: str | None) -> Event:
    """The answer to a ping."""
    return Pong(text=text).event()


def error(text: str, code: str) -> Event:
    """Something cannot be done.

    Args:
        text: what, for people.
        code: what, for programs.
    """
    return Error(text=text, code=code).event()


def unknown_names(wanted: Collection[str], keywords: Collection[str]) -> Event | None:
    """What is said of keywords that are wanted and not there; None where all are."""
    if not (unknown := [name for name in wanted if name not in keywords]):
        return None
    missing, there = ", ".join(map(repr, unknown)), ", ".join(keywords)
    return error(f"no such keyword: {missing}; there are: {there}", "unknown-name")


class ChunkTimes:
    """The timestamps of a stream's chunks, by their place in it.

    Args:
        start: milliseconds at the stream's beginning, where chunks have no timestamps.
    """

    def __init__(self, start: int) -> None:
        self.seconds = 0.0
        self._start = start
        self._chunks: deque[tuple[float, int]] = deque(maxlen=_CHUNKS)

    @property
    def now(self) -> int:
        """Milliseconds at the end of what has come, by the stream's length."""
        return self._start + round(1000 * self.seconds)

    def add(self, seconds: float, timestamp: int | None) -> None:
        """A chunk comes next.

        Args:
            seconds: its length.
            timestamp: milliseconds; None: it has none.
        """
        if timestamp is not None:
            self._chunks.append((self.seconds, timestamp))
        self.seconds += seconds
        while self._chunks and self._chunks[0][0] < self.seconds - _KEPT_S:
            self._chunks.popleft()

    def at(self, t: float) -> int:
        """The timestamp of the chunk in which second `t` of the stream is."""
        for begin, timestamp in reversed(self._chunks):
            if begin <= t:
                return timestamp
        return self._start + round(1000 * t)
