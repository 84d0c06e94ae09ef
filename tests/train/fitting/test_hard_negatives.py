"""Hard negatives: when they are searched for, where, and which are kept."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from kws.errors import AudioFileError
from tests.spotting.models import untrained_model
from tests.train.recordings import RATE
from tests.train.trainings import tiny_config
from train.data.dataset_files import DatasetFiles, find_dataset_files
from train.fitting.hard_negatives import (
    LOWEST,
    SPACING,
    find_hard_negatives,
    is_time_to_search,
    peaks,
    search_hard_negatives,
    worst,
)
from train.fitting.parallel import Processes
from train.fitting.progress_state import ProgressState
from train.scenes.sources import Moment

ALONE = Processes()


@given(st.lists(st.floats(0, 1), max_size=60))
def test_peaks_are_the_highest_and_apart(posteriors: list[float]) -> None:
    found = peaks(posteriors)
    assert all(posteriors[index] >= LOWEST for index in found)
    assert all(abs(a - b) >= SPACING for a in found for b in found if a != b)
    for index, posterior in enumerate(posteriors):
        near = [other for other in found if abs(other - index) < SPACING]
        assert posterior < LOWEST or max(posteriors[other] for other in near) >= posterior


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 3), st.floats(0, 1))))
def test_the_worst_come_first_in_whatever_order_they_were_found(
    drawn: list[tuple[str, int, float]],
) -> None:
    moments = [Moment(Path(path), end, posterior) for path, end, posterior in drawn]
    found = worst(moments, 4)
    assert found == worst(reversed(moments), 4)
    assert [each.posterior for each in found] == sorted(
        (each.posterior for each in moments), reverse=True
    )[:4]


@pytest.fixture
def noises(tmp_path: Path) -> list[Path]:
    paths = []
    for seed in range(3):
        path = tmp_path / f"{seed}.wav"
        samples = np.random.default_rng(seed).normal(0, 0.1, (4 - seed) * RATE // 2)
        soundfile.write(path, samples, RATE)
        paths.append(path)
    return paths


def test_a_moment_is_where_the_model_was_sure(noises: list[Path]) -> None:
    model = untrained_model()
    found = find_hard_negatives(model, noises)
    assert len({moment.path for moment in found}) == 3
    assert [each.posterior for each in found] == sorted(
        (each.posterior for each in found), reverse=True
    )
    for moment in found:
        length = soundfile.info(moment.path).frames
        assert 0 < moment.end <= length + RATE
    assert find_hard_negatives(model, noises, most=2) == found[:2]


def test_unreadable_recordings_are_reported_or_end_it(noises: list[Path]) -> None:
    noises[1].write_bytes(b"")
    told: list[AudioFileError] = []
    found = find_hard_negatives(untrained_model(), noises, skip=told.append)
    assert {moment.path for moment in found} == {noises[0], noises[2]}
    assert [str(error).partition(":")[0] for error in told] == [str(noises[1])]
    with pytest.raises(AudioFileError, match=r"1\.wav: the file is empty"):
        find_hard_negatives(untrained_model(), noises)


@pytest.fixture
def files(data: Path, tmp_path: Path) -> DatasetFiles:
    return find_dataset_files(
        tiny_config(shutil.copytree(data, tmp_path / "data"), tmp_path / "m.onnx")
    )


def test_it_is_time_every_few_epochs_after_the_first(data: Path, files: DatasetFiles) -> None:
    config = tiny_config(data, Path("m.onnx"), hard_after=2, hard_every=3)
    assert [epoch for epoch in range(10) if is_time_to_search(config, files, epoch)] == [2, 5, 8]
    never = replace(config, mixture=replace(config.mixture, hard=0.0))
    assert not any(is_time_to_search(never, files, epoch) for epoch in range(10))
    silent = replace(files, negatives=(files.negatives[0][:0], *files.negatives[1:]))
    assert not any(is_time_to_search(config, silent, epoch) for epoch in range(10))


def test_a_share_is_searched_and_what_was_found_in_the_rest_stays(
    data: Path, files: DatasetFiles
) -> None:
    config = tiny_config(data, Path("m.onnx"))
    earlier = tuple(Moment(path, 1, 0.99) for table in files.negatives for path in table)
    searches = [
        search_hard_negatives(
            untrained_model(),
            replace(config, hard_share=share),
            files,
            ProgressState(hard=earlier),
            ALONE,
        )
        for share in (0.0, 0.5, 1.0)
    ]
    assert set(searches[0]) == set(earlier)
    assert not set(searches[2]) & set(earlier)
    kept = set(searches[1]) & set(earlier)
    assert 0 < len(kept) < len(earlier)
    # The recordings that were processed have new moments, the others have the earlier ones.
    assert not {each.path for each in kept} & {each.path for each in set(searches[1]) - kept}


def test_a_recording_that_cannot_be_read_is_named(
    data: Path, files: DatasetFiles, caplog: pytest.LogCaptureFixture
) -> None:
    path = files.negatives[1][0]
    path.write_bytes(b"")
    config = tiny_config(data, Path("m.onnx"), hard_share=1.0)
    search_hard_negatives(untrained_model(), config, files, ProgressState(), ALONE)
    assert f"left out: {path}: the file is empty" in caplog.text
