"""Thresholds are the best there are: compared with trying all of them."""

from itertools import pairwise, product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from train.measure.threshold_search import (
    HIGHEST,
    LOWEST,
    Choice,
    Curve,
    choices,
    misses_at,
    thinned,
    threshold_grid,
)

GRID = (0.2, 0.4, 0.6, 0.8)


@st.composite
def a_curve(draw: st.DrawFn) -> Curve:
    """Any counts, though a higher threshold mostly gives more misses and fewer false alarms."""
    counts = st.lists(st.integers(0, 6), min_size=len(GRID), max_size=len(GRID))
    return Curve(GRID, tuple(draw(counts)), tuple(draw(counts)))


@given(st.lists(a_curve(), min_size=1, max_size=3), st.integers(0, 12))
def test_no_other_thresholds_give_fewer_misses(curves: list[Curve], most: int) -> None:
    found = choices(curves, most)
    every = [
        (
            sum(curve.false_alarms[index] for curve, index in zip(curves, chosen, strict=True)),
            sum(curve.misses[index] for curve, index in zip(curves, chosen, strict=True)),
            chosen,
        )
        for chosen in product(range(len(GRID)), repeat=len(curves))
    ]
    fitting = [each for each in every if each[0] <= most]
    if not fitting:
        strictest = every[-1]
        assert [(each.false_alarms, each.misses) for each in found] == [strictest[:2]]
        return
    for choice in found:
        indices = tuple(GRID.index(threshold) for threshold in choice.thresholds)
        assert (choice.false_alarms, choice.misses, indices) in every
    for total in range(most + 1):
        possible = [misses for alarms, misses, _ in every if alarms <= total]
        got = [choice.misses for choice in found if choice.false_alarms <= total]
        assert got[-1:] == ([min(possible)] if possible else [])


@given(st.lists(a_curve(), min_size=1, max_size=3), st.integers(0, 12))
def test_more_false_alarms_are_only_taken_for_fewer_misses(curves: list[Curve], most: int) -> None:
    for less, more in pairwise(choices(curves, most)):
        assert less.false_alarms < more.false_alarms
        assert less.misses > more.misses


def test_of_equals_the_higher_thresholds_are_taken() -> None:
    curves = [Curve(GRID, (3, 3, 3, 9), (1, 0, 0, 0)), Curve(GRID, (0, 0, 1, 1), (0, 0, 0, 0))]
    assert choices(curves, 5) == [Choice(0, 3, (0.6, 0.4))]


def test_a_false_alarm_goes_to_the_keyword_that_gains_most_by_it() -> None:
    rare = Curve(GRID, (0, 1, 2, 3), (1, 1, 0, 0))
    common = Curve(GRID, (0, 10, 20, 30), (2, 1, 0, 0))
    found = choices([rare, common], 3)
    assert [(each.false_alarms, each.misses) for each in found] == [
        (0, 22),
        (1, 12),
        (2, 2),
        (3, 0),
    ]
    assert found[1].thresholds == (0.6, 0.4)


def test_misses_at_a_rate() -> None:
    found = [Choice(1, 9, ()), Choice(3, 5, ()), Choice(4, 2, ())]
    assert [misses_at(found, rate) for rate in (0, 0.9, 1, 2.9, 3.5, 100)] == [9, 9, 9, 9, 5, 2]


@given(
    st.sets(st.integers(0, 400), min_size=1, max_size=60), st.integers(0, 400), st.floats(1.05, 2)
)
def test_of_many_choices_some_are_kept(totals: set[int], keep: int, factor: float) -> None:
    found = [Choice(total, 1000 - total, ()) for total in sorted(totals)]
    kept = thinned(found, keep, factor)
    assert kept[0] == found[0]
    assert set(kept) <= set(found)
    fitting = [choice for choice in found if choice.false_alarms <= keep]
    assert not fitting or fitting[-1] in kept
    steps = [
        later.false_alarms >= factor * earlier.false_alarms for earlier, later in pairwise(kept)
    ]
    assert steps.count(False) <= 1


def test_the_grid_is_even_in_logit() -> None:
    grid = threshold_grid()
    assert grid[0] == pytest.approx(LOWEST, abs=1e-6)
    assert grid[-1] == pytest.approx(HIGHEST, abs=1e-6)
    odds = [threshold / (1 - threshold) for threshold in grid]
    ratios = [later / earlier for earlier, later in pairwise(odds)]
    assert ratios == pytest.approx([ratios[0]] * len(ratios), rel=0.01)
    assert all(type(threshold) is float for threshold in grid)
