"""Very many paths in very little memory."""

import os
from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self, overload

import numpy as np
import numpy.typing as npt

Indices = npt.NDArray[np.int64]
"""Places in a table, shape (n,)."""


@dataclass(frozen=True, eq=False)
class Paths(Sequence[Path]):
    """Paths as a few arrays, which processes share.

    Of a list of 80,000 objects every worker process would soon have a copy of its own: to look at
    an object is to count a reference in it.

    Attributes:
        folders: every folder once.
        names: all file names, one after the other.
        folder: index of each path's folder, shape (n,).
        span: where each path's name begins and ends in `names`, shape (n, 2).
    """

    folders: tuple[Path, ...]
    names: bytes
    folder: Indices
    span: Indices

    @classmethod
    def of(cls, paths: Iterable[Path]) -> Self:
        """A table of paths, in their order."""
        numbers: dict[Path, int] = {}
        folder, ends, names = array("q"), array("q", [0]), bytearray()
        for path in paths:
            folder.append(numbers.setdefault(path.parent, len(numbers)))
            names += os.fsencode(path.name)
            ends.append(len(names))
        edges = np.frombuffer(ends, np.int64)
        span = np.stack((edges[:-1], edges[1:]), axis=1)
        return cls(tuple(numbers), bytes(names), np.frombuffer(folder, np.int64), span)

    def take(self, indices: Indices | slice) -> Self:
        """Some of them, in the order of `indices`."""
        return type(self)(self.folders, self.names, self.folder[indices], self.span[indices])

    def __len__(self) -> int:
        return len(self.folder)

    @overload
    def __getitem__(self, index: int) -> Path: ...
    @overload
    def __getitem__(self, index: slice) -> Self: ...
    def __getitem__(self, index: int | slice) -> Path | Self:
        if isinstance(index, slice):
            return self.take(index)
        start, end = self.span[index].tolist()
        return self.folders[int(self.folder[index])] / os.fsdecode(self.names[start:end])
