"""Where training draws from."""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from kws.errors import AudioFileError
from tests.train.recordings import RATE
from train.data.clips import indices_by
from train.data.paths import Indices
from train.scenes.sources import Recordings, Words, around


class Said:
    """Clips that are nothing but words."""

    def __init__(self, *words: str) -> None:
        self._words = words

    def __getitem__(self, index: int) -> str:
        return f"{self._words[index]}{index}"

    def by_word(self) -> Mapping[str, Indices]:
        return indices_by(np.array(self._words, np.str_))


def test_a_word_is_drawn_by_the_square_root_of_its_number() -> None:
    words = Words(Said(*["rare"] * 10, *["frequent"] * 90))
    draw = np.random.default_rng(1)
    drawn = Counter(words.clip(draw)[0] for _ in range(2_000))
    assert drawn["f"] / drawn["r"] == pytest.approx(3, rel=0.15)


def test_a_word_can_be_asked_for_and_others_left_out() -> None:
    words = Words(Said("yes", "no", "yes", "up"), {"yes", "no"}.__contains__)
    draw = np.random.default_rng(1)
    assert {words.clip(draw, "yes") for _ in range(50)} == {"yes0", "yes2"}
    assert {words.clip(draw) for _ in range(99)} == {"yes0", "yes2", "no1"}
    assert words
    assert words.has("no")
    assert words.has(None)
    assert "up" not in words
    assert not Words(Said("up"), lambda word: False)


@pytest.fixture
def folders(tmp_path: Path) -> list[Path]:
    """Two folders; every recording holds its own number at each of its samples."""
    paths = []
    for number, (name, seconds) in enumerate(
        (("a/x.wav", 1), ("a/y.wav", 3), ("b/z.wav", 16)), start=1
    ):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        soundfile.write(path, np.full(seconds * RATE, number / 8), RATE)
        paths.append(path)
    return paths


def test_recordings_are_drawn_by_duration_and_folders_by_its_square_root(
    folders: list[Path],
) -> None:
    speech = Recordings(folders, RATE)
    draw = np.random.default_rng(1)
    drawn = Counter(float(speech.whole(500, draw)[0]) * 8 for _ in range(3_000))
    assert (drawn[1] + drawn[2]) / drawn[3] == pytest.approx(0.5, rel=0.15)
    assert drawn[2] / drawn[1] == pytest.approx(3, rel=0.2)


def test_a_stretch_may_reach_over_an_edge_and_what_is_whole_does_not(folders: list[Path]) -> None:
    speech = Recordings(folders, RATE)
    draw = np.random.default_rng(1)
    stretches = [speech.stretch(RATE // 2, draw) for _ in range(100)]
    assert all(each.shape == (RATE // 2,) for each in stretches)
    assert any(each[0] and not each[-1] for each in stretches)
    assert any(each[-1] and not each[0] for each in stretches)
    assert all(speech.whole(2 * RATE, draw).all() for _ in range(20))


@given(st.integers(-40_000, 40_000), st.integers(1, 40_000))
def test_around_is_silent_where_the_recording_does_not_reach(start: int, length: int) -> None:
    path = Path(__file__).parents[3] / "kws/demo/demo.wav"
    whole, _ = soundfile.read(path, dtype="float32")
    padded = np.pad(whole, (40_000, 120_000))
    assert np.array_equal(
        around(path, RATE, start, length), padded[40_000 + start :][:length].astype(np.float32)
    )


def test_without_recordings_there_is_nothing_and_a_broken_one_is_named(tmp_path: Path) -> None:
    assert not Recordings([], RATE)
    path = tmp_path / "a.wav"
    path.touch()
    with pytest.raises(AudioFileError, match=r"a\.wav: the file is empty"):
        Recordings([path], RATE)
