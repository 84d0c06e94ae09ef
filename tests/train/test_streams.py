"""Streams with a known truth, and how detections in them are scored."""

from pathlib import Path
from random import Random

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from kws.spotting.spotter import Detection
from train.clips import Clip
from train.streaming import FALSE_ALARM_S, PATIENCE_S, Stream, Word, build_stream, score

RATE = 16_000
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


def heard(*times: float, keyword: str = "yes") -> list[Detection]:
    return [Detection(keyword, 0.9, t) for t in times]


@pytest.fixture
def clip(tmp_path: Path) -> Clip:
    """One second in which a tone sounds from 0.3 to 0.6 s."""
    samples = np.zeros(RATE, np.float32)
    samples[4800:9600] = 0.5 * np.sin(np.arange(4800) * 0.2)
    path = tmp_path / "tone.wav"
    soundfile.write(path, samples, RATE)
    return Clip(path, "yes", "somebody", "validation")


def build(clip: Clip, seed: int = 1) -> Stream:
    return build_stream([clip] * 20, sample_rate=RATE, duration=30.0, seed=seed)


def test_truth_is_where_the_words_are(clip: Clip) -> None:
    stream = build(clip)
    loud = np.abs(stream.samples) > 0.1
    for word in stream.truth:
        first, last = round(word.start * RATE), round(word.end * RATE)
        assert last - first == pytest.approx(4800, abs=160)
        assert loud[first:last].mean() > 0.5
        loud[first:last] = False
    assert not loud.any()


def test_words_are_two_to_four_seconds_apart_and_end_before_the_stream(clip: Clip) -> None:
    stream = build(clip)
    assert stream.duration == 30.0
    assert 6 <= len(stream.truth) <= 13
    edges = [0.0, *(word.end for word in stream.truth)]
    pauses = [word.start - end for word, end in zip(stream.truth, edges, strict=False)]
    assert all(1.99 <= pause <= 4.01 for pause in pauses)
    assert stream.truth[-1].end + PATIENCE_S <= stream.duration


def test_a_stream_depends_on_its_seed_only(clip: Clip) -> None:
    one, same, other = build(clip), build(clip), build(clip, seed=2)
    assert np.array_equal(one.samples, same.samples)
    assert one.truth == same.truth
    assert one.truth != other.truth


def test_a_stream_is_quiet_between_words_and_never_clips(clip: Clip) -> None:
    stream = build(clip)
    before = stream.samples[: round(1.5 * RATE)]
    assert 20 * np.log10(before.std()) == pytest.approx(-60, abs=0.5)
    assert np.abs(stream.samples).max() <= 1.0


@pytest.mark.parametrize("t", [2.0, 2.3, 3.5])
def test_a_detection_from_start_to_a_second_after_the_end_is_a_hit(t: float) -> None:
    result = score(heard(t), [WORD], 10.0)
    assert (result.hits, result.misses, result.false_alarms) == (1, 0, 0)
    assert list(result.delays) == pytest.approx([t - 2.5])


@pytest.mark.parametrize("t", [1.99, 3.51])
def test_a_detection_outside_is_a_miss_and_a_false_alarm(t: float) -> None:
    result = score(heard(t), [WORD], 10.0)
    assert (result.hits, result.misses, result.false_alarms) == (0, 1, 1)
    assert result.delays == ()


def test_another_word_is_a_miss_and_a_false_alarm() -> None:
    result = score(heard(2.3, keyword="no"), [WORD], 10.0)
    assert (result.hits, result.misses, result.false_alarms) == (0, 1, 1)


def test_a_word_counts_once() -> None:
    result = score(heard(2.4, 3.4), [WORD], 10.0)
    assert (result.hits, result.repeats, result.false_alarms) == (1, 1, 0)
    assert list(result.delays) == pytest.approx([-0.1])


def test_false_alarms_count_once_per_second() -> None:
    result = score(heard(5.0, 5.9, 6.0, 6.5, 9.0), [], 1800.0)
    assert result.false_alarms == 3
    assert result.false_alarms_per_hour == 6.0


def test_words_close_together_are_matched_one_to_one() -> None:
    again = Word("yes", 2.8, 3.2)
    result = score(heard(2.9, 3.3), [again, WORD], 10.0)
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
def test_hearing_every_word_at_its_end_is_perfect(truth: list[Word]) -> None:
    result = score([Detection(word.keyword, 0.9, word.end) for word in truth], truth, 40.0)
    assert (result.hits, result.misses, result.false_alarms) == (len(truth), 0, 0)


@given(detections)
def test_false_alarms_never_exceed_one_a_second(detections: list[Detection]) -> None:
    result = score(detections, [], 40.0)
    assert result.false_alarms <= 1 + 30 / FALSE_ALARM_S
    assert bool(result.false_alarms) == bool(detections)
