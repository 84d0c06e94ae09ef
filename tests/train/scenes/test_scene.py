"""Which windows of a scene are to say what."""

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from kws.spotting.header import Context
from train.scenes.scene import (
    BARELY,
    CROWD,
    EDGES,
    NONE,
    SLACK,
    Scene,
    View,
    any_view,
    crowded_views,
    keyword_views,
)

FRAMES, LENGTH, LABEL = 173, 98, 3
contexts = st.sampled_from(sorted(EDGES))
words = st.tuples(st.integers(0, 150), st.integers(1, 120)).map(
    lambda drawn: (drawn[0], min(FRAMES, drawn[0] + drawn[1]))
)


def seen(view: View, start: int, word: tuple[int, int]) -> tuple[bool, float]:
    """Whether a window sees all of a word, and what share of it."""
    overlap = min(start + LENGTH, word[1]) - max(start, word[0])
    return overlap == word[1] - word[0], max(0, overlap) / (word[1] - word[0])


@given(words, contexts)
def test_a_keyword_is_seen_whole_with_its_edges_or_barely(
    word: tuple[int, int], context: Context
) -> None:
    before, after = EDGES[context]
    first, *others = keyword_views(word, LABEL, FRAMES, LENGTH, context)
    assert first.label == LABEL
    for view in (first, *others):
        assert 0 <= view.first <= view.last <= FRAMES - LENGTH
    fits = word[1] - word[0] + before + after <= LENGTH - 2 * SLACK
    inside = word[0] >= before + 2 * SLACK and word[1] + after + 2 * SLACK <= FRAMES
    if fits and inside:
        for start in (first.first, first.last):
            assert start + before <= word[0]
            assert word[1] + after <= start + LENGTH
    for view in others:
        assert view.label == NONE
        for start in (view.first, view.last):
            assert seen(view, start, word)[1] <= BARELY


@given(words, st.integers(0, FRAMES), st.integers(0, FRAMES))
def test_a_crowded_window_contains_some_of_the_speech_beside(
    word: tuple[int, int], before: int, after: int
) -> None:
    near = (word[0] - before if before < word[0] else None, word[1] + after)
    for view in crowded_views(word, near, FRAMES, LENGTH):
        assert view.label == NONE
        assert 0 <= view.first <= view.last <= FRAMES - LENGTH
        for start in (view.first, view.last):
            left = near[0] is not None and near[0] - start >= CROWD
            right = start + LENGTH - near[1] >= CROWD
            assert left or right


def test_windows_are_cut_where_the_views_say_the_first_most_often() -> None:
    frames = torch.arange(FRAMES, dtype=torch.float32)[:, None].expand(-1, 40)
    scene = Scene(frames, (View(10, 12, LABEL), View(70, 75, NONE)))
    windows, labels = scene.windows(2_000, LENGTH, np.random.default_rng(1))
    assert windows.shape == (2_000, 40, LENGTH)
    starts = windows[:, 0, 0]
    assert set(starts[labels == LABEL].tolist()) == {10, 11, 12}
    assert set(starts[labels == NONE].tolist()) == {70, 71, 72, 73, 74, 75}
    assert abs(float((labels == LABEL).float().mean()) - 0.75) < 0.04
    assert torch.equal(windows[0, 7], torch.arange(LENGTH) + starts[0])


def test_nothing_is_somewhere() -> None:
    assert any_view(FRAMES, LENGTH) == (View(0, 75, NONE),)
    assert any_view(LENGTH, LENGTH) == (View(0, 0, NONE),)
