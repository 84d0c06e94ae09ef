"""Which recordings there are, what is said in them and who may be trained on.

The layout is that of Speech Commands: `<word>/<speaker>_nohash_<n>.wav`.
"""

import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import soundfile

from kws.arrays import Samples
from kws.errors import AudioFileError, ConfigError

Split = Literal["training", "validation", "testing"]

BACKGROUND = "_background_noise_"
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


def hash_split(speaker: str) -> Split:
    """Side of a speaker by the published rule (Warden, arXiv 1804.03209, section 7)."""
    digest = int(hashlib.sha1(speaker.encode(), usedforsecurity=False).hexdigest(), 16)
    percent = (digest % (_HASH_RANGE + 1)) * (100.0 / _HASH_RANGE)
    if percent < SPLIT_PERCENT:
        return "validation"
    return "testing" if percent < 2 * SPLIT_PERCENT else "training"


def word_clips(root: Path) -> list[Clip]:
    """All clips below `root`, with the official lists' split where there are lists.

    Raises:
        ConfigError: there is no such folder, or no clip in it.
    """
    if not root.is_dir():
        raise ConfigError(f"{root}: no such folder; it should hold <word>/*.wav")
    listed = {side: _listed(root / f"{side}_list.txt") for side in ("validation", "testing")}
    clips = []
    for path in sorted(root.glob("*/*.wav")):
        word = path.parent.name
        if word == BACKGROUND:
            continue
        speaker = re.sub(r"_nohash_.*$", "", path.stem)
        name = f"{word}/{path.name}"
        clips.append(Clip(path, word, speaker, _split(name, speaker, listed)))
    if not clips:
        raise ConfigError(f"{root}: no recordings; it should hold <word>/*.wav")
    return clips


def _listed(path: Path) -> frozenset[str] | None:
    return frozenset(path.read_text().split()) if path.is_file() else None


def _split(name: str, speaker: str, listed: dict[str, frozenset[str] | None]) -> Split:
    validation, testing = listed["validation"], listed["testing"]
    if validation is None or testing is None:
        return hash_split(speaker)
    if name in validation:
        return "validation"
    return "testing" if name in testing else "training"


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
        AudioFileError: the file is damaged or has another sample rate.
    """
    try:
        samples, rate = soundfile.read(
            path, dtype="float32", start=start, frames=count, always_2d=True
        )
    except (soundfile.LibsndfileError, OSError) as error:
        raise AudioFileError(f"{path}: cannot be read: {error}") from error
    if rate != sample_rate:
        raise AudioFileError(f"{path}: {rate} Hz, but the model hears {sample_rate} Hz")
    mono: Samples = samples.mean(axis=1)
    return mono


def active_region(samples: Samples, sample_rate: int) -> tuple[int, int]:
    """Where the word is: from the first to the last loud frame of 10 ms.

    Loud is less than 25 dB below the loudest frame and 6 dB above the quietest tenth.

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
    power = np.square(samples[: count * step]).reshape(count, step).mean(axis=1) + 1e-10
    level = 10 * np.log10(power)
    loud = np.flatnonzero(level > max(level.max() - 25, np.percentile(level, 10) + 6))
    if not loud.size:
        return 0, len(samples)
    return int(loud[0]) * step, (int(loud[-1]) + 1) * step


def of_split(clips: Sequence[Clip], split: Split) -> list[Clip]:
    """The clips of one side."""
    return [clip for clip in clips if clip.split == split]
