"""A file or pipe as a stream of bytes whose beginning can be looked at."""

import select
from typing import BinaryIO


class ByteStream:
    """The bytes of a file, of a pipe, or of any object that can be read, from where it is.

    Args:
        file: a binary one; it may be one that does not block.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._read_once = getattr(file, "read1", file.read)
        self._waiting = b""

    def peek(self, size: int) -> bytes:
        """The next bytes, which stay; fewer only at the end."""
        while len(self._waiting) < size and (data := self._next(size - len(self._waiting))):
            self._waiting += data
        return self._waiting[:size]

    def read(self, size: int) -> bytes:
        """The next bytes; fewer only at the end."""
        data = self.peek(size)
        self._waiting = self._waiting[size:]
        return data

    def read_some(self, most: int) -> bytes:
        """What there is, waiting for it; nothing only at the end."""
        if not self._waiting:
            return self._next(most)
        data, self._waiting = self._waiting[:most], self._waiting[most:]
        return data

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _next(self, most: int) -> bytes:
        while (data := self._read_once(most)) is None:  # it does not block, and is empty for now
            select.select([self._file], [], [])
        if not isinstance(data, bytes):
            raise TypeError("the file gives text; open it in binary mode: open(path, 'rb')")
        return data
