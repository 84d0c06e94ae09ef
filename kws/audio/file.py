"""Audio files as sources: once and as fast as they are processed, or in a loop in real time."""

import os
import re
import threading
from abc import ABC, abstractmethod
from collections.abc import Iterator
from importlib import resources
from pathlib import Path

import soundfile

from kws.audio.feed import Feed, write_in_thread
from kws.config.schema import HIGHEST_RATE, LOWEST_RATE
from kws.errors import AudioFileError
from kws.typing import AudioFormat, Clock, Frames

_BLOCK_SECONDS = 0.1
"""In step with the usual hop: each block more would wake two threads for nothing."""
_LENGTH_UNKNOWN = 2**31 - 2**16


def demo_recording() -> Path:
    """The bundled recording of the keywords among other words."""
    return Path(str(resources.files("kws"))) / "demo" / "demo.wav"


def open_audio(path: Path) -> soundfile.SoundFile:
    """Open any file that libsndfile reads.

    Raises:
        AudioFileError: there is no such file, or it is empty, damaged or not audio.
    """
    try:
        if path.is_dir():
            raise AudioFileError(f"{path}: is a folder, not an audio file")
        if not path.stat().st_size:
            raise AudioFileError(f"{path}: the file is empty")
        # As bytes, since a name need not be text.
        file = soundfile.SoundFile(os.fsencode(path))
    except FileNotFoundError as error:
        raise AudioFileError(f"{path}: no such file") from error
    except OSError as error:
        raise AudioFileError(f"{path}: cannot be read: {error.strerror}") from error
    except soundfile.LibsndfileError as error:
        raise AudioFileError(
            f"{path}: not an audio file that can be read ({error.error_string})"
        ) from error
    problem = "" if file.frames else "holds no audio"
    if not LOWEST_RATE <= file.samplerate <= HIGHEST_RATE:
        problem = f"{file.samplerate} Hz; {LOWEST_RATE} to {HIGHEST_RATE} Hz can be processed"
    if problem:
        file.close()
        raise AudioFileError(f"{path}: {problem}")
    return file


def read_blocks(file: soundfile.SoundFile, path: Path, frames: int) -> Iterator[Frames]:
    """Blocks of at most `frames` frames, float32 of shape (n, channels), to the file's end.

    Raises:
        AudioFileError: the file is damaged, or shorter than its header says; what came before
            has been given by then.
    """
    count = 0
    try:
        while len(block := file.read(frames, dtype="float32", always_2d=True)):
            count += len(block)
            yield block
    except soundfile.LibsndfileError as error:
        seconds = count / file.samplerate
        raise AudioFileError(
            f"{path}: damaged after {seconds:.1f} s ({error.error_string}); "
            "the audio before that was processed"
        ) from error
    if _is_cut_short(file, count):
        seconds = count / file.samplerate
        raise AudioFileError(
            f"{path}: cut short after {seconds:.1f} s; the audio until there was processed"
        )


def _is_cut_short(file: soundfile.SoundFile, count: int) -> bool:
    """Whether a file of which `count` frames could be read has more by its header."""
    # Headers of MP3 only guess. Of a plain format, libsndfile notes in its log that the chunk of
    # samples is longer than the file, and goes on with what is there.
    if file.format != "MP3" and count < file.frames:
        return True
    sizes = re.search(r"\b(?:data|SSND|Data Size)\s*: (\d+) \(should be (\d+)\)", file.extra_info)
    if sizes is None:
        return False
    declared, there = map(int, sizes.groups())
    # A recorder that wrote to a pipe could not know, and put in as much as fits.
    return there < declared < _LENGTH_UNKNOWN


class _AudioFile(ABC):
    """A source that reads an audio file."""

    comes_back = False

    def __init__(self, path: Path) -> None:
        self.name = str(path)
        self._path = path
        self._file: soundfile.SoundFile | None = None

    def open(self) -> AudioFormat:
        self._file = open_audio(self._path)
        return AudioFormat(self._file.samplerate, self._file.channels)

    def start(self, feed: Feed) -> None:
        write_in_thread(self, feed)

    def write_to(self, feed: Feed) -> None:
        """Write the file, to its end or that of the feed. Raises AudioFileError."""
        assert self._file is not None
        with self._file as file:
            self._write(file, feed)

    @abstractmethod
    def _write(self, file: soundfile.SoundFile, feed: Feed) -> None: ...


class Recording(_AudioFile):
    """An audio file, read as fast as it is processed; nothing of it is lost."""

    kind = "file"
    stream = "default"
    live = False

    def stop(self) -> None:
        """Nothing to do: ending the feed ends the reading."""

    def _write(self, file: soundfile.SoundFile, feed: Feed) -> None:
        for block in read_blocks(file, self._path, file.samplerate):
            if not feed.write_waiting(block):
                return


class Demo(_AudioFile):
    """The demo recording in real time, in a loop, as a live source.

    Args:
        clock: seconds, monotonic.
        path: another recording.
    """

    kind = "demo"
    stream = "demo"
    live = True

    def __init__(self, clock: Clock, path: Path | None = None) -> None:
        super().__init__(path or demo_recording())
        self.name = self._path.name
        self._clock = clock
        self._stopped = threading.Event()

    def stop(self) -> None:
        self._stopped.set()

    def _write(self, file: soundfile.SoundFile, feed: Feed) -> None:
        block = round(_BLOCK_SECONDS * file.samplerate)
        begin, played = self._clock(), 0
        while not feed.ended:
            frames = file.read(block, dtype="float32", always_2d=True)
            if not len(frames):
                file.seek(0)
                continue
            played += len(frames)
            due = begin + played / file.samplerate
            if self._stopped.wait(max(0.0, due - self._clock())):
                return
            feed.write(frames)
