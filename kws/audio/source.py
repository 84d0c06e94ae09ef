"""The seam between the daemon and whatever sound comes from."""

from typing import Protocol

from kws.audio.feed import AudioFormat, Feed


class Source(Protocol):
    """Something that delivers audio into a feed from a thread of its own.

    Attributes:
        kind: "microphone", "demo", "file", "stdin" or "network".
        name: what people call it.
        stream: name of the stream in events.
        live: whether sound comes by itself, in real time, whether or not somebody reads it.
        comes_back: whether it is worth opening again once it was lost.
    """

    kind: str
    name: str
    stream: str
    live: bool
    comes_back: bool

    def open(self) -> AudioFormat:
        """Find out what will come.

        Raises:
            KwsError: it cannot be opened.
        """
        ...

    def start(self, feed: Feed) -> None:
        """Begin to deliver; `feed.end` when there is no more.

        Raises:
            KwsError: it cannot be started.
        """
        ...

    def stop(self) -> None:
        """Deliver no more. May be called at any time after `open`, from any thread."""
        ...
