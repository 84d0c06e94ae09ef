"""What is shown of a model: the worst first, and just as it was measured."""

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kws.spotting.model import KeywordModel
from kws.spotting.model_file import save_model
from tests.spotting.models import untrained_file, untrained_model
from tests.train.recordings import RATE, add_held_out, write_data
from train.measure.evaluation_set import EvaluationSet, Group, Kind
from train.measure.segments import Excerpt, FileSegment
from train.measure.stream_report import FalseAlarm, Miss, Result, StreamReport
from train.reporting.examples import Moment, examples, find_piece
from train.reporting.findings import (
    SHOWN,
    Findings,
    find,
    history,
    worst_false_alarms,
    worst_misses,
)

KEYWORDS = ("low", "high")


@pytest.fixture(scope="module")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return add_held_out(write_data(tmp_path_factory.mktemp("recordings")))


@pytest.fixture(scope="module")
def model_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("model") / "model.onnx"
    save_model(untrained_file(KEYWORDS), path)
    return path


@pytest.fixture(scope="module")
def found(recordings: Path, model_file: Path) -> Findings:
    return find(model_file, recordings, "validation", 0)


def test_clips_and_streams_are_of_the_split(found: Findings) -> None:
    assert found.streams.split == "validation"
    assert found.clips.words == 4


def test_false_alarms_are_detected_again_just_as_they_were_measured(found: Findings) -> None:
    assert found.false_alarms
    for alarm, example in found.false_alarms:
        (detected,) = (
            each
            for each in example.detections
            if (each.keyword, each.confidence) == (alarm.keyword, alarm.posterior)
        )
        assert detected not in example.hits
        # Only at the start of a stream there are less than two seconds before it.
        assert detected.t <= 2.0 + 1e-6
        assert detected.t == pytest.approx(2.0) or alarm.t < 2.0


def test_misses_are_found_again_just_as_they_were_measured(found: Findings) -> None:
    assert found.misses
    for miss, example in found.misses:
        (word,) = (each for each in example.missed if each.clip == miss.clip)
        assert word.keyword == miss.keyword
        assert word.start == pytest.approx(min(1.0, miss.t), abs=1 / RATE)
        peak = example.smoothed[:, KEYWORDS.index(miss.keyword)].max()
        assert peak >= miss.posterior - 1e-6


def test_a_stretch_is_the_start_of_a_telling_condition(found: Findings) -> None:
    assert [condition for condition, _ in found.stretches] == ["10 dB", "in running speech"]
    for _, example in found.stretches:
        assert example.words
        assert example.smoothed.shape == (len(example.times), len(KEYWORDS))
        assert example.times[0] == pytest.approx(1.0)
        assert len(example.frames) == pytest.approx(100 * example.duration, abs=3)


def test_recordings_are_named_from_the_data_on(found: Findings) -> None:
    assert found.where(str(found.data / "noise" / "x.wav")) == "noise/x.wav"
    assert found.where("10 dB 1") == "10 dB 1"


def test_a_long_recording_that_was_cut_is_found_where_it_was_measured() -> None:
    """By its name and second: the segment that holds it, and the place in the stream."""
    path = Path("long.wav")
    segments = tuple(
        FileSegment(f"set {number}", (Excerpt(path, start * RATE, (start + 300) * RATE),))
        for number, start in enumerate((0, 300, 600))
    )
    group = Group("set", "negative", calibrates=False, reports=True, segments=segments)
    assert find_piece([group], "set", "long.wav", 450 * RATE) == segments[1]


def test_a_moment_at_an_edge_is_cut_short(recordings: Path) -> None:
    model = untrained_model(KEYWORDS)
    (group,) = (each for each in _groups(model, recordings) if each.name == "acting")
    (segment,) = group.segments
    moments = [Moment(segment, segment.name, t, (2.0, 1.0)) for t in (0.5, 3.0, 6.8)]
    first, middle, last = examples(model, moments)
    assert [each.duration for each in (first, middle, last)] == pytest.approx([1.5, 3.0, 2.2])
    stream = segment.build(RATE)
    assert np.array_equal(middle.samples, stream.samples[RATE : 4 * RATE])


def test_misses_of_each_telling_condition_are_shown_in_turn_and_no_clip_twice() -> None:
    names = ("clean", "0 dB", "10 dB")
    misses = [
        Miss("low", name, "s", 1.0, f"{name if number else 'same'} {number}", 0.01 * number)
        for name in names
        for number in range(9)
    ]
    shown = worst_misses(_report(misses=tuple(misses)))
    assert len(shown) == SHOWN
    assert Counter(each.condition for each in shown) == {"clean": 7, "10 dB": 5}
    assert [each.posterior for each in shown[:7]] == sorted(each.posterior for each in shown[:7])
    assert len({each.clip for each in shown}) == SHOWN


def test_what_was_never_promised_is_no_miss_to_show() -> None:
    misses = [Miss("low", name, "s", 1.0, name, 0.0) for name in ("0 dB", "in running speech")]
    report = _report(misses=tuple(misses))
    assert worst_misses(report) == misses[1:]
    assert worst_misses(replace(report, context="alone")) == misses[:1]


def test_where_no_telling_condition_has_misses_others_are_shown() -> None:
    miss = Miss("low", "0 dB", "s", 1.0, "clip", 0.0)
    assert worst_misses(_report(misses=(miss,))) == [miss]


def test_false_alarms_of_evaluation_audio_come_first_and_all_groups_have_their_turn() -> None:
    alarms = [
        FalseAlarm("low", group, f"{group}.wav", 2.0 * number, 0.9 - 0.01 * number, "")
        for group in ("clean", "0 dB", "other words", "tuning", "reading")
        for number in range(5)
    ]
    shown = worst_false_alarms(_report(false_alarms=tuple(alarms)))
    assert len(shown) == SHOWN
    order = list(dict.fromkeys(each.group for each in shown))
    assert order == ["reading", "tuning", "other words", "clean"]
    assert Counter(each.group for each in shown) == dict.fromkeys(order, 3)


def test_a_history_that_cannot_be_read_is_none() -> None:
    model = untrained_model(KEYWORDS)
    for training in ({}, {"history": [{"epoch": 1}]}, {"history": "lost"}):
        header = replace(model.header, training=training)
        assert history(replace(model, header=header)) == ()


def _groups(model: KeywordModel, data: Path) -> list[Group]:
    return EvaluationSet(data, model.classes, model.sample_rate).groups()


def _report(**worst: Any) -> StreamReport:
    kinds: dict[str, tuple[Kind, bool]] = {
        "clean": ("words", False),
        "0 dB": ("words", False),
        "10 dB": ("words", False),
        "in running speech": ("words in speech", False),
        "other words": ("other words", False),
        "tuning": ("negative", True),
        "reading": ("negative", False),
    }
    return StreamReport(
        model="m",
        context="anywhere",
        split="validation",
        hop_s=0.1,
        trigger={},
        results=tuple(Result(name, *kind, 0, {}) for name, kind in kinds.items()),
        curves=(),
        **worst,
    )
