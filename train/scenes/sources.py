"""Where training draws from: clips by word, and stretches of long recordings."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Generic, Protocol, TypeVar

import numpy as np

from kws.typing import Samples
from train.data.paths import Indices, Paths
from train.data.samples import read_samples
from train.data.sound_files import sound_length

ClipT = TypeVar("ClipT")
ClipT_co = TypeVar("ClipT_co", covariant=True)


class Spoken(Protocol[ClipT_co]):
    """Clips of single words."""

    def __getitem__(self, index: int, /) -> ClipT_co: ...

    def by_word(self) -> Mapping[str, Indices]:
        """Which clips hold each word."""


class Words(Generic[ClipT]):
    """Clips by word. A word is drawn by the square root of its clips' number.

    Args:
        clips: of single words.
        wanted: which words to draw from; all of them by default.
    """

    def __init__(
        self, clips: Spoken[ClipT], wanted: Callable[[str], bool] = lambda word: True
    ) -> None:
        self._clips = clips
        found = clips.by_word()
        self._indices = {word: found[word] for word in sorted(found) if wanted(word)}
        self._words = tuple(self._indices)
        sizes = np.sqrt([len(each) for each in self._indices.values()])
        self._chances = sizes / sizes.sum() if self._words else sizes

    def __bool__(self) -> bool:
        return bool(self._words)

    def __contains__(self, word: str) -> bool:
        return word in self._indices

    def has(self, word: str | None) -> bool:
        """Whether there is a clip of a word, or of any."""
        return bool(self) if word is None else word in self

    def clip(self, draw: np.random.Generator, word: str | None = None) -> ClipT:
        """A clip of a word, or of any."""
        if word is None:
            word = self._words[int(draw.choice(len(self._words), p=self._chances))]
        indices = self._indices[word]
        return self._clips[int(indices[int(draw.integers(len(indices)))])]


@dataclass(frozen=True, eq=False)
class _Folder:
    """Recordings of one folder, and the sample of all of them at which each one ends."""

    paths: Paths
    ends: Indices

    def at(self, place: int) -> tuple[Path, int, int]:
        """The recording that holds a sample of the folder, its first sample and its length."""
        index = int(np.searchsorted(self.ends, place, side="right"))
        start = int(self.ends[index - 1]) if index else 0
        return self.paths[index], start, int(self.ends[index]) - start


class Recordings:
    """Long and short recordings to draw stretches from.

    A folder is drawn by the square root of its duration, so that small collections count too; a
    recording within it by its duration.

    Args:
        paths: WAV files at the model's rate.
        sample_rate: samples per second.

    Raises:
        AudioFileError: one of them is damaged or has another sample rate.
    """

    def __init__(self, paths: Iterable[Path] = (), sample_rate: int = 16_000) -> None:
        self._rate = sample_rate
        self._folders: list[_Folder] = []
        for _, group in groupby(
            sorted(paths, key=lambda path: (path.parent, path.name)), key=lambda path: path.parent
        ):
            files = Paths.of(group)
            lengths = np.array([sound_length(path, sample_rate) for path in files], np.int64)
            self._folders.append(_Folder(files, np.cumsum(lengths)))
        totals = np.sqrt([folder.ends[-1] for folder in self._folders])
        self._chances = totals / totals.sum() if self._folders else totals

    def __bool__(self) -> bool:
        return bool(self._folders)

    def stretch(self, length: int, draw: np.random.Generator) -> Samples:
        """`length` samples from anywhere, the edges of a recording with silence around included."""
        place, path, start, _ = self._place(draw)
        return around(path, self._rate, place - start - int(draw.integers(length)), length)

    def whole(self, length: int, draw: np.random.Generator) -> Samples:
        """`length` samples of sound without a pause at an edge; what is shorter is repeated."""
        _, path, _, frames = self._place(draw)
        start = int(draw.integers(max(1, frames - length + 1)))
        return np.resize(read_samples(path, self._rate, start, length), length)

    def _place(self, draw: np.random.Generator) -> tuple[int, Path, int, int]:
        """A sample of a folder, and the recording that it is in."""
        folder = self._folders[int(draw.choice(len(self._folders), p=self._chances))]
        place = int(draw.integers(folder.ends[-1]))
        return place, *folder.at(place)


@dataclass(frozen=True)
class Moment:
    """A place in a recording that a model took for a keyword.

    Attributes:
        path: the recording.
        end: last sample of the window that was taken for it.
        posterior: how sure the model was, 0 to 1.
    """

    path: Path
    end: int
    posterior: float


def around(path: Path, sample_rate: int, start: int, length: int) -> Samples:
    """`length` samples of a recording from `start` on, silence where it does not reach.

    Raises:
        AudioFileError: the file is damaged or has another sample rate.
    """
    first = max(0, start)
    samples = read_samples(path, sample_rate, first, max(0, start + length - first))
    stretch = np.zeros(length, np.float32)
    stretch[first - start : first - start + len(samples)] = samples
    return stretch
