"""Which recordings there are, what is said in them and who may be trained on.

The layout is that of Speech Commands: `<word>/<speaker>_nohash_<n>.wav`. Other formats will do,
and folders in those of the words.
"""

import hashlib
import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal, Self, get_args, overload
from unicodedata import normalize

import numpy as np
import numpy.typing as npt

from kws.audio.folder import files_in, is_recording
from kws.errors import ConfigError
from train.data.paths import Indices, Paths

log = logging.getLogger(__name__)

Split = Literal["training", "validation", "testing"]
SPLITS: tuple[Split, ...] = get_args(Split)

BACKGROUND = "_background_noise_"
SENTENCES = "_sentences_"
"""Folder of synthetic running speech beside those of the words."""
SPLIT_PERCENT = 10
"""Share of the speakers, in per cent, that validation and testing get by the hash rule."""
_HASH_RANGE = 2**27 - 1
_LISTED: tuple[Split, ...] = ("validation", "testing")
_LAYOUT = "<word>/*.wav (or other recordings)"
_SHOWN = 10


@dataclass(frozen=True)
class Clip:
    """A recording of one word.

    Attributes:
        path: the recording.
        word: what is said.
        speaker: who says it.
        split: the side that the speaker is on.
    """

    path: Path
    word: str
    speaker: str
    split: Split


@dataclass(frozen=True, eq=False)
class Clips(Sequence[Clip]):
    """Any number of clips in little memory; each is in the folder of its word, or in one in it.

    Attributes:
        paths: the recordings.
        side: index in `SPLITS` of the side that each one's speaker is on, shape (n,).
        nested: the word of each folder that is not itself the word's.
    """

    paths: Paths
    side: npt.NDArray[np.uint8]
    nested: Mapping[Path, str] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.paths)

    @overload
    def __getitem__(self, index: int) -> Clip: ...
    @overload
    def __getitem__(self, index: slice) -> Self: ...
    def __getitem__(self, index: int | slice) -> Clip | Self:
        if isinstance(index, slice):
            return self.take(index)
        path = self.paths[index]
        word = self._word(path.parent)
        return Clip(path, word, speaker_of(path, word), SPLITS[int(self.side[index])])

    def take(self, indices: Indices | slice) -> Self:
        """Some of them, in the order of `indices`."""
        return replace(self, paths=self.paths.take(indices), side=self.side[indices])

    def by_word(self) -> Mapping[str, Indices]:
        """Which clips hold each word, words in alphabetical order."""
        names = np.array(list(map(self._word, self.paths.folders)), np.str_)
        return indices_by(names[self.paths.folder])

    def _word(self, folder: Path) -> str:
        return self.nested.get(folder, folder.name)


NO_CLIPS = Clips(Paths.of(()), np.empty(0, np.uint8))
"""For a training without any."""


def joined(tables: Iterable[Clips]) -> Clips:
    """All clips of some tables, in their order."""
    tables = list(tables)
    sides = [np.empty(0, np.uint8), *(table.side for table in tables)]
    nested = {folder: word for table in tables for folder, word in table.nested.items()}
    paths = Paths.of(path for table in tables for path in table.paths)
    return Clips(paths, np.concatenate(sides), nested)


def indices_by(words: npt.NDArray[np.str_]) -> Mapping[str, Indices]:
    """Where each word stands in an array of words; words in alphabetical order."""
    if not len(words):
        return {}
    order = np.argsort(words, kind="stable")
    found, starts = np.unique(words[order], return_index=True)
    return dict(zip(found.tolist(), np.split(order, starts[1:]), strict=True))


def speaker_of(path: Path, word: str) -> str:
    """Who speaks in a clip: what stands before `_nohash_` in its file's name.

    Without that, the name of its folder, if that is not the word's; else the file's name.
    """
    speaker, found, _ = path.name.partition("_nohash_")
    if found:
        return speaker
    return path.parent.name if path.parent.name != word else path.stem


def hash_split(speaker: str) -> Split:
    """Side of a speaker by the published rule (Warden, arXiv 1804.03209, section 7)."""
    digest = int(hashlib.sha1(speaker.encode(), usedforsecurity=False).hexdigest(), 16)
    percent = (digest % (_HASH_RANGE + 1)) * (100.0 / _HASH_RANGE)
    if percent < SPLIT_PERCENT:
        return "validation"
    return "testing" if percent < 2 * SPLIT_PERCENT else "training"


def word_clips(root: Path) -> Clips:
    """All clips below `root`, with the official lists' split where there are lists.

    A folder whose name begins with an underscore holds no words.

    Raises:
        ConfigError: there is no such folder, it cannot be read, or there is no clip in it.
        AudioFileError: a folder in it cannot be read.
    """
    try:
        folders = sorted(each for each in root.iterdir() if each.is_dir())
        lists = {side: _listed(root / f"{side}_list.txt") for side in _LISTED}
    except FileNotFoundError as error:
        raise ConfigError(f"{root}: no such folder; it should hold {_LAYOUT}") from error
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{root}: cannot be read: {error}") from error
    words = {
        folder.name: recordings_of(folder)
        for folder in folders
        if not folder.name.startswith((".", "_"))
    }
    paths = Paths.of(path for found in words.values() for path in found)
    if not len(paths):
        raise ConfigError(f"{root}: no recordings; it should hold {_LAYOUT}")
    nested = {
        path.parent: word
        for word, found in words.items()
        for path in found
        if path.parent.name != word
    }
    clips = Clips(paths, np.zeros(len(paths), np.uint8), nested)
    if all(names is None for names in lists.values()):
        sides = [SPLITS.index(hash_split(clip.speaker)) for clip in clips]
    else:
        sides = _sides(root, clips, {side: names or frozenset() for side, names in lists.items()})
    return replace(clips, side=np.array(sides, np.uint8))


def has_split_lists(root: Path) -> bool:
    """Whether lists say who is on which side, not the hash rule."""
    return any((root / f"{side}_list.txt").is_file() for side in _LISTED)


def recordings_of(folder: Path) -> list[Path]:
    """The recordings below a folder, in a fixed order; files that are none are counted in the log.

    Raises:
        AudioFileError: a folder cannot be read.
    """
    files = files_in(folder)
    found = [path for path in files if is_recording(path)]
    if others := [path for path in files if not is_recording(path)]:
        endings = sorted({path.suffix or path.name for path in others})
        log.info(
            "%s: %d files are no recordings by their endings: %s",
            *(folder, len(others), " ".join(endings[:_SHOWN])),
        )
    return found


def _listed(path: Path) -> frozenset[str] | None:
    """The clips of a list, one a line, as "<word>/<file>"; None where there is no list."""
    if not path.is_file():
        return None
    lines = path.read_text("utf-8-sig").splitlines()
    # Lists are made on Windows as well, and on macOS, which writes accents as letters of their own.
    names = (line.strip().replace("\\", "/").removeprefix("./") for line in lines)
    return frozenset(normalize("NFC", name) for name in names if name)


def _sides(root: Path, clips: Clips, lists: Mapping[Split, frozenset[str]]) -> list[int]:
    """The side of each clip by the lists; warns of lists with names that no clip has."""
    left = {side: set(names) for side, names in lists.items()}
    sides = []
    for path in clips.paths:
        name = normalize("NFC", path.relative_to(root).as_posix())
        side = next((side for side, names in lists.items() if name in names), None)
        if side is not None:
            left[side].discard(name)
        sides.append(SPLITS.index(side or "training"))
    for side, names in left.items():
        if names:
            log.warning(
                "%s: %d of its %d names are no recordings in %s, such as %r",
                *(f"{side}_list.txt", len(names), len(lists[side]), root, min(names)),
            )
    return sides


def of_split(clips: Clips, split: Split) -> Clips:
    """The clips of one side."""
    return clips.take(np.flatnonzero(clips.side == SPLITS.index(split)))


def recordings(folders: Iterable[Path]) -> list[Path]:
    """All recordings below the folders, in a fixed order.

    Raises:
        ConfigError: a folder is missing or holds none.
        AudioFileError: a folder cannot be read.
    """
    paths: list[Path] = []
    for folder in folders:
        found = recordings_of(folder) if folder.is_dir() else []
        if not found:
            raise ConfigError(f"{folder}: no recordings in it")
        paths += found
    return paths
