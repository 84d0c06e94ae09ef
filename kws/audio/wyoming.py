"""A microphone of another machine, by the Wyoming protocol, as a source."""

import socket
import threading
import time
from concurrent.futures import Future
from dataclasses import dataclass, replace
from functools import partial
from typing import Annotated, TypeVar
from urllib.parse import urlsplit

from msgspec import Meta, Struct

from kws.audio.feed import Feed, write_in_thread
from kws.audio.pcm import PcmDecoder
from kws.audio.timeout import in_thread
from kws.audio.wyoming_events import (
    Audio,
    EventDecoder,
    Limits,
    WyomingError,
    WyomingEvent,
    data_of,
)
from kws.errors import ConfigError, DeviceError
from kws.text import escaped
from kws.typing import AudioFormat, Channel, Clock, PcmFormat

PREFIX = "wyoming+"
CONNECT_S, ANSWER_S = 3.0, 3.0
"""It may take so long to connect, and to say what it delivers: together less than what counts as
hung (`kws.audio.timeout`)."""
_LIMITS = Limits(header=64 * 1024, data=1024 * 1024, payload=1024 * 1024)
_READ_BYTES = 64 * 1024
_DESCRIBE = b'{"type":"describe"}\n'
_AUDIO = ("audio-start", "audio-chunk")
Data = TypeVar("Data")


@dataclass(frozen=True)
class Place:
    """Where a service listens.

    Attributes:
        host: name or address; empty for a socket's file.
        port: of TCP.
        path: of a socket; empty for TCP.
    """

    host: str = ""
    port: int = 0
    path: str = ""


class _Program(Struct, frozen=True):
    mic_format: Audio


class _Info(Struct, frozen=True):
    mic: Annotated[tuple[_Program, ...], Meta(max_length=100)] = ()


class WyomingMicrophone:
    """A remote microphone as a live source.

    It is lost as any other is: where its service ends, hangs or cannot be reached.

    Args:
        uri: as "wyoming+tcp://HOST:PORT", or "wyoming+unix:///PATH".
        channel: the one to deliver; "mix" delivers all.
        clock: seconds, monotonic.

    Raises:
        ConfigError: the URI is none.
    """

    kind = "microphone"
    stream = "default"
    live = True
    comes_back = True

    def __init__(self, uri: str, channel: Channel = "mix", clock: Clock = time.monotonic) -> None:
        self.name = uri
        self._place = parse_place(uri)
        self._channel, self._clock = channel, clock
        self._socket: socket.socket | None = None
        self._events = EventDecoder(_LIMITS)
        self._early: list[WyomingEvent] = []
        self._pcm = PcmFormat(AudioFormat(1, 1), "s16le")
        self._stopping = threading.Event()

    def open(self) -> AudioFormat:
        self._socket = self._connect()
        try:
            self._pcm = self._wait_for_format(self._socket)
        except BaseException:
            self._socket.close()
            raise
        audio = self._pcm.audio
        if self._channel == "mix":
            return audio
        if self._channel >= audio.channels:
            self._socket.close()
            raise DeviceError(
                f"{self._title} has {audio.channels} channel(s), and audio.channel is "
                f"{self._channel}: they count from 0"
            )
        return replace(audio, channels=1)

    def start(self, feed: Feed) -> None:
        write_in_thread(self, feed)

    def stop(self) -> None:
        self._stopping.set()
        if self._socket is not None:
            try:
                # Ends a wait for more in the other thread, which closes it.
                self._socket.shutdown(socket.SHUT_RDWR)
            except OSError:
                # It has ended already.
                self._socket.close()

    def write_to(self, feed: Feed) -> None:
        """Write what comes until it is lost or the feed has ended. Raises DeviceError."""
        assert self._socket is not None, "open comes first"
        decoder = PcmDecoder(self._pcm)
        waiting, self._early = self._early, []
        with self._socket as line:
            line.settimeout(None)
            while not (self._stopping.is_set() or feed.ended):
                for event in waiting:
                    self._take(event, decoder, feed)
                try:
                    waiting = self._receive(line)
                except DeviceError:
                    if self._stopping.is_set():
                        return
                    raise

    def _take(self, event: WyomingEvent, decoder: PcmDecoder, feed: Feed) -> None:
        if event.type not in _AUDIO:
            return
        if self._data(event, Audio).pcm != self._pcm:
            raise DeviceError(f"{self._title} has changed its format")
        frames = decoder.push(event.payload)
        if not len(frames):
            return
        if self._channel != "mix":
            frames = frames[:, self._channel : self._channel + 1]
        feed.write(frames)

    def _connect(self) -> socket.socket:
        """Raises DeviceError."""
        place = self._place
        connect = partial(_connect, place)
        # Finding a name has no time limit of its own.
        connecting = in_thread(connect, self.name)
        try:
            return connecting.result(CONNECT_S)
        except TimeoutError as error:
            connecting.add_done_callback(_close_late)
            reason = str(error) or f"no answer within {CONNECT_S:g} s"
            raise DeviceError(f"{self._title} cannot be reached: {reason}") from error
        except (OSError, UnicodeError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise DeviceError(f"{self._title} cannot be reached: {reason}") from error

    def _wait_for_format(self, line: socket.socket) -> PcmFormat:
        """What it delivers: by its own account, or by its first audio, whatever comes first.

        Raises:
            DeviceError: it does not say so, or is no microphone.
        """
        until = self._clock() + ANSWER_S
        self._send(line, _DESCRIBE)
        while (left := until - self._clock()) > 0:
            line.settimeout(left)
            events = self._receive(line)
            for index, event in enumerate(events):
                if event.type in _AUDIO:
                    self._early = events[index:]
                    return self._data(event, Audio).pcm
                if event.type == "info":
                    programs = self._data(event, _Info).mic
                    if not programs:
                        raise DeviceError(f"{self._title} is no microphone, but another service")
                    self._early = events[index + 1 :]
                    return programs[0].mic_format.pcm
        raise DeviceError(self._silent)

    def _send(self, line: socket.socket, data: bytes) -> None:
        try:
            line.sendall(data)
        except OSError as error:
            raise DeviceError(f"{self._title} is lost: {error.strerror or error}") from error

    def _receive(self, line: socket.socket) -> list[WyomingEvent]:
        """The next events; none, where only a part of one has come. Raises DeviceError."""
        try:
            data = line.recv(_READ_BYTES)
        except TimeoutError as error:
            raise DeviceError(self._silent) from error
        except OSError as error:
            raise DeviceError(f"{self._title} is lost: {error.strerror or error}") from error
        if not data:
            raise DeviceError(f"{self._title} has closed the connection")
        self._events.feed(data)
        events = []
        try:
            while (event := self._events.take()) is not None:
                events.append(event)
        except WyomingError as error:
            raise DeviceError(f"{self._title} does not speak Wyoming: {error}") from error
        return events

    def _data(self, event: WyomingEvent, kind: type[Data]) -> Data:
        try:
            return data_of(event, kind)
        except WyomingError as error:
            raise DeviceError(f"{self._title} does not speak Wyoming: {error}") from error

    @property
    def _title(self) -> str:
        return f"{self.kind} {self.name!r}"

    @property
    def _silent(self) -> str:
        return f"{self._title} does not say what it delivers, within {ANSWER_S:g} s"


def parse_place(uri: str) -> Place:
    """Where a microphone is.

    Raises:
        ConfigError: it is no such URI.
    """
    wrong = ConfigError(
        f"audio.source: {escaped(uri)!r} should be {PREFIX}tcp://HOST:PORT or {PREFIX}unix:///PATH"
    )
    try:
        url = urlsplit(uri.removeprefix(PREFIX))
        host, port = url.hostname or "", url.port
    except ValueError:
        raise wrong from None
    if url.username is not None or url.query or url.fragment:
        raise wrong
    if url.scheme == "tcp" and host and port and not url.path.strip("/"):
        return Place(host, port)
    if url.scheme == "unix" and not host and url.path.startswith("/") and url.path != "/":
        return Place(path=url.path)
    raise wrong


def _connect(place: Place) -> socket.socket:
    if not place.path:
        return socket.create_connection((place.host, place.port), CONNECT_S)
    line = socket.socket(socket.AF_UNIX)
    try:
        line.settimeout(CONNECT_S)
        line.connect(place.path)
    except OSError:
        line.close()
        raise
    return line


def _close_late(connecting: "Future[socket.socket]") -> None:
    """Close what nobody waits for any more."""
    if connecting.exception() is None:
        connecting.result().close()
