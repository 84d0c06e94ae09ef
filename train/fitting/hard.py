"""Hard negatives: what a model takes for keywords where none is said."""

import heapq
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from kws.errors import AudioFileError
from kws.spotting.frontend import LogMel
from kws.spotting.model_file import KeywordModel
from train.data.clips import read_samples
from train.measure.evaluate import Skip
from train.scenes.sources import Moment

HOP_FRAMES = 10
SPACING = 5
"""Hops between two moments of a recording."""
LOWEST = 0.1
"""Posterior from which a window counts as taken for a keyword."""
MOST = 6_000
_PAD_S = 0.6


def find_hard(
    model: KeywordModel,
    paths: Iterable[Path],
    most: int = MOST,
    skip: Skip | None = None,
) -> list[Moment]:
    """Run the model over recordings without keywords and return what it falls for, worst first.

    Each recording is heard with silence around it, for its edges are the hardest places.

    Args:
        model: what hears them.
        paths: the recordings.
        most: how many moments to return at most.
        skip: is told of a recording that cannot be read, instead of ending there.

    Raises:
        AudioFileError: a recording cannot be read or has another sample rate.
    """

    def found() -> Iterator[Moment]:
        for path in paths:
            try:
                yield from _moments(model, path)
            except AudioFileError as error:
                if skip is None:
                    raise
                skip(error)

    return worst(found(), most)


def worst(moments: Iterable[Moment], most: int = MOST) -> list[Moment]:
    """The moments at which a model was surest, the surest first; ties by place."""
    return heapq.nsmallest(most, moments, lambda each: (-each.posterior, each.path, each.end))


@torch.inference_mode()
def _moments(model: KeywordModel, path: Path) -> Iterator[Moment]:
    settings = model.header.front_end
    pad = round(_PAD_S * settings.sample_rate)
    samples = np.pad(read_samples(path, settings.sample_rate), pad)
    frames = LogMel(settings)(torch.from_numpy(samples))
    if len(frames) < model.header.window_frames:
        return
    windows = frames.unfold(0, model.header.window_frames, HOP_FRAMES)
    posteriors = model.posteriors(windows).amax(1).numpy()
    for index in peaks(posteriors):
        end = index * HOP_FRAMES * settings.hop_length + model.window_samples - pad
        yield Moment(path, end, float(posteriors[index]))


def peaks(posteriors: Sequence[float] | npt.NDArray[np.floating[Any]]) -> list[int]:
    """Indices of the highest values, `SPACING` apart, down to `LOWEST`."""
    chosen: list[int] = []
    for index in np.argsort(posteriors)[::-1]:
        if posteriors[index] < LOWEST:
            break
        if all(abs(int(index) - other) >= SPACING for other in chosen):
            chosen.append(int(index))
    return chosen
