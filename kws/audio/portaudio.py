"""Which input devices there are, and which one a name means."""

import contextlib
import logging
import os
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from types import ModuleType
from typing import IO

from kws.errors import ConfigError, DeviceError, NoMicrophoneError
from kws.typing import AudioFormat, Channel

log = logging.getLogger(__name__)

INSTALL_PORTAUDIO = (
    "brew install portaudio" if sys.platform == "darwin" else "apt-get install libportaudio2"
)


@dataclass(frozen=True)
class Device:
    """An input device, as PortAudio knows it.

    Attributes:
        index: PortAudio's number of it; changes when devices come and go.
        name: as PortAudio spells it.
        host_api: ALSA, Core Audio, ...
        native_rate: samples per second that the device prefers.
        channels: the most it offers.
        default: whether it is the system's default input.
    """

    index: int
    name: str
    host_api: str
    native_rate: int
    channels: int
    default: bool


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
    """All devices that can record.

    Raises:
        NoMicrophoneError: PortAudio is missing.
    """
    sounddevice = portaudio()
    default = sounddevice.default.device[0]
    hosts = sounddevice.query_hostapis()
    return [
        Device(
            index=entry["index"],
            name=entry["name"],
            host_api=hosts[entry["hostapi"]]["name"],
            native_rate=round(entry["default_samplerate"]),
            channels=entry["max_input_channels"],
            default=entry["index"] == default,
        )
        for entry in sounddevice.query_devices()
        if entry["max_input_channels"] > 0
    ]


def choose_device(devices: list[Device], name: str) -> Device:
    """The device whose name holds `name` in any case, or the default one where it is empty.

    Raises:
        DeviceError: there is none.
    """
    if not devices:
        wanted = f" {name!r}" if name else ""
        raise NoMicrophoneError(
            f"no microphone{wanted}: this machine has no audio input device that this user may use"
        )
    if not name:
        return next((device for device in devices if device.default), devices[0])
    wanted = name.casefold()
    # A device that is called exactly so comes before one that has it in its name.
    matching = sorted(
        (device for device in devices if wanted in device.name.casefold()),
        key=lambda device: device.name.casefold() != wanted,
    )
    if not matching:
        known = ", ".join(repr(device.name) for device in devices)
        raise DeviceError(
            f"no microphone has {name!r} in its name (audio.device); there are: {known}"
        )
    return matching[0]


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
                with quiet_libraries():
                    sounddevice.check_input_settings(
                        device=device.index, channels=channels, samplerate=rate, dtype="float32"
                    )
            except sounddevice.PortAudioError as error:
                reason = str(error)
            else:
                return AudioFormat(rate, channels)
    tried = ", ".join(str(rate) for rate in rates)
    raise DeviceError(f"microphone {device.name!r} does not open at {tried} Hz: {reason}")
