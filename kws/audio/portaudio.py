"""PortAudio: which input devices there are, and how one is opened."""

import contextlib
import logging
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import IO

from kws.audio.device import Device, numbered
from kws.audio.sound_card import card_keys
from kws.audio.sound_server import ServerSource, pipewire_sources, pulse_sources
from kws.errors import ConfigError, DeviceError, NoMicrophoneError
from kws.typing import AudioFormat, Channel

log = logging.getLogger(__name__)

INSTALL_PORTAUDIO = (
    "brew install portaudio" if sys.platform == "darwin" else "apt-get install libportaudio2"
)


@contextlib.contextmanager
def quiet_libraries() -> Iterator[None]:
    """Keep what ALSA and JACK print about a machine's missing parts off standard error.

    They write to the file descriptor, past Python; it goes into the log, for debugging.
    """
    sys.stderr.flush()
    saved = os.dup(2)
    with _scratch() as written:
        os.dup2(written.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(saved, 2)
            os.close(saved)
            written.seek(0)
            for line in written.read().decode(errors="replace").splitlines():
                log.debug("audio library: %s", line)


def _scratch() -> IO[bytes]:
    """A file without a name; in memory where that can be, for there may be no writable folder."""
    in_memory = getattr(os, "memfd_create", None)  # on Linux
    return os.fdopen(in_memory("kws"), "w+b") if in_memory else tempfile.TemporaryFile()


def portaudio() -> ModuleType:
    """The sounddevice module.

    Raises:
        NoMicrophoneError: the PortAudio library is not installed.
    """
    try:
        with quiet_libraries():
            import sounddevice
    except OSError as error:
        raise NoMicrophoneError(
            f"no microphone: the PortAudio library is missing ({INSTALL_PORTAUDIO})"
        ) from error
    module: ModuleType = sounddevice
    return module


def rescan() -> None:
    """Let PortAudio list the devices again: its list is from its start. No stream may be open.

    Raises:
        NoMicrophoneError: PortAudio is missing.
        DeviceError: it does not start again.
    """
    sounddevice = portaudio()
    try:
        with quiet_libraries():
            while sounddevice._initialized:
                sounddevice._terminate()
            sounddevice._initialize()
    except sounddevice.PortAudioError as error:
        raise DeviceError(f"PortAudio does not start again: {error}") from error


def input_devices() -> list[Device]:
    """All devices that can record, those of a sound server last.

    Raises:
        NoMicrophoneError: PortAudio is missing.
        HungError: the sound server does not answer.
    """
    sounddevice = portaudio()
    default = sounddevice.default.device[0]
    hosts = sounddevice.query_hostapis()
    devices = [
        Device(
            index=entry["index"],
            name=entry["name"],
            host_api=hosts[entry["hostapi"]]["name"],
            native_rate=round(entry["default_samplerate"]),
            channels=entry["max_input_channels"],
            default=entry["index"] == default,
            keys=card_keys(entry["name"]),
        )
        for entry in sounddevice.query_devices()
        if entry["max_input_channels"] > 0
    ]
    return numbered([*devices, *_of_sound_server(devices)])


def _of_sound_server(devices: list[Device]) -> list[Device]:
    """The sources of a sound server that PortAudio shows as one device of ALSA."""
    doors = {device.name: device for device in devices if device.host_api == "ALSA"}
    servers: tuple[tuple[str, str, str, Callable[[], list[ServerSource]]], ...] = (
        ("pulse", "PulseAudio", "PULSE_SOURCE", pulse_sources),
        ("pipewire", "PipeWire", "PIPEWIRE_NODE", pipewire_sources),
    )
    for name, server, variable, sources in servers:
        if (door := doors.get(name)) is not None and (found := sources()):
            return [
                Device(
                    index=door.index,
                    name=source.name,
                    host_api=server,
                    native_rate=source.rate or door.native_rate,
                    channels=source.channels or door.channels,
                    default=False,
                    keys=(source.key,),
                    environment=((variable, source.key),),
                )
                for source in found
            ]
    return []


@contextlib.contextmanager
def chosen(device: Device) -> Iterator[None]:
    """Have what opens a sound server's one device get this source of it."""
    before = {name: os.environ.get(name) for name, _ in device.environment}
    os.environ.update(device.environment)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def capture_format(
    device: Device, model_rate: int, wanted_rate: int = 0, channel: Channel = "mix"
) -> AudioFormat:
    """How to open a device: at the model's rate if it takes that, else at its own.

    Args:
        device: what to open.
        model_rate: samples per second that need no resampling.
        wanted_rate: only this rate; 0 leaves the choice.
        channel: has to be among those that it opens with.

    Raises:
        DeviceError: it opens in no format.
        ConfigError: it has no such channel.
    """
    least = 1 if channel == "mix" else channel + 1
    if least > device.channels:
        raise ConfigError(
            f"audio.channel: {channel}, but microphone {device.name!r} has {device.channels}, "
            "counted from 0"
        )
    sounddevice = portaudio()
    rates = dict.fromkeys((model_rate, device.native_rate, 48_000, 44_100))
    if wanted_rate:
        rates = {wanted_rate: None}
    reason = ""
    for rate in rates:
        for channels in dict.fromkeys(
            (least, max(least, min(2, device.channels)), device.channels)
        ):
            try:
                with quiet_libraries(), chosen(device):
                    sounddevice.check_input_settings(
                        device=device.index, channels=channels, samplerate=rate, dtype="float32"
                    )
            except sounddevice.PortAudioError as error:
                reason = str(error)
            else:
                return AudioFormat(rate, channels)
    tried = ", ".join(str(rate) for rate in rates)
    raise DeviceError(f"microphone {device.name!r} does not open at {tried} Hz: {reason}")
