"""Accuracy on single clips."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from kws.errors import AudioFileError
from kws.spotting.frontend import LogMel
from kws.spotting.model import KeywordModel
from kws.typing import Samples
from train.data.clips import Clip, Split, of_split, word_clips
from train.data.samples import read_samples
from train.data.skipped import SkippedRecordings
from train.scenes.scene import NONE

_BATCH = 32
_NOTHING = np.empty(0, np.int64)
Skip = Callable[[AudioFileError], None]
"""Called with the error of a recording that cannot be read, which is then left out."""


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
    def keyword_accuracy(self) -> float | None:
        """Share of the keywords' clips decided right; None where there are none."""
        return self.keywords_right / self.keywords if self.keywords else None

    @property
    def rejection(self) -> float | None:
        """Share of the other clips rejected; None where there are none."""
        return self.others_rejected / self.others if self.others else None


def clip_window(samples: Samples, length: int) -> Samples:
    """The middle of a clip, or the clip in the middle of silence, `length` samples long."""
    spare = length - len(samples)
    if spare < 0:
        start = -spare // 2
        return samples[start : start + length]
    return np.pad(samples, (spare // 2, spare - spare // 2))


def evaluate(model: KeywordModel, clips: Sequence[Clip], skip: Skip | None = None) -> ClipAccuracy:
    """Decide each clip by one window of it.

    Args:
        model: decides.
        clips: what to decide.
        skip: called for a clip that cannot be read, instead of raising.

    Raises:
        AudioFileError: a clip cannot be read or has another sample rate.
    """
    labels = {keyword: index + 1 for index, keyword in enumerate(model.classes)}
    truths, decisions = [_NOTHING], [_NOTHING]
    for words, windows in _windows(model, clips, skip):
        truths.append(np.array([labels.get(word, NONE) for word in words]))
        decisions.append(_decide(model, windows))
    truth, decided = np.concatenate(truths), np.concatenate(decisions)
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
    """Decide the clips of one side of a Speech Commands folder, and name those that are broken.

    Raises:
        ConfigError: there are no recordings in the folder.
        AudioFileError: too many of them are broken.
    """
    clips = of_split(word_clips(folder), split)
    return evaluate(model, clips, SkippedRecordings(len(clips)).skip)


def _windows(
    model: KeywordModel, clips: Sequence[Clip], skip: Skip | None
) -> Iterator[tuple[list[str], npt.NDArray[np.float32]]]:
    """Words and the windows to decide them by, shape (n, samples)."""
    for start in range(0, len(clips), _BATCH):
        words, windows = [], []
        for clip in clips[start : start + _BATCH]:
            try:
                samples = read_samples(clip.path, model.sample_rate)
            except AudioFileError as error:
                if skip is None:
                    raise
                skip(error)
                continue
            words.append(clip.word)
            windows.append(clip_window(samples, model.window_samples))
        if words:
            yield words, np.stack(windows)


def _decide(model: KeywordModel, samples: npt.NDArray[np.float32]) -> npt.NDArray[np.int64]:
    windows = LogMel(model.header.front_end)(samples).swapaxes(1, 2)
    posteriors = model.posteriors(windows)
    # The reference class is what the keywords leave over.
    none = 1 - posteriors.sum(-1, keepdims=True)
    decided: npt.NDArray[np.int64] = np.concatenate((none, posteriors), -1).argmax(-1)
    return decided
