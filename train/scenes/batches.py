"""Batches of scenes, drawn by worker processes."""

import multiprocessing
import sys
import warnings
from collections.abc import Iterable, Iterator, Sequence
from multiprocessing.context import BaseContext

import numpy as np
from torch.utils.data import DataLoader

from kws.errors import KwsError
from train.fitting.parallel import Processes
from train.scenes.dataset import PICK, Drawings, Drawn, Key
from train.scenes.sources import Moment

ALONE = Processes()


class WorkerLostError(KwsError):
    """A process that draws scenes has ended."""


class Batches:
    """Draws the batches of any epoch, with workers that live as long as it does.

    They start at once: what this process takes up later is not in their memory too.

    Args:
        drawings: draws scenes.
        scenes: in an epoch.
        size: scenes in a whole batch; the last one of an epoch may have less.
        workers: processes that draw; with 0 this one does.
    """

    def __init__(self, drawings: Drawings, *, scenes: int, size: int, workers: int = 0) -> None:
        self._seed, self._scenes, self._size = drawings.seed, scenes, size
        self._plan = _Plan()
        with warnings.catch_warnings():
            # Who asks for more workers than there are cores is to have them.
            warnings.filterwarnings("ignore", "This DataLoader will create")
            self._loader = DataLoader(
                drawings,
                batch_sampler=self._plan,
                num_workers=workers,
                collate_fn=drawings.batch,
                persistent_workers=workers > 0,
                multiprocessing_context=_context() if workers else None,
            )
            iter(self._loader)

    def of(
        self,
        epoch: int,
        *,
        first: int = 0,
        hard: Sequence[Moment] = (),
        processes: Processes = ALONE,
    ) -> Iterator[Drawn]:
        """An epoch's batches, the same for any number of workers.

        Args:
            epoch: from 0.
            first: number of the batch to begin with.
            hard: places in recordings that a model took for keywords.
            processes: that share the batches; this one's parts are drawn.

        Raises:
            WorkerLostError: a worker was killed.
        """
        numbers = range(self._scenes)
        self._plan.batches = (
            [
                self._key(epoch, number, hard)
                for number in processes.part(numbers[start : start + self._size])
            ]
            for start in range(first * self._size, self._scenes, self._size)
        )
        try:
            yield from self._loader
        except RuntimeError as error:
            # torch has no class of its own for that.
            if "DataLoader worker" not in str(error):
                raise
            raise WorkerLostError(
                f"a process that reads recordings was lost, perhaps for want of memory: {error}; "
                "continue with --resume, with fewer --workers"
            ) from error

    def _key(self, epoch: int, number: int, hard: Sequence[Moment]) -> Key:
        if not hard:
            return Key(epoch, number)
        draw = np.random.default_rng((self._seed, epoch, number, PICK))
        return Key(epoch, number, hard[int(draw.integers(len(hard)))])


class _Plan:
    """What the loader is to ask for next."""

    batches: Iterable[list[Key]] = ()

    def __iter__(self) -> Iterator[list[Key]]:
        return iter(self.batches)


def _context() -> BaseContext:
    """Forked workers share what this process has read; macOS cannot fork safely."""
    return multiprocessing.get_context("fork" if sys.platform == "linux" else "spawn")
