"""The file of a recording of scores: lines are only ever appended, and by one process at a time."""

import fcntl
import os
from pathlib import Path
from typing import BinaryIO, Self

from kws.errors import ConfigError
from kws.tuning.recording import NotARecordingError, read
from kws.tuning.records import Processed, Record, encode


class RecordingFile:
    """A recording that is begun, or gone on with. A context manager.

    A last line that was torn stays, and what is appended begins on a line of its own.

    Args:
        path: of the file; made if it is not there.

    Attributes:
        path: of the file.
        seconds: of audio that were processed, in all its lines.

    Raises:
        ConfigError: the file cannot be written, is something else, or is being recorded.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.seconds = 0.0
        try:
            if path.exists() and not path.is_file():
                raise self._refused("is no regular file; name another one")
            # Without a buffer: each line is one write, and nothing waits for the end.
            self._file: BinaryIO = path.open("a+b", buffering=0)
        except OSError as error:
            raise self._unwritable(error) from error
        try:
            self._continue()
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def append(self, record: Record) -> None:
        """Append a line.

        Raises:
            ConfigError: the file cannot be written, as on a full disk.
        """
        if isinstance(record, Processed):
            self.seconds += record.seconds
        self._write(encode(record))

    def _continue(self) -> None:
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise self._refused("another kws tune is recording to it") from error
        if not (end := self._file.seek(0, os.SEEK_END)):
            return
        try:
            with self.path.open("rb") as lines:
                earlier = read(lines)
        except NotARecordingError as error:
            raise self._refused(f"{error}; name another file") from error
        except OSError as error:
            raise self._unwritable(error) from error
        self.seconds = earlier.seconds + earlier.left_out_s
        self._file.seek(end - 1)
        if self._file.read(1) != b"\n":
            self._write(b"\n")

    def _write(self, data: bytes) -> None:
        try:
            while data:
                data = data[self._file.write(data) :]
        except OSError as error:
            raise self._unwritable(error) from error

    def _refused(self, problem: str) -> ConfigError:
        return ConfigError(f"--record {self.path}: {problem}")

    def _unwritable(self, error: OSError) -> ConfigError:
        return self._refused(f"cannot be written: {error.strerror}")
