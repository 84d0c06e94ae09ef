"""Audio files as sources: once and as fast as they are processed, or in a loop in real time."""

import threading
from abc import ABC, abstractmethod
from contextlib import closing
from importlib import resources
from pathlib import Path

from kws.audio.decode import open_audio
from kws.audio.feed import Feed, write_in_thread
from kws.audio.readers import AudioReader, blocks
from kws.typing import AudioFormat, Channel, Clock

_BLOCK_SECONDS = 0.1
"""In step with the usual hop: each block more would wake two threads for nothing."""


def demo_recording() -> Path:
    """The bundled recording of the keywords among other words."""
    return Path(str(resources.files("kws"))) / "demo" / "demo.wav"


class _AudioFile(ABC):
    """A source that reads an audio file."""

    comes_back = False

    def __init__(self, path: Path, channel: Channel = "mix") -> None:
        self.name = str(path)
        self._path, self._channel = path, channel
        self._reader: AudioReader | None = None

    def open(self) -> AudioFormat:
        self._reader = open_audio(self._path, channel=self._channel)
        return self._reader.format

    def start(self, feed: Feed) -> None:
        write_in_thread(self, feed)

    def write_to(self, feed: Feed) -> None:
        """Write the file, to its end or that of the feed. Raises AudioFileError."""
        assert self._reader is not None
        with closing(self._reader) as reader:
            self._write(reader, feed)

    @abstractmethod
    def _write(self, reader: AudioReader, feed: Feed) -> None: ...


class Recording(_AudioFile):
    """An audio file, read as fast as it is processed; nothing of it is lost.

    Args:
        path: of the file.
        channel: the one to read; "mix" reads all.
    """

    kind = "file"
    stream = "default"
    live = False

    def stop(self) -> None:
        """Nothing to do: ending the feed ends the reading."""

    def _write(self, reader: AudioReader, feed: Feed) -> None:
        for block in blocks(reader, reader.format.sample_rate):
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

    def start(self, feed: Feed) -> None:
        self._stopped.clear()
        super().start(feed)

    def stop(self) -> None:
        self._stopped.set()

    def _write(self, reader: AudioReader, feed: Feed) -> None:
        rate = reader.format.sample_rate
        begin, played = self._clock(), 0
        while not feed.ended:
            frames = reader.read(round(_BLOCK_SECONDS * rate))
            if not len(frames):
                reader.seek(0)
                continue
            played += len(frames)
            due = begin + played / rate
            if self._stopped.wait(max(0.0, due - self._clock())):
                return
            feed.write(frames)
