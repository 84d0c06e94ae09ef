"""Hard negatives."""

from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from kws.errors import AudioFileError
from tests.spotting.models import untrained_model
from tests.train.recordings import RATE
from train.fitting.hard import LOWEST, SPACING, find_hard, peaks, worst
from train.scenes.sources import Moment


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
    found = find_hard(model, noises)
    assert len({moment.path for moment in found}) == 3
    assert [each.posterior for each in found] == sorted(
        (each.posterior for each in found), reverse=True
    )
    for moment in found:
        length = soundfile.info(moment.path).frames
        assert 0 < moment.end <= length + RATE
    assert find_hard(model, noises, most=2) == found[:2]


def test_what_cannot_be_read_is_told_or_ends_it(noises: list[Path]) -> None:
    noises[1].write_bytes(b"")
    told: list[AudioFileError] = []
    found = find_hard(untrained_model(), noises, skip=told.append)
    assert {moment.path for moment in found} == {noises[0], noises[2]}
    assert [str(error).partition(":")[0] for error in told] == [str(noises[1])]
    with pytest.raises(AudioFileError, match=r"1\.wav: cannot be read"):
        find_hard(untrained_model(), noises)
