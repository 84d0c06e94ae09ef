"""The rule that detections are scored by, and what counts say."""

import math
from random import Random

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from kws.spotting.detection import Detection
from train.measure.labelled_streams import Word
from train.measure.scoring import (
    FALSE_ALARM_S,
    PATIENCE_S,
    Tally,
    at_most,
    judge,
    miss_interval,
    rate_bound,
    score,
    tallies,
    together,
)

WORD = Word("yes", 2.0, 2.5)

times = st.floats(0, 30).map(lambda seconds: round(seconds, 2))
keywords = st.sampled_from(["yes", "no"])
detections = st.lists(st.builds(Detection, keywords, st.just(0.9), times), max_size=12)
words = st.builds(
    lambda keyword, start, length: Word(keyword, start, start + length),
    keywords,
    times,
    st.floats(0.1, 1.0),
)
truths = st.lists(words, max_size=8, unique=True)


def detected(*times: float, keyword: str = "yes") -> list[Detection]:
    return [Detection(keyword, 0.9, t) for t in times]


@pytest.mark.parametrize("t", [2.0, 2.3, 3.5])
def test_a_detection_from_start_to_a_second_after_the_end_is_a_hit(t: float) -> None:
    result = score(detected(t), [WORD], 10.0)
    assert (result.hits, result.misses, result.false_alarms) == (1, 0, 0)
    assert list(result.delays) == pytest.approx([t - 2.5])


@pytest.mark.parametrize("t", [1.99, 3.51])
def test_a_detection_outside_is_a_miss_and_a_false_alarm(t: float) -> None:
    result = score(detected(t), [WORD], 10.0)
    assert (result.hits, result.misses, result.false_alarms) == (0, 1, 1)
    assert result.delays == ()


@pytest.mark.parametrize("t", [2.0, 2.3, 3.5])
def test_another_word_is_a_miss_and_a_false_alarm(t: float) -> None:
    result = score(detected(t, keyword="no"), [WORD], 10.0)
    assert (result.hits, result.misses, result.false_alarms) == (0, 1, 1)


@pytest.mark.parametrize("t", [2.1, 2.9])
def test_a_word_taken_for_another_is_missed_even_if_it_is_detected_too(t: float) -> None:
    result = score([*detected(2.5), *detected(t, keyword="no")], [WORD], 10.0)
    assert (result.hits, result.misses, result.false_alarms, result.repeats) == (0, 1, 1, 1)
    assert result.delays == ()


@pytest.mark.parametrize("t", [1.9, 3.6])
def test_a_false_alarm_beside_a_word_does_not_make_it_missed(t: float) -> None:
    result = score([*detected(2.5), *detected(t, keyword="no")], [WORD], 10.0)
    assert (result.hits, result.misses, result.false_alarms) == (1, 0, 1)


def test_a_word_right_after_another_is_not_taken_for_it() -> None:
    truth = [WORD, Word("no", 2.8, 3.2)]
    result = score([*detected(2.6), *detected(3.3, keyword="no")], truth, 10.0)
    assert (result.hits, result.misses, result.false_alarms) == (2, 0, 0)


def test_a_word_counts_once() -> None:
    result = score(detected(2.4, 3.4), [WORD], 10.0)
    assert (result.hits, result.repeats, result.false_alarms) == (1, 1, 0)
    assert list(result.delays) == pytest.approx([-0.1])


def test_false_alarms_count_once_per_second() -> None:
    result = score(detected(5.0, 5.9, 6.0, 6.5, 9.0), [], 1800.0)
    assert result.false_alarms == 3
    assert result.false_alarms_per_hour == 6.0


def test_words_close_together_are_matched_one_to_one() -> None:
    again = Word("yes", 2.8, 3.2)
    result = score(detected(2.9, 3.3), [again, WORD], 10.0)
    assert (result.hits, result.misses, result.repeats) == (2, 0, 0)


@given(detections, truths)
def test_every_word_and_every_detection_is_accounted_for(
    detections: list[Detection], truth: list[Word]
) -> None:
    result = score(detections, truth, 40.0)
    assert result.hits + result.misses == len(truth)
    assert len(result.delays) == result.hits
    assert result.hits + result.repeats + result.false_alarms <= len(detections)
    assert all(-1.0 <= delay <= PATIENCE_S + 1e-9 for delay in result.delays)


@given(detections, truths, st.randoms(use_true_random=False))
def test_the_order_of_detections_and_words_does_not_matter(
    detections: list[Detection], truth: list[Word], draw: Random
) -> None:
    before = score(detections, truth, 40.0)
    draw.shuffle(detections)
    draw.shuffle(truth)
    after = score(detections, truth, 40.0)
    assert (after.hits, after.repeats, after.false_alarms) == (
        before.hits,
        before.repeats,
        before.false_alarms,
    )


@given(truths)
def test_detecting_every_word_at_its_end_is_perfect(truth: list[Word]) -> None:
    result = score([Detection(word.keyword, 0.9, word.end) for word in truth], truth, 40.0)
    assert (result.hits, result.misses, result.false_alarms) == (len(truth), 0, 0)


@given(detections)
def test_false_alarms_never_exceed_one_a_second(detections: list[Detection]) -> None:
    result = score(detections, [], 40.0)
    assert result.false_alarms <= 1 + 30 / FALSE_ALARM_S
    assert bool(result.false_alarms) == bool(detections)


@given(detections, truths)
def test_the_counts_of_the_keywords_are_those_of_the_whole(
    detections: list[Detection], truth: list[Word]
) -> None:
    verdict = judge(detections, truth)
    counts = tallies([verdict, verdict], ["yes", "no"], 0.5)
    whole = together(counts.values())
    assert (whole.hits, whole.misses) == (2 * len(verdict.hits), 2 * len(verdict.missed))
    assert whole.false_alarms == 2 * len(verdict.false_alarms)
    assert whole.hours == 0.5
    assert counts["yes"].words == 2 * sum(word.keyword == "yes" for word in truth)


def test_tallies_add_up_and_say_what_they_mean() -> None:
    one = Tally(hits=3, misses=1, false_alarms=1, hours=0.5, delays=(0.1, 0.2, 0.3))
    both = one + Tally(misses=4, hours=1.5)
    assert (both.words, both.miss_rate, both.false_alarms_per_hour) == (8, 0.625, 0.5)
    assert both.delay(50) == pytest.approx(0.2)
    assert both.false_alarm_bound == pytest.approx(4.744 / 2, abs=0.001)
    nothing = Tally()
    assert (nothing.miss_rate, nothing.false_alarms_per_hour, nothing.delay(50)) == (None,) * 3
    assert nothing.miss_interval == (0.0, 1.0)
    assert nothing.false_alarm_bound == math.inf


@pytest.mark.parametrize(
    ("misses", "words", "low", "high"),
    [(0, 10, 0.0, 0.2775), (5, 10, 0.2366, 0.7634), (1, 100, 0.0018, 0.0545), (10, 10, 0.7225, 1)],
)
def test_the_interval_of_a_miss_rate(misses: int, words: int, low: float, high: float) -> None:
    assert miss_interval(misses, words) == pytest.approx((low, high), abs=1e-4)


@given(st.integers(1, 5000), st.data())
def test_the_interval_holds_the_rate_and_shrinks_with_more_words(
    words: int, data: st.DataObject
) -> None:
    misses = data.draw(st.integers(0, words))
    low, high = miss_interval(misses, words)
    assert 0 <= low <= misses / words + 1e-12
    assert misses / words - 1e-12 <= high <= 1
    wider = miss_interval(misses, words)
    narrower = miss_interval(10 * misses, 10 * words)
    assert narrower[1] - narrower[0] < wider[1] - wider[0]


@pytest.mark.parametrize(
    ("count", "bound"), [(0, 2.996), (1, 4.744), (5, 10.513), (10, 16.962), (100, 118.079)]
)
def test_the_bound_of_a_rate(count: int, bound: float) -> None:
    """Values of Garwood's table (chi-squared with 2 count + 2 degrees of freedom, halved)."""
    assert rate_bound(count, 1.0) == pytest.approx(bound, abs=0.001)
    assert rate_bound(count, 4.0) == pytest.approx(bound / 4, abs=0.001)


@given(st.integers(0, 300), st.floats(0.01, 1000))
def test_as_few_events_as_that_have_one_chance_in_twenty_at_the_bound(
    count: int, hours: float
) -> None:
    bound = rate_bound(count, hours)
    assume(math.isfinite(bound))
    assert bound > count / hours
    assert at_most(count, bound * hours) == pytest.approx(0.05, abs=1e-6)


def test_probabilities_of_counts() -> None:
    assert at_most(0, 0.0) == 1.0
    assert at_most(0, 1.0) == pytest.approx(math.exp(-1))
    assert at_most(2, 1.0) == pytest.approx(2.5 * math.exp(-1))
