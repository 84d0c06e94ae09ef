"""What is read of a recording, and what is counted in it."""

import io
from itertools import combinations, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kws.tuning.recording import Mark, NotARecordingError, detections, read
from kws.tuning.records import Begin, Candidate, Peak, Processed, encode
from tests.tuning.recordings import begin, lines

MARKS = st.lists(st.tuples(st.floats(0, 10), st.floats(0, 1)), max_size=9).map(sorted)
FIRST = begin({"yes": 0.5, "no": 0.5})


@given(MARKS, st.floats(0, 1), st.sampled_from([0.0, 0.5, 1.0, 3.0]))
def test_as_many_as_fit_between_refractory_times(
    marks: list[Mark], threshold: float, refractory_s: float
) -> None:
    reached = [t for t, level in marks if level >= threshold]

    def fit(times: tuple[float, ...]) -> bool:
        return all(one + refractory_s <= next for one, next in pairwise(times))

    most = max(
        size
        for size in range(len(reached) + 1)
        if any(fit(times) for times in combinations(reached, size))
    )
    assert detections(marks, threshold, refractory_s) == most


@given(MARKS, st.floats(0, 1), st.floats(0, 1), st.floats(0, 3))
def test_a_higher_threshold_never_gives_more(
    marks: list[Mark], one: float, other: float, refractory_s: float
) -> None:
    low, high = sorted((one, other))
    assert detections(marks, high, refractory_s) <= detections(marks, low, refractory_s)


def test_all_stretches_of_the_same_conditions_count() -> None:
    found = read(
        lines(
            FIRST,
            Peak("yes", 5.0, 0.7),
            Processed(60.0),
            # The daemon was started again: its times begin anew.
            begin({"yes": 0.6, "no": 0.5}),
            Peak("yes", 5.2, 0.8),
            Peak("no", 5.2, 0.4),
            Processed(30.0),
        )
    )
    assert (found.seconds, found.left_out_s, found.unreadable) == (90.0, 0.0, 0)
    assert [found.count("yes", level) for level in (0.7, 0.75, 0.9)] == [2, 1, 0]
    assert found.count("no", 0.4) == 1
    assert found.begin.in_use == {"yes": 0.6, "no": 0.5}


@pytest.mark.parametrize(
    "other",
    [
        begin({"yes": 0.5, "no": 0.5}, stream="kitchen"),
        begin({"yes": 0.5, "no": 0.5}, model="others"),
        begin({"yes": 0.5, "up": 0.5}),
        begin({"yes": 0.5, "no": 0.5}, release=0.1),
        begin({"yes": 0.5, "no": 0.5}, verifier_thresholds={"yes": 0.9, "no": 0.9}),
    ],
)
def test_what_was_recorded_under_other_conditions_is_left_out(other: Begin) -> None:
    peak = Peak("yes", 5.0, 0.7)
    found = read(lines(other, peak, Processed(60.0), FIRST, peak, Processed(30.0)))
    assert (found.seconds, found.left_out_s) == (30.0, 60.0)
    assert found.count("yes", 0.5) == 1


def test_a_verifier_decides_on_candidates_and_its_own_threshold_changes_none() -> None:
    low, high = (
        begin({"yes": 0.1}, verifier_thresholds={"yes": level}, release=0.1) for level in (0.5, 0.9)
    )
    found = read(
        lines(
            low,
            Peak("yes", 3.0, 0.99),
            Candidate("yes", 3.0, 0.6, 0.99, confirmed=True),
            Processed(60.0),
            high,
            Candidate("yes", 3.0, 0.7, 0.5, confirmed=False),
            Processed(60.0),
        )
    )
    assert found.verified
    assert [found.count("yes", level) for level in (0.6, 0.65, 0.8)] == [2, 1, 0]
    # With another threshold of the model it has other candidates.
    other = begin({"yes": 0.2}, verifier_thresholds={"yes": 0.9}, release=0.1)
    assert read(lines(low, Processed(60.0), other, Processed(30.0))).left_out_s == 60.0


@given(st.integers(0, 200))
def test_a_torn_line_costs_only_itself(length: int) -> None:
    whole = encode(Peak("no", 8.0, 0.9)).rstrip()
    torn = whole[: min(length, len(whole) - 1)]
    end = lines(FIRST, Processed(60.0), Peak("yes", 5.0, 0.7)).getvalue()
    for rest, seconds in ((b"", 60.0), (b"\n" + lines(FIRST, Processed(30.0)).getvalue(), 90.0)):
        found = read(io.BytesIO(end + torn + rest))
        assert (found.seconds, found.count("yes", 0.5)) == (seconds, 1)
        assert found.unreadable == bool(torn or rest)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"keywords: {yes: {threshold: 0.5}}\n",
        encode(Processed(1.0)),
        b"\x00" * 100,
        encode(FIRST)[:40],
        b"x" * (2 << 20),
        encode(FIRST).replace(b'"v":1', b'"v":2'),
    ],
    ids=["empty", "yaml", "no beginning", "zeros", "torn", "long", "newer"],
)
def test_what_does_not_begin_as_a_recording_is_none(content: bytes) -> None:
    with pytest.raises(NotARecordingError):
        read(io.BytesIO(content))
