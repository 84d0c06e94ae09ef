"""The topics of one daemon. Pure."""

import hashlib
import re

_UNSAFE = re.compile(r"[^A-Za-z0-9_-]")
_ESCAPED = str.maketrans({each: f"%{ord(each):02X}" for each in "%+#/$\0"})


def segment(name: str) -> str:
    """A name as one level of a topic: what means something in topics is percent-encoded.

    Different names stay different.
    """
    return name.translate(_ESCAPED)


def slug(name: str) -> str:
    """A name as an identifier of Home Assistant: letters, digits, _ and - of ASCII.

    Different names stay different: one that had to be changed gets a part of its hash.
    """
    safe = _UNSAFE.sub("_", name)
    if safe == name:
        return safe
    return f"{safe}_{hashlib.sha256(name.encode(errors='surrogatepass')).hexdigest()[:8]}"


class Topics:
    """Where what of a daemon is published.

    Args:
        base: what all of them begin with, as "kws".
        daemon: the daemon's id.

    Attributes:
        daemon: the daemon's id.
        availability: "online" or "offline"; the broker itself says the latter where the connection
            breaks.
        state: model and keywords of the daemon.
        mute: "ON" or "OFF".
        set_mute: where others ask for that.
    """

    def __init__(self, base: str, daemon: str) -> None:
        self.daemon = daemon
        self._root = f"{base}/{segment(daemon)}"
        self.availability = f"{self._root}/availability"
        self.state = f"{self._root}/state"
        self.mute = f"{self._root}/mute"
        self.set_mute = f"{self._root}/mute/set"

    def detection(self, stream: str) -> str:
        """Where a stream's detections are."""
        return self._of(stream, "detection")

    def status(self, stream: str | None) -> str:
        """Where a stream's last status is; of None: that of the daemon."""
        return self._of(stream, "status")

    def archive(self, stream: str | None) -> str:
        """Where a stream's events are that may come late; of None: those of the daemon."""
        return self._of(stream, "archive")

    @property
    def all_detections(self) -> str:
        """The filter of the detections of all streams."""
        return f"{self._root}/+/detection"

    def _of(self, stream: str | None, kind: str) -> str:
        return (
            f"{self._root}/{kind}" if stream is None else f"{self._root}/{segment(stream)}/{kind}"
        )
