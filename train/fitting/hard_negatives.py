"""Hard negatives: what a model takes for keywords where none is said, searched for in training."""

import heapq
import logging
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import sliding_window_view
from tqdm import tqdm

from kws.errors import AudioFileError
from kws.spotting.frontend import LogMel
from kws.spotting.model import KeywordModel
from train.config import FitConfig
from train.data.dataset_files import DatasetFiles
from train.data.samples import read_samples
from train.fitting.parallel import Processes
from train.fitting.progress_state import ProgressState
from train.measure.evaluate import Skip
from train.scenes.dataset import SEARCH
from train.scenes.sources import Moment

log = logging.getLogger(__name__)

HOP_FRAMES = 10
SPACING = 5
"""Hops between two moments of a recording."""
LOWEST = 0.1
"""Posterior from which a window counts as taken for a keyword."""
MOST = 6_000
_PAD_S = 0.6


def is_time_to_search(config: FitConfig, files: DatasetFiles, epoch: int) -> bool:
    """Whether to search for hard negatives before an epoch, counted from 0."""
    since = epoch - config.hard_after
    wanted = bool(files.negatives[0]) and config.mixture.hard > 0
    return wanted and since >= 0 and since % config.hard_every == 0


def search_hard_negatives(
    model: KeywordModel,
    config: FitConfig,
    files: DatasetFiles,
    state: ProgressState,
    processes: Processes,
) -> tuple[Moment, ...]:
    """Search a randomly drawn share of the recordings; moments are returned worst first.

    What earlier searches found in the others is kept.

    Raises:
        AudioFileError: too many recordings are broken.
        PeerLostError: another process has ended.
    """
    drawn = np.random.default_rng((config.seed, state.epoch, SEARCH))
    chosen = [
        table.take(np.flatnonzero(drawn.random(len(table)) < config.hard_share))
        for table in files.negatives
    ]
    log.info("searching for hard negatives in %d recordings", sum(map(len, chosen)))
    paths = [*map(processes.part, chosen)]
    unreadable: list[str] = []
    moments = find_hard_negatives(
        model,
        tqdm(
            chain(*paths),
            total=sum(map(len, paths)),
            desc="hard negatives",
            unit=" files",
            leave=False,
            disable=None if processes.leads else True,
        ),
        skip=lambda error: unreadable.append(str(error)),
    )
    files.skipped.add(processes.agree(messages=unreadable))
    searched = frozenset(chain(*chosen))
    earlier = [each for each in state.hard if each.path not in searched]
    hard = tuple(worst(chain(earlier, *processes.gather(moments))))
    log.info("%d hard negatives", len(hard))
    return hard


def find_hard_negatives(
    model: KeywordModel,
    paths: Iterable[Path],
    most: int = MOST,
    skip: Skip | None = None,
) -> list[Moment]:
    """Run a model over recordings without keywords; return its false detections, worst first.

    Each recording is padded with silence, for its edges are the hardest places.

    Args:
        model: to run.
        paths: the recordings.
        most: how many moments to return at most.
        skip: called for a recording that cannot be read, instead of raising.

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
    """The moments with the highest posteriors, the highest first; ties by path and time."""
    return heapq.nsmallest(most, moments, lambda each: (-each.posterior, each.path, each.end))


def _moments(model: KeywordModel, path: Path) -> Iterator[Moment]:
    settings = model.header.front_end
    pad = round(_PAD_S * settings.sample_rate)
    samples = np.pad(read_samples(path, settings.sample_rate), pad)
    frames = LogMel(settings)(samples)
    if len(frames) < model.header.window_frames:
        return
    windows = sliding_window_view(frames, model.header.window_frames, axis=0)[::HOP_FRAMES]
    posteriors = model.posteriors(windows).max(1)
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
