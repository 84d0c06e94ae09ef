"""Batches are the same whoever draws them."""

import os
import signal
from pathlib import Path

import pytest
import torch

from tests.train.trainings import SETTINGS, tiny_material
from train.fitting.parallel import Processes
from train.scenes.batches import Batches, WorkerLostError
from train.scenes.dataset import Drawings, Drawn, Key, Scenes
from train.scenes.sources import Moment


@pytest.fixture(scope="module")
def drawings(data: Path) -> Drawings:
    return Drawings(Scenes(SETTINGS, tiny_material(data)), views=2, seed=1)


@pytest.fixture
def batches(drawings: Drawings) -> Batches:
    return Batches(drawings, scenes=22, size=5)


def same(first: Drawn, second: Drawn) -> bool:
    return torch.equal(first.windows, second.windows) and torch.equal(first.labels, second.labels)


@pytest.mark.parametrize("workers", [1, 3])
def test_the_number_of_workers_changes_nothing(
    data: Path, drawings: Drawings, batches: Batches, workers: int
) -> None:
    helped = Batches(drawings, scenes=22, size=5, workers=workers)
    hard = [Moment(data / "negatives/training/set/noise.wav", 20_000 + n, 0.9) for n in range(9)]
    # An epoch that is left in its middle does not disturb the next.
    next(helped.of(0))
    for epoch in (0, 1):
        alone = list(batches.of(epoch, hard=hard))
        assert [len(each.windows) for each in alone] == [10, 10, 10, 10, 4]
        assert all(map(same, alone, helped.of(epoch, hard=hard)))


def test_epochs_and_hard_negatives_make_a_difference(data: Path, batches: Batches) -> None:
    hard = [Moment(data / "negatives/training/set/noise.wav", 20_000, 0.9)]
    first = list(batches.of(0))
    assert not any(map(same, first, batches.of(1)))
    # What does not show them stays as it is, but for the share that they take from the rest.
    changed = [not same(*pair) for pair in zip(first, batches.of(0, hard=hard), strict=True)]
    assert any(changed)


def test_one_can_begin_in_the_middle_or_after_the_end(batches: Batches) -> None:
    whole, late = list(batches.of(0)), list(batches.of(0, first=3))
    assert len(late) == 2
    assert all(map(same, whole[3:], late))
    assert not list(batches.of(0, first=5))


def test_processes_have_parts_of_the_batch(batches: Batches) -> None:
    # The last batch holds two scenes, too few for all.
    parts = [list(batches.of(0, processes=Processes(rank, 3))) for rank in range(3)]
    for whole, *shares in zip(batches.of(0), *parts, strict=True):
        assert sum(len(share.windows) for share in shares) == len(whole.windows)
        scenes = whole.windows.unflatten(0, (-1, 2))
        for rank, share in enumerate(shares):
            assert torch.equal(share.windows, scenes[rank::3].flatten(0, 1))


class Deadly(Drawings):
    """Drawings that cost the worker its life."""

    def __getitem__(self, key: Key) -> Drawn:
        os.kill(os.getpid(), signal.SIGKILL)
        raise AssertionError


def test_a_lost_worker_is_reported(drawings: Drawings) -> None:
    deadly = Batches(Deadly(drawings.scenes, views=1, seed=1), scenes=2, size=1, workers=1)
    with pytest.raises(
        WorkerLostError, match=r"perhaps for want of memory: .*; continue with --res"
    ):
        list(deadly.of(0))
