"""The trigger, by what must hold for any posteriors and by small stories."""

import itertools
import math
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kws.spotting.trigger import Decision, Proposal, Trigger, TriggerSettings

RATE, HOP = 16_000, 1_600
PLAIN = TriggerSettings(
    threshold=0.5, smoothing_s=0.0, patience_s=0.0, refractory_s=0.0, release=0.5, exclusion_s=0.0
)


def run(rows: list[list[float]], settings: list[TriggerSettings], hop: int = HOP) -> list[Decision]:
    trigger = Trigger(settings, sample_rate=RATE, hop=hop)
    decisions = (trigger.step(row, (index + 1) * hop) for index, row in enumerate(rows))
    return [decision for decision in decisions if decision is not None]


def hops(decisions: list[Decision]) -> list[int]:
    return [decision.position // HOP for decision in decisions]


def one(*values: float) -> list[list[float]]:
    return [[value] for value in values]


times = st.floats(0, 2)
settings = st.builds(
    lambda threshold, share, smoothing, patience, refractory, exclusion: TriggerSettings(
        threshold, smoothing, patience, refractory, threshold * share, exclusion
    ),
    st.floats(0.05, 1),
    st.floats(0.05, 1),
    times,
    times,
    times,
    times,
)
posteriors = st.floats(0, 1)


@given(st.lists(st.tuples(posteriors, posteriors), max_size=80), settings, settings)
def test_events_keep_their_distance(
    rows: list[tuple[float, float]], first: TriggerSettings, second: TriggerSettings
) -> None:
    decisions = run([list(row) for row in rows], [first, second])
    for keyword, own in enumerate((first, second)):
        positions = [each.position for each in decisions if each.keyword == keyword]
        for earlier, later in itertools.pairwise(positions):
            assert later - earlier >= round(own.refractory_s * RATE)
    for earlier_decision, later_decision in itertools.pairwise(decisions):
        assert later_decision.position > earlier_decision.position
        if earlier_decision.keyword != later_decision.keyword:
            held = (first, second)[later_decision.keyword].exclusion_s
            assert later_decision.position - earlier_decision.position >= round(held * RATE)
    for decision in decisions:
        assert (first, second)[decision.keyword].threshold <= decision.confidence <= 1 + 1e-9


@given(st.integers(1, 200), settings)
def test_one_long_activation_gives_at_most_one_event(length: int, own: TriggerSettings) -> None:
    assert len(run(one(*[1.0] * length), [own])) <= 1


@given(st.lists(posteriors, max_size=60), settings)
def test_below_the_threshold_there_is_no_detection(
    values: list[float], own: TriggerSettings
) -> None:
    quiet = [min(value, own.threshold * 0.999) for value in values]
    assert not run(one(*quiet), [own])


def test_smoothing_is_a_mean_in_which_missing_windows_are_silence() -> None:
    smooth = replace(PLAIN, smoothing_s=0.3, threshold=0.6, release=0.6)
    assert hops(run(one(0.9, 0.9, 0.9), [smooth])) == [2]
    assert run(one(0.9, 0.9, 0.9), [smooth])[0].confidence == pytest.approx(0.6)


def test_smoothing_means_the_same_time_at_another_hop() -> None:
    smooth = replace(PLAIN, smoothing_s=0.4, threshold=1.0, release=0.5)
    assert run(one(*[1.0] * 20), [smooth], hop=1_600)[0].position == 4 * 1_600
    assert run(one(*[1.0] * 20), [smooth], hop=800)[0].position == 8 * 800


def test_patience_is_time_without_a_break() -> None:
    patient = replace(PLAIN, patience_s=0.2)
    assert not run(one(1, 1, 0, 1, 1, 0), [patient])
    assert hops(run(one(1, 1, 0, 1, 1, 1), [patient])) == [6]


def test_rearms_only_below_release_and_after_the_refractory_time() -> None:
    own = replace(PLAIN, release=0.2, refractory_s=0.5)
    assert hops(run(one(1, 0.3, 1, 0.3, 1, 0.3, 0.3, 1), [own])) == [1]
    assert hops(run(one(1, 0.1, 1, 1, 1, 1, 1), [own])) == [1, 6]


def test_the_largest_margin_wins_and_the_others_are_held_back() -> None:
    low, high = (
        replace(PLAIN, threshold=0.5, exclusion_s=0.3),
        replace(PLAIN, threshold=0.3, release=0.3, exclusion_s=0.3),
    )
    decisions = run([[0.7, 0.4], [0.7, 0.41], [0.7, 0.0], [0.7, 0.4], [0.0, 0.4]], [low, high])
    assert [(each.keyword, each.position // HOP) for each in decisions] == [(0, 1), (1, 4)]


def test_a_gap_resets_smoothing_but_not_the_refractory_time() -> None:
    own = replace(PLAIN, refractory_s=0.5, smoothing_s=0.2, threshold=0.9, release=0.5)
    trigger = Trigger([own], sample_rate=RATE, hop=HOP)
    assert trigger.step([1.0], HOP) is None
    trigger.reset(0)
    assert trigger.smoothed == [0.0]
    assert trigger.step([1.0], 10 * HOP) is None
    assert trigger.step([1.0], 11 * HOP) is not None
    trigger.reset(0)
    steps = [trigger.step([1.0], position * HOP) for position in range(12, 18)]
    assert [step is not None for step in steps] == [False, False, False, False, True, False]


@pytest.mark.parametrize(
    "figures",
    [
        {"threshold": 0.0},
        {"threshold": 1.1},
        {"release": 0.9, "threshold": 0.8},
        {"release": 0.0},
        {"patience_s": -1.0},
    ],
)
def test_impossible_settings_are_refused(figures: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="must"):
        TriggerSettings(**figures)


@given(settings, st.floats(0.001, 1))
def test_another_threshold_changes_nothing_else_but_a_release_level_above_it(
    own: TriggerSettings, threshold: float
) -> None:
    changed = own.with_threshold(threshold)
    assert changed.release == min(own.release, threshold)
    assert replace(changed, threshold=own.threshold, release=own.release) == own


def proposed(rows: list[list[float]], settings: list[TriggerSettings]) -> list[Proposal]:
    trigger = Trigger(settings, sample_rate=RATE, hop=HOP)
    proposals = (trigger.propose(row, (index + 1) * HOP) for index, row in enumerate(rows))
    return [each for each in proposals if each is not None]


def test_a_keyword_is_proposed_again_where_it_peaks_higher() -> None:
    found = proposed(one(0.1, 0.6, 0.6, 0.62, 0.9, 0.92, 0.7, 0.9), [PLAIN])
    assert [each.position // HOP for each in found] == [2, 5]


def test_a_keyword_is_proposed_again_after_it_was_released() -> None:
    found = proposed(one(0.9, 0.9, 0.1, 0.6, 0.6), [PLAIN])
    assert [each.position // HOP for each in found] == [1, 4]
    assert found[0].armed == (0,)
    assert found[1].armed == (3 * HOP,)


def test_the_candidate_of_a_hop_has_the_largest_margin() -> None:
    found = proposed([[0.6, 0.8], [0.6, 0.8]], [PLAIN, PLAIN])
    assert [(each.keyword, each.position // HOP) for each in found] == [(1, 1)]


@given(st.lists(st.tuples(posteriors, posteriors), max_size=80), settings, settings)
def test_what_would_be_an_event_is_proposed_first(
    rows: list[tuple[float, float]], first: TriggerSettings, second: TriggerSettings
) -> None:
    own = [replace(each, refractory_s=0.0, exclusion_s=0.0) for each in (first, second)]
    lists = [list(row) for row in rows]
    events, candidates = run(lists, own), proposed(lists, own)
    earliest = {each.keyword: each.position for each in reversed(events)}
    if events:
        assert candidates
        assert candidates[0].position == min(earliest.values())


@given(st.lists(st.sampled_from([0.0, 0.9, float("nan"), float("inf")]), max_size=40), settings)
def test_a_posterior_that_is_no_number_is_no_event(values: list[float], keyword: Any) -> None:
    for decision in run(one(*values), [keyword]):
        assert not math.isnan(decision.confidence)
    assert not run(one(*[math.nan] * len(values)), [keyword])


def test_events_go_on_after_a_posterior_that_is_no_number() -> None:
    assert hops(run(one(0.9, 0.0, math.nan, 0.9), [PLAIN])) == [1, 4]
