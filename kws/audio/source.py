"""What audio comes from: the `Source` protocol, and from the configuration to an open source."""

import logging
import os
import stat
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from msgspec.structs import replace

from kws.audio.feed import Feed
from kws.audio.file import Demo, Recording
from kws.audio.microphone import Microphone
from kws.audio.stdin import Stdin
from kws.audio.timeout import TIMEOUT_SECONDS, with_timeout
from kws.audio.wyoming import PREFIX, WyomingMicrophone
from kws.config.paths import path_of
from kws.config.schema import AudioConfig
from kws.errors import AudioFileError, DeviceError, HungError, NoMicrophoneError
from kws.typing import AudioFormat

log = logging.getLogger(__name__)

SOUND_CARDS = Path("/dev/snd")


class Source(Protocol):
    """Something that delivers audio into a feed from a thread of its own.

    Attributes:
        kind: "microphone", "demo", "file", "stdin" or "network".
        name: what people call it.
        stream: name of the stream in events.
        live: whether audio comes by itself, in real time, whether or not somebody reads it.
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


class SourceFactory(Protocol):
    """Makes sources, of which one at a time is open."""

    def make(self) -> Source:
        """A source, not opened yet, in place of one that was lost or was not there.

        Raises:
            KwsError: there can be none.
        """
        ...


@dataclass(frozen=True)
class ConfiguredSource:
    """Makes the source that the configuration names, again and again.

    Attributes:
        config: its source is not "auto".
        model_rate: samples per second that need no resampling.
    """

    config: AudioConfig
    model_rate: int

    def make(self) -> Source:
        """See `SourceFactory`."""
        return make_source(self.config, self.model_rate, again=True)


class NoSource:
    """No source of one's own, for a daemon that processes what others send; it never ends.

    Args:
        model_rate: samples per second that the model takes.
    """

    kind = "network"
    name = "sound over the network"
    stream = "network"
    live = False
    comes_back = False

    def __init__(self, model_rate: int) -> None:
        self._format = AudioFormat(model_rate, 1)

    def open(self) -> AudioFormat:
        return self._format

    def start(self, feed: Feed) -> None:
        """Nothing to do: audio comes in streams of their own."""

    def stop(self) -> None:
        """Nothing to do."""


@dataclass(frozen=True)
class FirstSource:
    """The source to begin with.

    Attributes:
        source: opened, or one that may still come.
        opened: what it delivers; None while it does not.
        error: why it does not; None where it does.
    """

    source: Source
    opened: AudioFormat | None = None
    error: DeviceError | None = None


async def first_source(
    audio: AudioConfig,
    model_rate: int,
    *,
    demo_if_no_microphone: bool = False,
    timeout: float = TIMEOUT_SECONDS,
) -> FirstSource:
    """The source that the configuration names; a microphone that is not there may still come.

    Args:
        audio: the source's configuration.
        model_rate: samples per second that need no resampling.
        demo_if_no_microphone: take the demo recording where there is no microphone.
        timeout: seconds that the audio system may take.

    Raises:
        KwsError: it cannot be opened, and will not come.
        HungError: the audio system hangs.
    """
    source = make_source(audio, model_rate)
    try:
        return FirstSource(source, await with_timeout(source.open, timeout))
    except HungError:
        raise
    except DeviceError as error:
        if demo_if_no_microphone and isinstance(error, NoMicrophoneError):
            log.warning("%s; playing the demo recording instead", error)
            source = Demo(time.monotonic)
            return FirstSource(source, source.open())
        if not source.comes_back:
            raise
        return FirstSource(source, error=error)


def make_source(config: AudioConfig, model_rate: int, *, again: bool = False) -> Source:
    """The source that the configuration names, not opened yet.

    Args:
        config: the source's; its source is not "auto": see `resolve_auto`.
        model_rate: samples per second that need no resampling.
        again: it was lost, or was not there.

    Raises:
        AudioFileError: standard input is closed.
        ConfigError: it is no microphone of another machine, though it begins like one.
    """
    match config.source:
        case "microphone":
            return Microphone(
                config.device,
                model_rate,
                config.device_rate,
                channel=config.channel,
                rescan=again,
            )
        case "demo":
            return Demo(time.monotonic)
        case "network":
            return NoSource(model_rate)
        case uri if uri.startswith(PREFIX):
            return WyomingMicrophone(uri, config.channel)
        case "-":
            if sys.stdin is None:
                raise AudioFileError("standard input is closed; pipe audio into kws")
            raw = AudioFormat(config.stdin_rate, config.stdin_channels)
            return Stdin(sys.stdin.buffer, raw, config.stdin_format, model_rate, config.channel)
        case path:
            return Recording(path_of(path), config.channel)


def resolve_auto(
    config: AudioConfig,
    environment: Mapping[str, str],
    *,
    demo_if_no_microphone: bool = False,
    piped: bool | None = None,
    sound_cards: Path = SOUND_CARDS,
) -> AudioConfig:
    """The configuration with a source that can work here in place of "auto"; it is logged.

    A device that is configured is never left for another source: a microphone that is not there
    yet is waited for.

    Args:
        config: the source's.
        environment: with PULSE_SERVER, as "unix:PATH".
        demo_if_no_microphone: a microphone is wanted.
        piped: whether standard input is a pipe; found out by default.
        sound_cards: folder of ALSA's devices.
    """
    if config.source != "auto":
        return config
    if config.device:
        source, device, why = "microphone", config.device, "audio.device is set"
    elif demo_if_no_microphone:
        source, device, why = "microphone", "", "--demo-if-no-microphone is given"
    elif _stdin_is_pipe() if piped is None else piped:
        source, device, why = "-", "", "standard input is a pipe"
    elif (socket := _pulse_socket(environment)) is not None:
        source, device, why = "microphone", "pulse", f"PulseAudio is at {socket}"
    elif any(sound_cards.glob("pcmC*D*c")):
        source, device, why = "microphone", "", f"{sound_cards} has one"
    else:
        source, device = "network", ""
        why = f"there is no pipe, no socket of PulseAudio and no microphone in {sound_cards}"
    log.info("audio.source: %s, because %s", source, why)
    return replace(config, source=source, device=device)


def _stdin_is_pipe() -> bool:
    return sys.stdin is not None and stat.S_ISFIFO(os.fstat(sys.stdin.fileno()).st_mode)


def _pulse_socket(environment: Mapping[str, str]) -> Path | None:
    server = environment.get("PULSE_SERVER", "")
    socket = Path(server.removeprefix("unix:"))
    return socket if server and socket.is_socket() else None
