"""Readers of sound: what they have in common, and those of WAV and of raw samples."""

import logging
import os
from collections.abc import Iterator
from typing import IO, Protocol

import numpy as np

from kws.audio.pcm import PcmDecoder
from kws.audio.pipe import ByteStream
from kws.audio.wav import WavHeader
from kws.errors import AudioFileError
from kws.typing import AudioFormat, Channel, Frames, PcmFormat

log = logging.getLogger(__name__)


class AudioReader(Protocol):
    """Sound of a file or stream, from its beginning to its end.

    Attributes:
        name: of the file, for messages.
        format: rate and channels.
        frames: how many there are; None where that is not known before the end.
        cut_short: whether there is less than the header says.
    """

    name: str
    format: AudioFormat
    frames: int | None
    cut_short: bool

    def read(self, most: int) -> Frames:
        """The next frames, float32 of shape (n, channels): at least one, none at the end.

        Raises:
            AudioFileError: the file is damaged here, or at its end shorter than its header says;
                what came before has been given by then.
        """
        ...

    def seek(self, frame: int) -> None:
        """Go on at a frame, counted from 0; only where `frames` is known."""
        ...

    def close(self) -> None:
        """Close what is read."""
        ...


def blocks(reader: AudioReader, frames: int) -> Iterator[Frames]:
    """All that comes, in blocks of at most `frames` frames; raises as `AudioReader.read`."""
    while len(block := reader.read(frames)):
        yield block


def cut_short(name: str, seconds: float) -> AudioFileError:
    """The error of a file that is shorter than its header says."""
    return AudioFileError(
        f"{name}: cut short after {seconds:.1f} s; the audio until there was processed"
    )


def unreadable(name: str, error: OSError) -> AudioFileError:
    """The error of a file or stream that the system does not give."""
    return AudioFileError(f"{name}: cannot be read: {error.strerror}")


class OneChannel:
    """One channel of a recording. See `AudioReader`.

    Args:
        reader: of all its channels.
        channel: which one, from 0 on.

    Raises:
        AudioFileError: it has no such channel.
    """

    def __init__(self, reader: AudioReader, channel: int) -> None:
        check_channel(reader.name, reader.format.channels, channel)
        self.name, self.frames, self.cut_short = reader.name, reader.frames, reader.cut_short
        self.format = AudioFormat(reader.format.sample_rate, 1)
        self._reader, self._channel = reader, channel

    def read(self, most: int) -> Frames:
        """See `AudioReader`."""
        return self._reader.read(most)[:, self._channel : self._channel + 1]

    def seek(self, frame: int) -> None:
        """See `AudioReader`."""
        self._reader.seek(frame)

    def close(self) -> None:
        """See `AudioReader`."""
        self._reader.close()


def check_channel(name: str, channels: int, channel: Channel) -> None:
    """Raises AudioFileError where a recording with so many channels has no such one."""
    if channel != "mix" and channel >= channels:
        has = "one channel, 0" if channels == 1 else f"{channels} channels, 0 to {channels - 1}"
        raise AudioFileError(f"{name}: has {has}; there is no channel {channel} (audio.channel)")


class PcmReader:
    """Raw samples, with or without the header of a WAV file before them.

    Args:
        stream: begins with the first sample.
        pcm: what its bytes mean.
        name: for messages.
        header: of the WAV file.
    """

    def __init__(
        self, stream: ByteStream, pcm: PcmFormat, name: str, header: WavHeader | None = None
    ) -> None:
        self.name, self.format = name, pcm.audio
        self.frames: int | None = None
        self.cut_short = False
        self._stream, self._pcm, self._header = stream, pcm, header
        self._decoder = PcmDecoder(pcm)
        self._left = None if header is None else header.declared or None
        self._count = 0

    def read(self, most: int) -> Frames:
        """See `AudioReader`."""
        size = most * self._pcm.frame_bytes
        try:
            while data := self._sound(size - len(self._decoder.left_over)):
                self._count += len(data)
                if len(frames := self._decoder.push(data)):
                    return frames
        except OSError as error:
            raise unreadable(self.name, error) from error
        self._end()
        return np.empty((0, self.format.channels), np.float32)

    def seek(self, frame: int) -> None:
        """Not possible in a stream."""
        raise AudioFileError(f"{self.name}: is a stream, in which nothing can be skipped")

    def close(self) -> None:
        """See `AudioReader`."""
        self._stream.close()

    def _sound(self, most: int) -> bytes:
        """The next bytes of sound."""
        if self._left == 0 and not self._goes_on():
            return b""
        data = self._stream.read_some(most if self._left is None else min(most, self._left))
        if self._left is not None:
            self._left -= len(data)
        return data

    def _goes_on(self) -> bool:
        assert self._header is not None
        if not self._header.goes_on(self._stream.peek(9)):
            return False
        log.info("%s: there is more sound than its header says", self.name)
        self._left = None
        return True

    def _end(self) -> None:
        if left := len(self._decoder.left_over):
            log.warning("%s ended inside a sample: %d bytes left over", self.name, left)
            self._decoder.left_over = b""
        if self._count < self._pcm.frame_bytes:
            raise AudioFileError(f"{self.name} ended before any sound came")
        if self._header is not None and self._header.missing(self._count):
            self._header = None  # said once
            seconds = self._count / self._pcm.frame_bytes / self.format.sample_rate
            raise cut_short(self.name, seconds)


class WavFileReader:
    """A WAV file.

    Args:
        file: the file, which can be sought in.
        header: its header.
        name: for messages.
    """

    def __init__(self, file: IO[bytes], header: WavHeader, name: str) -> None:
        self.name, self.format = name, header.pcm.audio
        self._file, self._header = file, header
        self._decoder = PcmDecoder(header.pcm)
        total = file.seek(0, os.SEEK_END)
        file.seek(header.start + (header.declared or 0))
        size = header.sound_bytes(total, file.read(9))
        if header.declared and size > header.declared:
            log.info("%s: there is more sound than its header says", name)
        self._total = size // header.pcm.frame_bytes
        self.frames: int | None = self._total
        self.cut_short = header.missing(size)
        self._place = 0
        self.seek(0)

    def read(self, most: int) -> Frames:
        """See `AudioReader`."""
        count = min(most, self._total - self._place)
        try:
            frames = self._decoder.push(self._file.read(count * self._header.pcm.frame_bytes))
        except OSError as error:
            raise unreadable(self.name, error) from error
        self._place += len(frames)
        if self.cut_short and not count:
            self.cut_short = False  # said once
            raise cut_short(self.name, self._place / self.format.sample_rate)
        return frames

    def seek(self, frame: int) -> None:
        """See `AudioReader`."""
        self._place = min(frame, self._total)
        self._file.seek(self._header.start + self._place * self._header.pcm.frame_bytes)

    def close(self) -> None:
        """See `AudioReader`."""
        self._file.close()
