"""The microphone: PortAudio's callback thread copies audio into the feed."""

import logging
import os
import threading
from dataclasses import replace
from typing import Any

from kws.audio.device import Choice, Device, choose_device
from kws.audio.feed import Feed
from kws.audio.portaudio import (
    capture_format,
    chosen,
    input_devices,
    portaudio,
    quiet_libraries,
    rescan,
)
from kws.audio.sound_server import SourceWatch, default_pulse_source, pulse_source_of
from kws.errors import DeviceError, NoMicrophoneError
from kws.typing import AudioFormat, Channel, Frames

log = logging.getLogger(__name__)

_LATENCY_SECONDS = 0.1
"""With less, PulseAudio calls back hundreds of times a second: more CPU time than detection."""
_JUMP_SECONDS = 0.1
"""Capture times jump by up to 50 ms while PulseAudio starts; what is more than this is lost audio.
"""
_CONNECTED_SECONDS = 2.0
"""A sound server delivers sound within this time, or a silent one does not."""
_PAUSE_SECONDS = 1.2
"""After a longer pause an audio server may deliver what is old, or have gone over to another source
(PulseAudio takes 1.5 s for that), without any notice."""


class Microphone:
    """An input device as a live source.

    Args:
        device: its name, a part of it, or a key: see `kws.audio.device.choose_device`; empty for
            the default one.
        model_rate: samples per second that need no resampling.
        device_rate: open the device at this rate; 0 leaves the choice.
        channel: the one to deliver; "mix" delivers all.
        rescan: list the devices again when opening; only where no other one is open.
    """

    kind = "microphone"
    stream = "default"
    live = True
    comes_back = True

    def __init__(
        self,
        device: str,
        model_rate: int,
        device_rate: int = 0,
        *,
        channel: Channel = "mix",
        rescan: bool = False,
    ) -> None:
        self.name = device or "default"
        self._wanted = device
        self._model_rate = model_rate
        self._device_rate = device_rate
        self._channel = channel
        self._rescan = rescan
        self._devices: list[Device] = []
        self._choice: Choice | None = None
        self._format = AudioFormat(model_rate, 1)
        self._stream: Any = None
        self._watch: SourceWatch | None = None
        self._heard = threading.Event()
        self._stopping = False
        # PortAudio's streams are not thread-safe: one that is aborted while it starts can end the
        # process.
        self._changing = threading.Lock()
        self._next_time: float | None = None

    def open(self) -> AudioFormat:
        if self._rescan:
            rescan()
        self._devices = input_devices()
        self._choice = choose_device(self._devices, self._wanted)
        device = self._choice.device
        try:
            self._format = capture_format(
                device, self._model_rate, self._device_rate, self._channel
            )
        except DeviceError as error:
            # A default device that cannot be used is what a machine without a microphone has.
            if self._wanted:
                raise
            raise NoMicrophoneError(f"no microphone: {error}") from error
        self.name = device.name
        if self._server_chooses(device):
            self.name = self._name_of(default_pulse_source(), device.name)
        return self._format if self._channel == "mix" else replace(self._format, channels=1)

    def start(self, feed: Feed) -> None:
        if (choice := self._choice) is None:
            raise RuntimeError("start comes after open")
        sounddevice = portaudio()

        def callback(frames: Frames, count: int, time: Any, status: Any) -> None:
            try:
                self._take(feed, frames, time.inputBufferAdcTime, bool(status.input_overflow))
            # Whatever leaves a PortAudio callback is only printed, and the stream stays silent.
            except Exception as error:
                feed.end(DeviceError(f"microphone {self.name!r}: {error!r} while recording"))

        def finished() -> None:
            if not self._stopping:
                feed.end(
                    DeviceError(
                        f"microphone {self.name!r} stopped delivering: unplugged, "
                        "or its audio server ended"
                    )
                )

        try:
            with self._changing, quiet_libraries(), chosen(choice.device):
                if self._stopping:
                    return
                self._stream = sounddevice.InputStream(
                    device=choice.device.index,
                    samplerate=self._format.sample_rate,
                    channels=self._format.channels,
                    dtype="float32",
                    latency=_LATENCY_SECONDS,
                    callback=callback,
                    finished_callback=finished,
                )
                self._stream.start()
        except sounddevice.PortAudioError as error:
            raise DeviceError(f"microphone {self.name!r} cannot be opened: {error}") from error
        if choice.others:
            log.warning("%s", choice.told(self._wanted))
        if choice.device.environment or self._server_chooses(choice.device):
            self._follow(feed, choice.device)

    def _server_chooses(self, device: Device) -> bool:
        """Whether it is a sound server's one device, which takes the source that is its default."""
        return (
            device.host_api == "ALSA"
            and not device.keys  # a sound card has some, and is opened past the server
            and any(each.environment for each in self._devices)
        )

    def _name_of(self, key: str, otherwise: str) -> str:
        return next((each.name for each in self._devices if key in each.keys), otherwise)

    def _follow(self, feed: Feed, device: Device) -> None:
        """Name the sound server's source that is recorded, soon and whenever that changes.

        Where it is another one than was asked for, the feed ends. Nothing here waits for the
        server, which may hang.
        """

        def changed() -> None:
            # Before there is sound, a server may not have connected us with a source.
            self._heard.wait(_CONNECTED_SECONDS)
            try:
                self._check(device)
            except DeviceError as error:
                feed.end(error)

        with self._changing:
            if not self._stopping:
                self._watch = SourceWatch(changed)

    def _check(self, device: Device) -> None:
        """Find out what is recorded.

        Raises:
            DeviceError: it is another one than was asked for.
            HungError: the sound server does not answer.
        """
        source = pulse_source_of(os.getpid())
        # While it is moved, a stream has no source.
        name = self.name if source is None else self._name_of(source.key, source.name)
        if source is not None and device.environment and source.key not in device.keys:
            raise DeviceError(
                f"microphone {device.name!r} is gone: the sound server delivers {name!r} instead"
            )
        if name != self.name:
            log.info("microphone %r is %r now", self.name, name)
            self.name = name

    def stop(self) -> None:
        self._stopping = True
        with self._changing:
            if self._watch is not None:
                self._watch.stop()
                self._watch = None
            if self._stream is not None:
                self._stream.abort(ignore_errors=True)
                self._stream.close(ignore_errors=True)
                self._stream = None

    def _take(self, feed: Feed, frames: Frames, captured: float, overflow: bool) -> None:
        """Copy a block into the feed, noting what is missing before it.

        Args:
            feed: where to.
            frames: shape (n, channels); PortAudio's, valid only now.
            captured: when its first frame was recorded, seconds; 0 where the host API has no such.
            overflow: whether PortAudio reports that audio before it was lost.
        """
        if (pause := feed.pause) > _PAUSE_SECONDS:
            feed.end(
                DeviceError(
                    f"microphone {self.name!r} paused for {pause:.1f} s; what comes now may be "
                    "old, or another device's"
                )
            )
            return
        self._heard.set()
        rate = self._format.sample_rate
        missing = 0.0
        if captured > 0:
            if self._next_time is not None:
                missing = captured - self._next_time
            self._next_time = captured + len(frames) / rate
        if overflow or missing > _JUMP_SECONDS:
            feed.lose(max(1, round(missing * rate)))
        if self._channel != "mix":
            frames = frames[:, self._channel : self._channel + 1]
        feed.write(frames)
