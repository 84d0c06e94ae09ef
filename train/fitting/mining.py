"""Looks for a model's mistakes in the course of its training, with all processes' help."""

import logging
from itertools import chain

import numpy as np
from tqdm import tqdm

from kws.spotting.model_file import KeywordModel
from train.config import FitConfig
from train.data.material import Found
from train.fitting.hard import find_hard, worst
from train.fitting.parallel import Processes
from train.fitting.standing import Standing
from train.scenes.dataset import SEARCH
from train.scenes.sources import Moment

log = logging.getLogger(__name__)


def is_time_to_mine(config: FitConfig, found: Found, epoch: int) -> bool:
    """Whether to look for hard negatives before an epoch, counted from 0."""
    since = epoch - config.hard_after
    wanted = bool(found.negatives[0]) and config.mixture.hard > 0
    return wanted and since >= 0 and since % config.hard_every == 0


def mine(
    model: KeywordModel,
    config: FitConfig,
    found: Found,
    standing: Standing,
    processes: Processes,
) -> tuple[Moment, ...]:
    """What the model takes for keywords in a drawn share of the recordings, worst first.

    What earlier searches found in the others stays.

    Raises:
        AudioFileError: too many recordings are broken.
        PeerLostError: another process has ended.
    """
    drawn = np.random.default_rng((config.seed, standing.epoch, SEARCH))
    chosen = [
        table.take(np.flatnonzero(drawn.random(len(table)) < config.hard_share))
        for table in found.negatives
    ]
    log.info("looking for hard negatives in %d recordings", sum(map(len, chosen)))
    paths = [*map(processes.part, chosen)]
    unreadable: list[str] = []
    moments = find_hard(
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
    found.broken.add(processes.agree(messages=unreadable))
    heard = frozenset(chain(*chosen))
    earlier = [each for each in standing.hard if each.path not in heard]
    hard = tuple(worst(chain(earlier, *processes.gather(moments))))
    log.info("%d hard negatives", len(hard))
    return hard
