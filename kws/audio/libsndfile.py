"""Recordings that libsndfile reads: FLAC, MP3, Ogg, AIFF and more."""

import os
import re
from pathlib import Path
from typing import IO

import soundfile

from kws.audio.readers import cut_short
from kws.errors import AudioFileError
from kws.typing import AudioFormat, Frames

_UNKNOWN_FROM = 2**31 - 2**16
_MP3_FRAMES = 20_000
"""Of MP3 so much before a place is decoded as well: a frame needs bytes of those before it."""


class _SoundFile(soundfile.SoundFile):  # type: ignore[misc]
    """A file that is read in one go."""

    def seekable(self) -> bool:
        """Not, for its base class: that would seek after each block, which breaks MP3."""
        return False


class SoundfileReader:
    """Any file that libsndfile reads.

    Args:
        file: its path, or the file, which can be sought in.
        name: for messages.

    Raises:
        soundfile.LibsndfileError: it reads no such file.
    """

    def __init__(self, file: Path | IO[bytes], name: str) -> None:
        # As bytes, since a name need not be text.
        self._opened = None if isinstance(file, Path) else file
        self._file = _SoundFile(os.fsencode(file) if isinstance(file, Path) else file)
        self.name = name
        self.format = AudioFormat(self._file.samplerate, self._file.channels)
        self.frames: int | None = self._file.frames
        self.cut_short = _lacks_bytes(self._file)
        self._place = 0

    def read(self, most: int) -> Frames:
        """See `AudioReader`."""
        rate = self.format.sample_rate
        try:
            frames: Frames = self._file.read(most, dtype="float32", always_2d=True)
        except soundfile.LibsndfileError as error:
            raise AudioFileError(
                f"{self.name}: damaged after {self._place / rate:.1f} s ({error.error_string}); "
                "the audio before that was processed"
            ) from error
        self._place += len(frames)
        if not len(frames) and (self.cut_short or self._lacks_frames()):
            raise cut_short(self.name, self._place / rate)
        return frames

    def seek(self, frame: int) -> None:
        """See `AudioReader`."""
        frame = min(frame, self._file.frames)
        first = max(0, frame - _MP3_FRAMES) if self._file.format == "MP3" else frame
        self._file.seek(first)
        self._place = first + len(self._file.read(frame - first, dtype="float32"))

    def close(self) -> None:
        """See `AudioReader`."""
        self._file.close()
        if self._opened is not None:
            self._opened.close()

    def _lacks_frames(self) -> bool:
        # Headers of MP3 only guess.
        return bool(self._file.format != "MP3" and self._place < self._file.frames)


def _lacks_bytes(file: soundfile.SoundFile) -> bool:
    """Whether a plain file is shorter than its header says.

    Of such a one libsndfile notes in its log that the chunk of samples is longer than the file, and
    goes on with what is there.
    """
    sizes = re.search(r"\b(?:data|SSND|Data Size)\s*: (\d+) \(should be (\d+)\)", file.extra_info)
    if sizes is None:
        return False
    declared, there = map(int, sizes.groups())
    return there < declared < _UNKNOWN_FROM
