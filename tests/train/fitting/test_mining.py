"""Looking for a model's mistakes in the course of its training."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from tests.spotting.models import untrained_model
from tests.train.trainings import tiny_config
from train.data.material import Found, find_material
from train.fitting.mining import is_time_to_mine, mine
from train.fitting.parallel import Processes
from train.fitting.standing import Standing
from train.scenes.sources import Moment

ALONE = Processes()


@pytest.fixture
def found(data: Path, tmp_path: Path) -> Found:
    return find_material(tiny_config(shutil.copytree(data, tmp_path / "data"), tmp_path / "m.pt"))


def test_it_is_time_every_few_epochs_after_the_first(data: Path, found: Found) -> None:
    config = tiny_config(data, Path("m.pt"), hard_after=2, hard_every=3)
    assert [epoch for epoch in range(10) if is_time_to_mine(config, found, epoch)] == [2, 5, 8]
    never = replace(config, mixture=replace(config.mixture, hard=0.0))
    assert not any(is_time_to_mine(never, found, epoch) for epoch in range(10))
    silent = replace(found, negatives=(found.negatives[0][:0], *found.negatives[1:]))
    assert not any(is_time_to_mine(config, silent, epoch) for epoch in range(10))


def test_a_share_is_heard_and_what_was_found_in_the_rest_stays(data: Path, found: Found) -> None:
    config = tiny_config(data, Path("m.pt"))
    earlier = tuple(Moment(path, 1, 0.99) for table in found.negatives for path in table)
    searches = [
        mine(
            untrained_model(),
            replace(config, hard_share=share),
            found,
            Standing(hard=earlier),
            ALONE,
        )
        for share in (0.0, 0.5, 1.0)
    ]
    assert set(searches[0]) == set(earlier)
    assert not set(searches[2]) & set(earlier)
    kept = set(searches[1]) & set(earlier)
    assert 0 < len(kept) < len(earlier)
    # The recordings that were heard have new moments, the others have the earlier ones.
    assert not {each.path for each in kept} & {each.path for each in set(searches[1]) - kept}


def test_a_recording_that_cannot_be_read_is_named(
    data: Path, found: Found, caplog: pytest.LogCaptureFixture
) -> None:
    path = found.negatives[1][0]
    path.write_bytes(b"")
    config = tiny_config(data, Path("m.pt"), hard_share=1.0)
    mine(untrained_model(), config, found, Standing(), ALONE)
    assert f"left out: {path}: cannot be read" in caplog.text
