"""What crosses folders: arrays of audio, audio formats, and the protocols between layers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

import numpy as np
import numpy.typing as npt

Samples = npt.NDArray[np.float32]
"""Mono audio of shape (n,), in [-1, 1]."""
Frames = npt.NDArray[np.float32]
"""Audio of shape (n, channels)."""
Windows = npt.NDArray[np.float32]
"""Log-mel windows of shape (n, bands, frames): ln mel power."""
Posteriors = npt.NDArray[np.float32]
"""Posteriors of shape (n, keywords), each in [0, 1]."""


@dataclass(frozen=True)
class AudioFormat:
    """What a source delivers.

    Attributes:
        sample_rate: frames per second.
        channels: samples per frame.
    """

    sample_rate: int
    channels: int


SampleFormat = Literal["u8", "s16le", "s24le", "s32le", "f32le", "f64le", "alaw", "mulaw"]
_SAMPLE_BYTES = {
    "u8": 1,
    "s16le": 2,
    "s24le": 3,
    "s32le": 4,
    "f32le": 4,
    "f64le": 8,
    "alaw": 1,
    "mulaw": 1,
}


Channel = Literal["mix"] | int
"""Which channel of a recording or device counts: one, from 0 on, or the mean of all."""


@dataclass(frozen=True)
class PcmFormat:
    """What bytes mean.

    Attributes:
        audio: rate and channels.
        samples: type of a sample.
    """

    audio: AudioFormat
    samples: SampleFormat

    @property
    def frame_bytes(self) -> int:
        """Bytes of one sample of every channel."""
        return _SAMPLE_BYTES[self.samples] * self.audio.channels


class Clock(Protocol):
    """The time in seconds, which never goes back: time.monotonic."""

    def __call__(self) -> float: ...


class Signal(Protocol):
    """Is set when what somebody waits for has come: an event of a thread or of an event loop."""

    def set(self) -> None:
        """It has come. Never waits."""
        ...


@dataclass(frozen=True)
class MuteState:
    """Whether a daemon is muted.

    Attributes:
        muted: whether its microphone is closed, and nothing is detected in any stream.
        seconds_left: until that ends by itself; None: it does not, or the daemon is not muted.
    """

    muted: bool
    seconds_left: float | None = None


class Muting(Protocol):
    """Mutes and unmutes the daemon: its switch. For the thread of the event loop."""

    @property
    def state(self) -> MuteState:
        """How it stands. Each change of it is an event, `muted` or `unmuted`."""
        ...

    async def mute(self, seconds: float | None = None) -> MuteState:
        """Close the microphone, and detect nothing in any stream.

        Args:
            seconds: unmute after so long; None: stay muted until `unmute`. What was to last longer
                already does.

        Raises:
            MutingError: the source cannot be muted, or the daemon does not answer.
        """
        ...

    async def unmute(self, *, local: bool) -> MuteState:
        """Open the microphone again.

        Args:
            local: whether that is wanted on this machine; from elsewhere it has to be allowed.

        Raises:
            MutingError: it is not allowed, or the daemon does not answer.
        """
        ...


class InferenceMeter(Protocol):
    """Measures inference: the metrics."""

    def inferred(self, seconds: float, windows: int) -> None:
        """The model took so many seconds for a batch of so many windows."""
        ...

    def verified(self, seconds: float, candidates: int) -> None:
        """The verifier took so many seconds for a batch of so many candidates."""
        ...

    def settled(self, keyword: str, verdict: str) -> None:
        """A candidate of a keyword was "confirmed", "rejected" or "dropped"."""
        ...


@dataclass(frozen=True)
class IntegrationStatus:
    """An integration at one moment, for health, metrics and the page.

    Attributes:
        name: as its key in the configuration.
        peer: what it talks to, for people; holds no secret.
        connected: whether it can be reached, or listens.
        reason: why not; empty where it is connected, or has not tried yet.
        events: how many so far, by what became of them.
        waiting: how many are kept until it takes them.
    """

    name: str
    peer: str
    connected: bool
    reason: str = ""
    events: Mapping[str, int] = field(default_factory=dict)
    waiting: int = 0


class Integration(Protocol):
    """Another system that gets events, or asks for something, while the daemon runs."""

    def status(self) -> IntegrationStatus:
        """How it is now. For the thread of the event loop."""
        ...

    async def start(self) -> None:
        """Begin. Does not wait for the other side, whose failures are logged and tried again.

        Raises:
            KwsError: it can never begin, as where its port is taken.
        """
        ...

    async def stop(self) -> None:
        """End, with the last events. It is cancelled where that takes too long."""
        ...


class IntegrationStatuses(Protocol):
    """Knows how all integrations are."""

    def statuses(self) -> Sequence[IntegrationStatus]:
        """Of each one that is switched on."""
        ...
