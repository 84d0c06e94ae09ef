"""An epoch of training windows: keywords, other words, running speech and noise, freshly drawn."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile
from torch.utils.data import Dataset

from kws.arrays import Samples
from train.augment import Augmentation, add_noise, change_speed, place, set_level
from train.clips import Clip, active_region, read_samples

NONE = 0
"""Label of a window without a keyword; keyword i of the model has the label i + 1."""
SILENCE = 0.2
"""How often noise alone is digital silence."""


@dataclass(frozen=True)
class Mixture:
    """Shares of an epoch, by what a window holds; they need not sum to one.

    Attributes:
        keywords: one of the keywords, each equally often.
        words: another word.
        speech: running speech without keywords.
        noise: noise alone, or silence.
        synthetic: of keywords and of other words alike, the share that a synthesiser speaks, so
            that its sound does not tell the one from the other.
    """

    keywords: float = 0.42
    words: float = 0.22
    speech: float = 0.28
    noise: float = 0.08
    synthetic: float = 0.25


class Recordings:
    """Long and short recordings to draw stretches from.

    A folder is drawn by the square root of its duration, so that small collections count too; a
    recording within it by its duration.

    Args:
        paths: WAV files at the model's rate.
        sample_rate: samples per second.
    """

    def __init__(self, paths: Iterable[Path], sample_rate: int) -> None:
        self._rate = sample_rate
        self._folders: list[tuple[list[Path], npt.NDArray[np.int64]]] = []
        for _, group in groupby(sorted(paths), key=lambda path: path.parent):
            files = list(group)
            lengths = np.array([soundfile.info(path).frames for path in files], np.int64)
            self._folders.append((files, np.cumsum(lengths)))
        totals = np.sqrt([lengths[-1] for _, lengths in self._folders])
        self._chances = totals / totals.sum() if self._folders else totals

    def __bool__(self) -> bool:
        return bool(self._folders)

    def stretch(self, length: int, draw: np.random.Generator) -> Samples:
        """`length` samples from anywhere; what is shorter is put somewhere into silence."""
        files, ends = self._folders[int(draw.choice(len(self._folders), p=self._chances))]
        index = int(np.searchsorted(ends, draw.integers(ends[-1]), side="right"))
        frames = int(ends[index] - (ends[index - 1] if index else 0))
        if frames > length:
            start = int(draw.integers(frames - length + 1))
            return read_samples(files[index], self._rate, start, length)
        samples = read_samples(files[index], self._rate)
        return place(samples, (0, len(samples)), length, draw)


class Words:
    """Clips by word. A word is drawn by the square root of its clips' number.

    Args:
        clips: recordings of single words.
    """

    def __init__(self, clips: Iterable[Clip]) -> None:
        self._clips: dict[str, list[Clip]] = defaultdict(list)
        for clip in clips:
            self._clips[clip.word].append(clip)
        self._words = sorted(self._clips)
        sizes = np.sqrt([len(self._clips[word]) for word in self._words])
        self._chances = sizes / sizes.sum() if self._words else sizes

    def __bool__(self) -> bool:
        return bool(self._words)

    def __contains__(self, word: str) -> bool:
        return word in self._clips

    def clip(self, draw: np.random.Generator, word: str | None = None) -> Clip:
        """A clip of a word, or of any."""
        if word is None:
            word = self._words[int(draw.choice(len(self._words), p=self._chances))]
        clips = self._clips[word]
        return clips[int(draw.integers(len(clips)))]


class TrainingWindows(Dataset[tuple[Samples, int]]):
    """Windows of one epoch, each drawn by its number and the seed: the same for any worker.

    Args:
        keywords: the model's classes.
        recorded: what people say, keywords and other words.
        synthetic: the same by synthesisers; may be empty.
        speech: recordings without keywords.
        noise: recordings of noise.
        length: samples of a window.
        sample_rate: samples per second.
        size: windows in an epoch.
        mixture: what they hold.
        augmentation: how they are varied.
        seed: drawn windows depend on it, the epoch and the window's number only.
    """

    def __init__(
        self,
        keywords: Sequence[str],
        recorded: Sequence[Clip],
        synthetic: Sequence[Clip],
        speech: Sequence[Path],
        noise: Sequence[Path],
        *,
        length: int,
        sample_rate: int,
        size: int,
        mixture: Mixture,
        augmentation: Augmentation,
        seed: int,
    ) -> None:
        self._keywords = tuple(keywords)
        sources = (recorded, synthetic)
        self._spoken = [Words(c for c in clips if c.word in keywords) for clips in sources]
        self._others = [Words(c for c in clips if c.word not in keywords) for clips in sources]
        self._speech = Recordings(speech, sample_rate)
        self._noise = Recordings(noise, sample_rate)
        shares = np.array([mixture.keywords, mixture.words, mixture.speech, mixture.noise])
        shares *= [1, bool(self._others[0]), bool(self._speech), bool(self._noise)]
        self._shares = shares / shares.sum()
        self._synthetic_share = mixture.synthetic
        self._length, self._rate, self._size = length, sample_rate, size
        self._augmentation = augmentation
        self._seed = seed
        self.epoch = 0

    def __len__(self) -> int:
        return self._size

    def __getitem__(self, index: int) -> tuple[Samples, int]:
        """A window, float32 of shape (length,), and its label."""
        if not 0 <= index < self._size:
            raise IndexError(index)
        draw = np.random.default_rng((self._seed, self.epoch, index))
        kind = draw.choice(4, p=self._shares)
        label = NONE
        if kind == 0:
            index_of_keyword = int(draw.integers(len(self._keywords)))
            window = self._word(self._spoken, draw, self._keywords[index_of_keyword])
            label = index_of_keyword + 1
        elif kind == 1:
            window = self._word(self._others, draw)
        elif kind == 2:
            window = self._speech.stretch(self._length, draw)
        else:
            window = self._noise.stretch(self._length, draw)
            if draw.random() < SILENCE:
                window = np.zeros(self._length, np.float32)
        return self._vary(window, draw), label

    def _word(
        self, sources: Sequence[Words], draw: np.random.Generator, word: str | None = None
    ) -> Samples:
        recorded, synthetic = sources
        wants_synthetic = draw.random() < self._synthetic_share
        has_synthetic = bool(synthetic) if word is None else word in synthetic
        source = synthetic if wants_synthetic and has_synthetic else recorded
        samples = read_samples(source.clip(draw, word).path, self._rate)
        settings = self._augmentation
        if draw.random() < settings.speed_probability:
            samples = change_speed(samples, 1 + draw.uniform(-settings.speed, settings.speed))
        return place(samples, active_region(samples, self._rate), self._length, draw)

    def _vary(self, window: Samples, draw: np.random.Generator) -> Samples:
        settings = self._augmentation
        if self._noise and draw.random() < settings.noise_probability:
            noise = self._noise.stretch(self._length, draw)
            window = add_noise(window, noise, draw.uniform(*settings.snr_db))
        window = set_level(window, draw.uniform(*settings.level_db))
        return np.clip(window, -1.0, 1.0)
