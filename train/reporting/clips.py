"""What single clips are taken for: the counts of `train evaluate`, word by word."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from kws.spotting.model import KeywordModel
from train.data.clips import Clip
from train.measure.evaluate import Skip, _decide, _windows
from train.scenes.scene import NONE


@dataclass(frozen=True)
class Confusion:
    """What clips of each word are taken for.

    Attributes:
        keywords: of the model.
        decisions: of each word, how many of its clips are taken for none of the keywords, and for
            each of them.
    """

    keywords: tuple[str, ...]
    decisions: dict[str, tuple[int, ...]]

    @property
    def matrix(self) -> npt.NDArray[np.int64]:
        """Counts of shape (keywords + 1, keywords + 1): a row for what is said, a column for what
        it is taken for; keywords first, then all else and "none"."""
        none = (0,) * (len(self.keywords) + 1)
        said = [self.decisions.get(keyword, none) for keyword in self.keywords]
        others = np.array([none, *self._others().values()]).sum(axis=0)
        return np.roll(np.array([*said, others], np.int64), -1, axis=1)

    @property
    def words(self) -> int:
        """Clips of keywords."""
        return int(self.matrix[:-1].sum())

    @property
    def right(self) -> int:
        """Those taken for what they are."""
        return int(np.trace(self.matrix[:-1]))

    @property
    def others(self) -> int:
        """Clips of other words."""
        return int(self.matrix[-1].sum())

    @property
    def rejected(self) -> int:
        """Those taken for none of the keywords."""
        return int(self.matrix[-1, -1])

    def mistaken(self) -> list[tuple[str, int, dict[str, int]]]:
        """Other words that are taken for keywords, the most clips first: the word, how many clips
        of it there are, and how many of them are taken for which keyword."""
        found = []
        for word, counts in self._others().items():
            pairs = zip(self.keywords, counts[1:], strict=True)
            if taken := {keyword: count for keyword, count in pairs if count}:
                found.append((word, sum(counts), taken))
        return sorted(found, key=lambda each: -sum(each[2].values()))

    def _others(self) -> dict[str, tuple[int, ...]]:
        return {word: each for word, each in self.decisions.items() if word not in self.keywords}


def confusion(model: KeywordModel, clips: Sequence[Clip], skip: Skip) -> Confusion:
    """Decide each clip by one window of it, as `train evaluate` does; `skip` is called with the
    error of each clip that cannot be read."""
    counts: Counter[tuple[str, int]] = Counter()
    for words, windows in _windows(model, clips, skip):
        counts.update(zip(words, _decide(model, windows).tolist(), strict=True))
    decisions = (NONE, *range(1, len(model.classes) + 1))
    return Confusion(
        model.classes,
        {
            word: tuple(counts[word, decided] for decided in decisions)
            for word in sorted({word for word, _ in counts})
        },
    )
