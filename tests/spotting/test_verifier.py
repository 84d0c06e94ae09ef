"""Candidates and what becomes of them, by what must hold for any and by small stories."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kws.spotting.trigger import Proposal, TriggerSettings
from kws.spotting.verifier import Candidates, Outcome, Settlement, Verification
from tests.spotting.level_verifier import LevelVerifier, verification

RATE, HOP = 16_000, 1_600
WINDOW, LOOKAHEAD = 2_400, 320
SETTINGS = TriggerSettings(refractory_s=1.0, exclusion_s=0.3)


def settlement(threshold: float = 0.5, keywords: int = 2) -> Settlement:
    return Settlement([SETTINGS] * keywords, [threshold] * keywords, RATE)


def proposal(hop: int, keyword: int = 0, armed: tuple[int, ...] = (0, 0)) -> Proposal:
    return Proposal(keyword, 0.4, hop * HOP, armed)


def settled(own: Settlement, *candidates: tuple[Proposal, list[float]]) -> list[Outcome]:
    return [own.settle(each, np.array(scores)) for each, scores in candidates]


scores = st.lists(st.floats(0, 1), min_size=3, max_size=3)
steps = st.tuples(st.integers(1, 8), st.integers(0, 2), scores, st.integers(0, 8))


@given(st.lists(steps, max_size=60))
def test_events_keep_their_distance_and_need_their_score(
    drawn: list[tuple[int, int, list[float], int]],
) -> None:
    own = settlement(keywords=3)
    hop, events = 0, []
    for wait, keyword, row, armed in drawn:
        hop += wait
        each = proposal(hop, keyword, (max(0, hop - armed) * HOP,) * 3)
        possible = own.possible(each)
        outcome = own.settle(each, np.array(row))
        if outcome.verdict == "confirmed":
            assert outcome.keyword in possible
            assert outcome.score == row[outcome.keyword] >= 0.5
            events.append((outcome.keyword, each.position))
        else:
            assert all(row[index] < 0.5 for index in possible)
    for (first, earlier), (second, later) in itertools.pairwise(events):
        assert later - earlier >= 0.3 * RATE
        if first == second:
            assert later - earlier >= RATE


def test_what_is_rejected_blocks_nothing() -> None:
    outcomes = settled(settlement(), (proposal(10), [0.4, 0.1]), (proposal(11), [0.9, 0.1]))
    assert [each.verdict for each in outcomes] == ["rejected", "confirmed"]
    assert outcomes[0].score == 0.4


def test_another_keyword_than_was_proposed_can_be_confirmed() -> None:
    (outcome,) = settled(settlement(), (proposal(10, keyword=0), [0.2, 0.8]))
    assert (outcome.verdict, outcome.keyword, outcome.score) == ("confirmed", 1, 0.8)


def test_the_best_score_wins() -> None:
    (outcome,) = settled(settlement(), (proposal(10), [0.6, 0.8]))
    assert outcome.keyword == 1


def test_a_keyword_is_confirmed_again_only_after_it_was_released() -> None:
    own = settlement()
    first, held, again = (
        proposal(10),
        proposal(25, armed=(5 * HOP, 5 * HOP)),
        proposal(40, armed=(30 * HOP, 30 * HOP)),
    )
    outcomes = settled(own, (first, [0.9, 0.0]), (held, [0.9, 0.0]), (again, [0.9, 0.0]))
    assert [each.verdict for each in outcomes] == ["confirmed", "rejected", "confirmed"]


def test_other_keywords_are_held_back_for_the_exclusion_time() -> None:
    own = settlement()
    outcomes = settled(
        own,
        (proposal(10), [0.9, 0.0]),
        (proposal(12, keyword=1), [0.0, 0.9]),
        (proposal(13, keyword=1), [0.0, 0.9]),
    )
    assert [each.verdict for each in outcomes] == ["confirmed", "rejected", "confirmed"]


SIGNAL = np.random.default_rng(1).normal(size=20 * HOP).astype(np.float32)


@given(
    st.sets(st.integers(1, 18), min_size=1, max_size=8),
    st.lists(st.integers(0, len(SIGNAL)), max_size=12),
)
def test_a_candidate_gets_the_audio_up_to_its_lookahead(hops: set[int], cuts: list[int]) -> None:
    own = Candidates(WINDOW, LOOKAHEAD, settlement())
    waiting, seen, pushed = sorted(hops), [], 0
    for block in np.split(SIGNAL, sorted(cuts)):
        undecided = (pushed // HOP + 1) * HOP
        own.push(block, undecided)
        pushed += len(block)
        while waiting and waiting[0] * HOP <= pushed:
            own.add(proposal(waiting.pop(0)))
        while (candidate := own.due()) is not None:
            seen.append(candidate)
            own.settle(np.zeros(2))
    assert [each.proposal.position for each in seen] == [hop * HOP for hop in sorted(hops)]
    padded = np.concatenate((np.zeros(WINDOW, np.float32), SIGNAL))
    for each in seen:
        end = each.proposal.position + LOOKAHEAD + WINDOW
        np.testing.assert_array_equal(each.window, padded[end - WINDOW : end])


def test_a_candidate_waits_for_its_lookahead() -> None:
    own = Candidates(WINDOW, LOOKAHEAD, settlement())
    own.push(SIGNAL[:HOP], HOP)
    own.add(proposal(1))
    own.push(SIGNAL[HOP : HOP + LOOKAHEAD - 1], 2 * HOP)
    assert own.due() is None
    own.push(SIGNAL[HOP + LOOKAHEAD - 1 : HOP + LOOKAHEAD], 2 * HOP)
    assert own.due() is not None


def test_a_gap_drops_what_waits() -> None:
    own = Candidates(WINDOW, LOOKAHEAD, settlement())
    own.push(SIGNAL[:HOP], HOP)
    own.add(proposal(1))
    (outcome,) = own.skip(5 * HOP)
    assert (outcome.verdict, outcome.score, outcome.keyword) == ("dropped", None, 0)
    own.push(SIGNAL, 6 * HOP)
    assert own.due() is None


def test_at_the_end_silence_follows() -> None:
    own = Candidates(WINDOW, LOOKAHEAD, settlement())
    own.push(SIGNAL[:HOP], HOP)
    own.add(proposal(1))
    own.finish()
    candidate = own.due()
    assert candidate is not None
    assert not candidate.window[-LOOKAHEAD:].any()
    np.testing.assert_array_equal(candidate.window[-LOOKAHEAD - HOP : -LOOKAHEAD], SIGNAL[:HOP])


def test_what_can_be_no_event_is_left_out() -> None:
    own = Candidates(WINDOW, 0, settlement())
    own.push(SIGNAL, HOP)
    own.add(proposal(5))
    own.add(proposal(6))
    own.add(proposal(9))
    assert own.due() is not None
    own.settle(np.array([0.9, 0.0]))
    following = own.due()
    assert following is not None
    assert following.proposal.position == 9 * HOP


@pytest.mark.parametrize(
    ("lookahead_s", "threshold", "message"),
    [(1.5, 0.5, "lookahead_s"), (-0.1, 0.5, "lookahead_s"), (0.2, 0.0, "above 0")],
)
def test_settings_have_limits(lookahead_s: float, threshold: float, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        verification(threshold, lookahead_s)


def test_thresholds_are_of_keywords_that_the_verifier_knows() -> None:
    with pytest.raises(ValueError, match="does not know maybe"):
        Verification(LevelVerifier(), 0.2, {"maybe": 0.5})
