"""A source of audio at one moment, for health, metrics and subscribers."""

from dataclasses import dataclass
from typing import Any

from kws.protocol.replies import Source
from kws.typing import AudioFormat


@dataclass(frozen=True)
class SourceState:
    """A source at one moment.

    Attributes:
        stream: name of its stream in events.
        kind: "microphone", "demo", "file", "stdin" or "network".
        name: what people call it.
        live: whether it ought to deliver all the time.
        audio_format: what it delivers, or last did; None before it was ever open.
        reason: why there is no audio; empty where there is, or ought to be soon.
        seconds_since_audio: since it last delivered; None if it never did.
        overflows: how often audio was lost before it reached this process.
        losses: how often the source was lost.
        dropped_samples: samples lost in all, at the model's rate.
    """

    stream: str
    kind: str
    name: str
    live: bool
    audio_format: AudioFormat | None
    reason: str
    seconds_since_audio: float | None
    overflows: int
    losses: int
    dropped_samples: int

    def summary(self) -> Source:
        """The source, as a message describes it."""
        return Source(self.stream, self.kind, self.name, self.live)

    def format_fields(self) -> dict[str, Any]:
        """Its format: Hz and samples per frame; None before it was ever open."""
        known = self.audio_format
        return {
            "sample_rate": known.sample_rate if known else None,
            "channels": known.channels if known else None,
        }

    def counts(self) -> dict[str, int]:
        """What was lost."""
        return {
            "overflows": self.overflows,
            "losses": self.losses,
            "dropped_samples": self.dropped_samples,
        }
