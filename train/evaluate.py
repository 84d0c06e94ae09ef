"""How well single clips are told apart."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from kws.arrays import Samples
from kws.spotting.frontend import LogMel
from kws.spotting.model_file import KeywordModel
from train.clips import Clip, Split, of_split, read_samples, word_clips
from train.dataset import NONE

_BATCH = 256


@dataclass(frozen=True)
class ClipAccuracy:
    """Counts over clips; a clip is decided by its most probable class, "none" included.

    Attributes:
        keywords: clips of the keywords.
        keywords_right: those decided as what they are.
        others: clips of other words.
        others_rejected: those decided as "none".
        right_by_keyword: share of each keyword's clips decided right, 0 to 1.
    """

    keywords: int
    keywords_right: int
    others: int
    others_rejected: int
    right_by_keyword: dict[str, float]

    @property
    def keyword_accuracy(self) -> float:
        """Share of the keywords' clips decided right."""
        return self.keywords_right / max(1, self.keywords)

    @property
    def rejection(self) -> float:
        """Share of the other clips rejected."""
        return self.others_rejected / max(1, self.others)


def clip_window(samples: Samples, length: int) -> Samples:
    """The middle of a clip, or the clip in the middle of silence, `length` samples long."""
    spare = length - len(samples)
    if spare < 0:
        start = -spare // 2
        return samples[start : start + length]
    return np.pad(samples, (spare // 2, spare - spare // 2))


def evaluate(model: KeywordModel, clips: Sequence[Clip]) -> ClipAccuracy:
    """Decide each clip by one window of it.

    Raises:
        AudioFileError: a clip cannot be read or has another sample rate.
    """
    labels = {keyword: index + 1 for index, keyword in enumerate(model.classes)}
    truth = np.array([labels.get(clip.word, NONE) for clip in clips])
    decided = np.concatenate(
        [np.empty(0, np.int64), *(_decide(model, batch) for batch in _batches(clips))]
    )
    is_keyword = truth != NONE
    right = truth == decided
    return ClipAccuracy(
        keywords=int(is_keyword.sum()),
        keywords_right=int(right[is_keyword].sum()),
        others=int((~is_keyword).sum()),
        others_rejected=int(right[~is_keyword].sum()),
        right_by_keyword={
            keyword: round(float(right[truth == label].mean()), 4)
            for keyword, label in labels.items()
            if (truth == label).any()
        },
    )


def evaluate_folder(model: KeywordModel, folder: Path, split: Split) -> ClipAccuracy:
    """Decide the clips of one side of a Speech Commands folder.

    Raises:
        ConfigError: there are no recordings in the folder.
    """
    return evaluate(model, of_split(word_clips(folder), split))


def _batches(clips: Sequence[Clip]) -> Iterator[Sequence[Clip]]:
    for start in range(0, len(clips), _BATCH):
        yield clips[start : start + _BATCH]


def _decide(model: KeywordModel, clips: Sequence[Clip]) -> np.ndarray:
    samples = np.stack(
        [
            clip_window(read_samples(clip.path, model.sample_rate), model.window_samples)
            for clip in clips
        ]
    )
    windows = LogMel(model.header.front_end)(torch.from_numpy(samples)).transpose(1, 2)
    posteriors: Tensor = model.posteriors(windows)
    # The reference class is what the keywords leave over.
    none = 1 - posteriors.sum(-1, keepdim=True)
    decided: np.ndarray = torch.cat((none, posteriors), -1).argmax(-1).numpy()
    return decided
