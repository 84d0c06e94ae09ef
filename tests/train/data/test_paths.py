"""A table of paths is a list of paths, only smaller."""

import pickle
from pathlib import Path

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from train.data.paths import Paths

names = st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1)
paths = st.lists(
    st.builds(
        lambda folder, name: Path("/data", folder, name),
        st.sampled_from(["yes", "no", "größe"]),
        names.filter(lambda name: name not in (".", "..")),
    )
)


@given(paths)
def test_it_holds_what_was_put_in(wanted: list[Path]) -> None:
    table = Paths.of(wanted)
    assert list(table) == wanted
    assert len(table) == len(wanted)
    assert list(table[1:3]) == wanted[1:3]
    assert list(pickle.loads(pickle.dumps(table))) == wanted


@given(paths.filter(bool), st.data())
def test_some_of_it_can_be_taken(wanted: list[Path], data: st.DataObject) -> None:
    chosen = data.draw(st.lists(st.integers(0, len(wanted) - 1)))
    taken = Paths.of(wanted).take(np.array(chosen, np.int64))
    assert list(taken) == [wanted[index] for index in chosen]


def test_a_name_that_is_no_text_is_kept() -> None:
    path = Path("/data/yes") / b"\xff.wav".decode(errors="surrogateescape")
    assert list(Paths.of([path])) == [path]


def test_a_clip_takes_a_few_dozen_bytes() -> None:
    table = Paths.of(Path(f"/data/word{n % 34}/{n:08x}_nohash_0.wav") for n in range(5_000))
    assert len(pickle.dumps(table)) < 60 * 5_000
