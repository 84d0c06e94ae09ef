"""Formats of video and of telephones (MP4, WebM, AMR, ...), read by FFmpeg's libraries (PyAV)."""

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import IO, Any

import numpy as np

from kws.errors import AudioFileError
from kws.typing import AudioFormat, Frames


class MediaError(Exception):
    """FFmpeg's libraries do not read it; the message says why."""


def media_installed() -> bool:
    """Whether PyAV is installed: `kws[media]`."""
    return find_spec("av") is not None


class MediaReader:
    """The first sound track of any file that FFmpeg reads. See `kws.audio.readers.AudioReader`.

    Args:
        file: its path, or the file, which can be sought in.
        name: for messages.

    Raises:
        MediaError: it is damaged, of no format that FFmpeg reads, or has no sound.
    """

    def __init__(self, file: Path | IO[bytes], name: str) -> None:
        import av

        self.name = name
        self.frames: int | None = None
        self.cut_short = False
        self._error: type[Exception] = av.FFmpegError
        # As a file, since a name need not be text, and may look like a URL.
        self._file = file.open("rb") if isinstance(file, Path) else file
        try:
            self._container: Any = av.open(self._file, "r", metadata_errors="ignore")
        except (av.FFmpegError, OSError) as error:
            self._file.close()
            raise MediaError(_reason(error)) from error
        # A track whose codec is unknown lacks the attribute.
        tracks = (each for each in self._container.streams.audio if getattr(each, "rate", None))
        if (track := next(tracks, None)) is None:
            self.close()
            raise MediaError("it has no sound")
        self.format = AudioFormat(track.rate, track.layout.nb_channels)
        # A decoder may change its format within a file; it comes out as it was announced.
        self._resampler: Any = av.AudioResampler("flt", track.layout, track.rate)
        self._decoded = self._decode()
        self._waiting = np.empty((0, self.format.channels), np.float32)
        self._count = 0

    def read(self, most: int) -> Frames:
        """See `AudioReader`."""
        while not len(self._waiting):
            try:
                block = next(self._decoded, None)
            except self._error as error:
                raise AudioFileError(
                    f"{self.name}: damaged after {self._count / self.format.sample_rate:.1f} s "
                    f"({_reason(error)}); the audio before that was processed"
                ) from error
            if block is None:
                break
            self._waiting = block
        frames, self._waiting = self._waiting[:most], self._waiting[most:]
        self._count += len(frames)
        return frames

    def seek(self, frame: int) -> None:
        """Not possible: where a frame is, is not known before the end."""
        raise AudioFileError(f"{self.name}: nothing can be skipped in it")

    def close(self) -> None:
        """See `AudioReader`."""
        self._container.close()
        self._file.close()

    def _decode(self) -> Iterator[Frames]:
        for frame in self._container.decode(audio=0):
            yield from self._resample(frame)
        yield from self._resample(None)

    def _resample(self, frame: Any) -> Iterator[Frames]:
        for each in self._resampler.resample(frame):
            yield each.to_ndarray().reshape(-1, self.format.channels)


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)
