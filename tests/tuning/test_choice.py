"""Thresholds: never more false alarms than asked for, and no further away than it takes."""

import math
import re

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from kws.tuning.choice import CannotChooseError, Chooser
from kws.tuning.recording import Recording
from tests.tuning.recordings import begin, recording

HOURS = 100.0
WORDS = ("yes", "no", "up")
LEVELS = st.integers(2_000, 9_999).map(lambda each: each / 10_000)
MARKS = st.lists(st.tuples(st.integers(0, 80).map(float), LEVELS), max_size=12)


@st.composite
def recordings(draw: st.DrawFn) -> Recording:
    in_use = {word: draw(st.integers(20, 99)) / 100 for word in WORDS}
    first = begin(in_use)
    if draw(st.booleans()):
        first = begin(dict.fromkeys(WORDS, 0.2), verifier_thresholds=in_use)
    return recording(first, HOURS, {word: draw(MARKS) for word in WORDS})


RATES = st.integers(3, 40).map(lambda count: count / HOURS)


def log_odds(level: float) -> float:
    return math.log(level / (1 - level)) if level < 1 else math.inf


@given(recordings(), RATES)
def test_the_thresholds_keep_to_the_rate(recorded: Recording, rate: float) -> None:
    chooser = Chooser(recorded, {})
    choice = chooser.choose(rate)
    counts = {word: recorded.count(word, level) for word, level in choice.thresholds.items()}
    assert choice.counts == counts
    assert sum(counts.values()) <= rate * recorded.hours + 1e-9
    for word, level in choice.thresholds.items():
        assert chooser.lowest(word) <= level <= 1


@given(recordings(), RATES)
def test_no_threshold_moves_further_than_it_helps(recorded: Recording, rate: float) -> None:
    chooser, in_use = Chooser(recorded, {}), recorded.begin.in_use
    choice = chooser.choose(rate)
    raised = [word for word in WORDS if choice.thresholds[word] > in_use[word]]
    lowered = [word for word in WORDS if choice.thresholds[word] < in_use[word]]
    assert not (raised and lowered)
    if sum(chooser.at(in_use).counts.values()) > rate * recorded.hours + 1e-9:
        assert raised
    else:
        assert not raised
    for word in raised:
        below = round(choice.thresholds[word] - 2e-4, 4)
        assert chooser.count(word, below) > choice.counts[word]
    if lowered:
        lowest = {word: chooser.lowest(word) for word in WORDS}
        assert sum(chooser.at(lowest).counts.values()) > rate * recorded.hours + 1e-9


@given(recordings(), RATES, RATES)
def test_a_higher_rate_never_gives_higher_thresholds(
    recorded: Recording, one: float, other: float
) -> None:
    chooser = Chooser(recorded, {})
    low, high = sorted((one, other))
    # Beyond what the recording has at all, they stay as they are.
    lowest = chooser.at({word: chooser.lowest(word) for word in WORDS})
    high = min(high, (sum(lowest.counts.values()) - 1) / HOURS)
    low = min(low, high)
    assume(low >= chooser.least)
    strict, loose = chooser.choose(low).thresholds, chooser.choose(high).thresholds
    assert all(loose[word] <= strict[word] for word in WORDS)


@given(recordings(), RATES, st.dictionaries(st.sampled_from(WORDS), st.integers(0, 12)))
@example(recording(begin({"yes": 0.5}), 10, {"yes": [(1.0, 0.9)]}), 0.5, {"yes": 5})
def test_what_was_said_is_no_false_alarm(
    recorded: Recording, rate: float, said: dict[str, int]
) -> None:
    chooser = Chooser(recorded, said)
    choice = chooser.choose(rate)
    for word, level in choice.thresholds.items():
        assert choice.counts[word] == max(0, recorded.count(word, level) - said.get(word, 0))
    assert sum(choice.counts.values()) <= rate * recorded.hours + 1e-9


def test_only_the_keyword_with_false_alarms_is_raised() -> None:
    marks = {
        "yes": [(float(t), round(0.6 + t / 100, 4)) for t in range(0, 40, 2)],
        "no": [(1.0, 0.3)],
    }
    recorded = recording(begin({"yes": 0.5, "no": 0.6, "up": 0.7}), 10.0, marks)
    choice = Chooser(recorded, {}).choose(0.5)
    # Five in ten hours: those at 0.9 to 0.98.
    assert choice.counts == {"yes": 5, "no": 0, "up": 0}
    assert choice.thresholds == {"yes": 0.8801, "no": 0.6, "up": 0.7}


def test_thresholds_are_lowered_only_where_the_recording_shows_how_far() -> None:
    in_use = {"yes": 0.8, "no": 0.6}
    quiet = recording(begin(in_use), 10.0, {"yes": [(1.0, 0.5)]})
    assert Chooser(quiet, {}).choose(0.5).thresholds == in_use
    marks = [(float(t), 0.5) for t in range(0, 20, 2)]
    choice = Chooser(recording(begin(in_use), 10.0, {"yes": marks}), {}).choose(0.5)
    # Just above what would be ten at once, and the other by the same step.
    assert choice.thresholds["yes"] == pytest.approx(0.5, abs=2e-4)
    step = log_odds(0.8) - log_odds(0.5)
    assert log_odds(0.6) - log_odds(choice.thresholds["no"]) == pytest.approx(step, abs=2e-3)
    assert sum(choice.counts.values()) == 0


def test_a_rate_that_the_hours_cannot_show_is_refused() -> None:
    chooser = Chooser(recording(begin({"yes": 0.5}), 4.0, {}), {})
    message = re.escape(
        "0.5 false alarms per hour cannot be shown by 4 hours: without a single one in them the "
        "95 % upper bound is 3/4 = 0.75 per hour; record longer, or ask for 0.75 or more"
    )
    with pytest.raises(CannotChooseError, match=message):
        chooser.choose(0.5)
    assert chooser.choose(0.75).thresholds == {"yes": 0.5}


def test_where_no_threshold_helps_it_says_what_to_do() -> None:
    marks = {"yes": [(float(t), 1.0) for t in range(0, 20, 2)]}
    recorded = recording(begin({"yes": 0.5}), 10.0, marks)
    with pytest.raises(CannotChooseError, match=r"still gave 10 detections in 10 hours; .*--said"):
        Chooser(recorded, {}).choose(0.5)
    assert Chooser(recorded, {"yes": 6}).choose(0.5).thresholds == {"yes": 0.5}
