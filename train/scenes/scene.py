"""A scene: a stretch of sound a little longer than a window, and the windows that it is seen by.

A spotter sees each word through several windows; so does the training. Which of them are to say
what depends on what stands beside the word (`Context`).
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from kws.spotting.header import Context

NONE = 0
"""Label of a window without a keyword; keyword i of the model has the label i + 1."""
BARELY = 0.4
"""A window that sees less than this share of a keyword is to say "none"."""
KEYWORD_VIEWS = 0.75
"""Share of a keyword's windows that see all of it."""
EDGES: dict[Context, tuple[int, int]] = {"alone": (0, 2), "anywhere": (0, 0)}
"""Frames that a window has to see before a keyword and after it."""
SLACK = 6
"""Frames that a window may at least be moved by around the middle of a word."""
CROWD = 15
"""Frames of other speech in a window from which on a keyword in it does not stand alone."""


@dataclass(frozen=True)
class View:
    """Windows that begin at the frames `first` to `last` (included), and what they are to say."""

    first: int
    last: int
    label: int


@dataclass(frozen=True)
class Scene:
    """Log-mel frames and how they may be seen.

    Attributes:
        frames: float32 of shape (frames, bands).
        views: the first is drawn most often.
    """

    frames: Tensor
    views: tuple[View, ...]

    def windows(self, count: int, length: int, draw: np.random.Generator) -> tuple[Tensor, Tensor]:
        """Draw `count` windows of `length` frames.

        Returns:
            float32 of shape (count, bands, length), and int64 labels of shape (count,).
        """
        chances = np.ones(1)
        if len(self.views) > 1:
            rest = (1 - KEYWORD_VIEWS) / (len(self.views) - 1)
            chances = np.array([KEYWORD_VIEWS, *[rest] * (len(self.views) - 1)])
        windows, labels = [], []
        for index in draw.choice(len(self.views), size=count, p=chances):
            view = self.views[int(index)]
            start = int(draw.integers(view.first, view.last + 1))
            windows.append(self.frames[start : start + length].T)
            labels.append(view.label)
        return torch.stack(windows), torch.tensor(labels)


def keyword_views(
    word: tuple[int, int], label: int, frames: int, length: int, context: Context
) -> tuple[View, ...]:
    """Windows that see all of a keyword, and those that barely see it.

    Args:
        word: its first frame and the frame after its last.
        label: its label.
        frames: of the scene.
        length: frames of a window.
        context: what has to be seen beside it.
    """
    before, after = EDGES[context]
    last_start = frames - length
    first, last = max(0, word[1] + after - length), min(last_start, word[0] - before)
    if last - first < 2 * SLACK:
        # Too long for a window, or not to be told from the noise around: its middle has to do.
        middle = (word[0] + word[1] - length) // 2
        first, last = (min(last_start, max(0, middle + slack)) for slack in (-SLACK, SLACK))
    views = [View(first, last, label)]
    barely = int(BARELY * (word[1] - word[0]))
    if (end := word[0] + barely - length) >= 0:
        views.append(View(0, min(end, last_start), NONE))
    if (start := word[1] - barely) <= last_start:
        views.append(View(start, last_start, NONE))
    return tuple(views)


def any_view(frames: int, length: int) -> tuple[View, ...]:
    """Every window, and none of them sees a keyword."""
    return (View(0, frames - length, NONE),)


def crowded_views(
    word: tuple[int, int], near: tuple[int | None, int | None], frames: int, length: int
) -> tuple[View, ...]:
    """Windows that see speech beside a keyword: where keywords stand alone, these say "none".

    Args:
        word: the keyword's first frame and the frame after its last.
        near: last frame of the speech before it and first frame of that after it, where there is.
        frames: of the scene.
        length: frames of a window.
    """
    views = []
    if near[0] is not None and (last := min(near[0] - CROWD, frames - length)) >= 0:
        views.append(View(0, last, NONE))
    if near[1] is not None and (first := max(0, near[1] + CROWD - length)) <= frames - length:
        views.append(View(first, frames - length, NONE))
    return tuple(views)
