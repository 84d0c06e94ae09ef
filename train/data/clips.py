"""Which recordings there are, what is said in them and who may be trained on.

The layout is that of Speech Commands: `<word>/<speaker>_nohash_<n>.wav`.
"""

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Self, get_args, overload

import numpy as np
import numpy.typing as npt
import soundfile

from kws.errors import AudioFileError, ConfigError
from kws.typing import Samples
from train.data.paths import Indices, Paths

Split = Literal["training", "validation", "testing"]
SPLITS: tuple[Split, ...] = get_args(Split)

BACKGROUND = "_background_noise_"
SENTENCES = "_sentences_"
"""Folder of synthetic running speech beside those of the words."""
SPLIT_PERCENT = 10
"""Share of the speakers, in per cent, that validation and testing get by the hash rule."""
_HASH_RANGE = 2**27 - 1


@dataclass(frozen=True)
class Clip:
    """A recording of one word.

    Attributes:
        path: the WAV file.
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
    """Any number of clips in little memory; each is in the folder of its word.

    Attributes:
        paths: the WAV files.
        side: index in `SPLITS` of the side that each one's speaker is on, shape (n,).
    """

    paths: Paths
    side: npt.NDArray[np.uint8]

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
        return Clip(path, path.parent.name, speaker_of(path.name), SPLITS[int(self.side[index])])

    def take(self, indices: Indices | slice) -> Self:
        """Some of them, in the order of `indices`."""
        return type(self)(self.paths.take(indices), self.side[indices])

    def by_word(self) -> Mapping[str, Indices]:
        """Which clips hold each word, words in alphabetical order."""
        names = np.array([folder.name for folder in self.paths.folders], np.str_)
        return indices_by(names[self.paths.folder])


NO_CLIPS = Clips(Paths.of(()), np.empty(0, np.uint8))
"""For a training without any."""


def joined(tables: Iterable[Clips]) -> Clips:
    """All clips of some tables, in their order."""
    tables = list(tables)
    sides = [np.empty(0, np.uint8), *(table.side for table in tables)]
    return Clips(Paths.of(path for table in tables for path in table.paths), np.concatenate(sides))


def indices_by(words: npt.NDArray[np.str_]) -> Mapping[str, Indices]:
    """Where each word stands in an array of words; words in alphabetical order."""
    if not len(words):
        return {}
    order = np.argsort(words, kind="stable")
    found, starts = np.unique(words[order], return_index=True)
    return dict(zip(found.tolist(), np.split(order, starts[1:]), strict=True))


def speaker_of(name: str) -> str:
    """Who speaks in a clip, by its file's name: what stands before `_nohash_`, or all of it."""
    return re.sub(r"_nohash_.*$", "", Path(name).stem)


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
    """
    try:
        folders = sorted(each for each in root.iterdir() if each.is_dir())
        paths = Paths.of(path for folder in folders for path in _wav_files(folder))
        listed = [_listed(root / f"{side}_list.txt") for side in ("validation", "testing")]
    except FileNotFoundError as error:
        raise ConfigError(f"{root}: no such folder; it should hold <word>/*.wav") from error
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{root}: cannot be read: {error}") from error
    if not len(paths):
        raise ConfigError(f"{root}: no recordings; it should hold <word>/*.wav")
    sides = (SPLITS.index(_split(path, *listed)) for path in paths)
    return Clips(paths, np.fromiter(sides, np.uint8, len(paths)))


def has_split_lists(root: Path) -> bool:
    """Whether lists say who is on which side, not the hash rule."""
    return all((root / f"{side}_list.txt").is_file() for side in ("validation", "testing"))


def _wav_files(folder: Path) -> Iterator[Path]:
    if folder.name.startswith((".", "_")):
        return
    for name in sorted(each.name for each in folder.iterdir()):
        # macOS leaves a "._x.wav" beside each file on foreign disks.
        if name.lower().endswith(".wav") and not name.startswith("."):
            yield folder / name


def _listed(path: Path) -> frozenset[str] | None:
    return frozenset(path.read_text().split()) if path.is_file() else None


def _split(path: Path, validation: frozenset[str] | None, testing: frozenset[str] | None) -> Split:
    if validation is None or testing is None:
        return hash_split(speaker_of(path.name))
    name = f"{path.parent.name}/{path.name}"
    if name in validation:
        return "validation"
    return "testing" if name in testing else "training"


def of_split(clips: Clips, split: Split) -> Clips:
    """The clips of one side."""
    return clips.take(np.flatnonzero(clips.side == SPLITS.index(split)))


def recordings(folders: Iterable[Path]) -> list[Path]:
    """All WAV files below the folders, in a fixed order.

    Raises:
        ConfigError: a folder is missing or holds none.
    """
    paths: list[Path] = []
    for folder in folders:
        found = sorted(folder.rglob("*.wav"))
        if not found:
            raise ConfigError(f"{folder}: no .wav files in it")
        paths += found
    return paths


def read_samples(path: Path, sample_rate: int, start: int = 0, count: int = -1) -> Samples:
    """Mono float32 samples of a file, or `count` of them from `start`.

    Raises:
        AudioFileError: the file is damaged, missing, has another sample rate or samples that are
            no numbers.
    """
    try:
        samples, rate = soundfile.read(
            path, dtype="float32", start=start, frames=count, always_2d=True
        )
    except soundfile.LibsndfileError as error:
        raise AudioFileError(f"{path}: cannot be read: {error.error_string}") from error
    if rate != sample_rate:
        raise AudioFileError(f"{path}: {rate} Hz, but the model takes {sample_rate} Hz")
    mono: Samples = samples.mean(axis=1)
    if not np.isfinite(mono).all():
        raise AudioFileError(f"{path}: holds samples that are no finite numbers")
    return mono


def active_region(samples: Samples, sample_rate: int) -> tuple[int, int]:
    """Where the word is: from the first to the last loud frame of 10 ms.

    Args:
        samples: float32 of shape (n,).
        sample_rate: samples per second.

    Returns:
        First sample and the sample after the last; all of the clip where nothing stands out.
    """
    step = sample_rate // 100
    count = len(samples) // step
    if not count:
        return 0, len(samples)
    frames = samples[: count * step].reshape(count, step)
    power = np.einsum("ij,ij->i", frames, frames) / step + 1e-10
    first, last = loud_span(10 * np.log10(power))
    return (0, len(samples)) if (first, last) == (0, count) else (first * step, last * step)


def loud_span(level_db: npt.NDArray[np.floating]) -> tuple[int, int]:
    """First loud frame and the frame after the last; all of them where nothing stands out.

    Loud is less than 25 dB below the loudest frame and 6 dB above the quietest tenth.

    Args:
        level_db: level of each frame, dB, shape (n,).
    """
    quiet = np.partition(level_db, len(level_db) // 10)[len(level_db) // 10]
    loud = np.flatnonzero(level_db > max(level_db.max() - 25, quiet + 6))
    if not loud.size:
        return 0, len(level_db)
    return int(loud[0]), int(loud[-1]) + 1
