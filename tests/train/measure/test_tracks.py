"""What is detected in tracks is what a spotter detects in the samples themselves."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kws.errors import AudioFileError
from kws.spotting.detection import Detection
from kws.spotting.load import open_model
from kws.spotting.model_file import save_model
from kws.spotting.spotter import Spotter
from kws.spotting.trigger import TriggerSettings
from tests.spotting.models import EAGER, untrained_file, untrained_model
from tests.train.recordings import RATE, add_held_out, write_data
from tests.train.tracks import group_of, track_of
from train.data.clips import Clip
from train.measure.evaluation_set import EvaluationSet, Group
from train.measure.labelled_streams import CLEAN, Part, Word
from train.measure.segments import WordSegment
from train.measure.tracks import Track, count, detect, keyword_track, posteriors_of, verdicts
from train.measure.workers import ModelSource, track_groups

FILE = untrained_file(("low", "high"))
MODEL = open_model(FILE)

levels = st.integers(0, 64).map(lambda step: step / 64)
rows = st.lists(st.tuples(levels, levels, st.integers(1, 12)), min_size=1, max_size=12)


@st.composite
def settings_of_a_keyword(draw: st.DrawFn) -> TriggerSettings:
    return TriggerSettings(
        threshold=draw(st.sampled_from([0.1, 0.5, 0.9])),
        smoothing_s=draw(st.sampled_from([0.0, 0.1, 0.3, 0.6])),
        patience_s=draw(st.sampled_from([0.0, 0.1, 0.2])),
        refractory_s=draw(st.sampled_from([0.0, 0.5, 1.0])),
        release=draw(st.sampled_from([0.05, 0.1])),
        exclusion_s=draw(st.sampled_from([0.0, 0.3])),
    )


@given(rows, settings_of_a_keyword(), settings_of_a_keyword())
def test_detections_are_those_of_a_plain_replay(
    rows: list[tuple[float, float, int]], low: TriggerSettings, high: TriggerSettings
) -> None:
    posteriors = np.concatenate(
        [np.tile(np.array([row[:2]], np.float32), (row[2], 1)) for row in rows]
    )
    trigger = {"high": high, "low": low}
    plain = Spotter(MODEL, trigger=trigger).decide(posteriors)
    assert detect(MODEL, track_of(posteriors), trigger) == plain


def noise(seconds: float) -> np.ndarray:
    loud = np.random.default_rng(3).standard_normal(round(seconds * RATE)).astype(np.float32)
    return (
        0.1
        * loud
        * np.repeat(np.random.default_rng(4).random(len(loud) // 800 + 1), 800)[: len(loud)].astype(
            np.float32
        )
    )


def test_a_track_gives_what_the_daemon_gives_for_its_sound() -> None:
    model = untrained_model()
    samples = noise(25.0)
    spotter = Spotter(model)
    expected: list[Detection] = []
    for start in range(0, len(samples), 400):
        expected += spotter.push(samples[start : start + 400])
    found = detect(model, Track(posteriors_of(model, samples), (), 70.0), model.header.trigger)
    assert len(expected) >= 8
    assert [(each.keyword, each.t) for each in found] == [
        (each.keyword, each.t) for each in expected
    ]
    assert [each.confidence for each in found] == pytest.approx(
        [each.confidence for each in expected], abs=1e-5
    )


def test_a_model_with_another_hop_is_measured_at_it() -> None:
    model = untrained_model()
    other = replace(model, header=replace(model.header, hop_s=0.2))
    samples = noise(8.0)
    assert np.allclose(posteriors_of(other, samples), posteriors_of(model, samples)[::2], atol=1e-6)
    assert posteriors_of(model, samples[:100]).shape == (0, 4)
    track = Track(posteriors_of(other, samples), (), 8.0)
    plain = Spotter(other).decide(track.posteriors)
    assert detect(other, track, other.header.trigger) == plain


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return add_held_out(write_data(tmp_path_factory.mktemp("data")))


def test_other_processes_give_the_same_in_the_same_order(folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    save_model(FILE, path)
    groups = [
        group
        for group in EvaluationSet(folder, MODEL.classes, RATE).groups()
        if group.name in ("10 dB, room", "in running speech", "games")
    ]
    here, there = (
        track_groups(ModelSource(path), groups, 0),
        track_groups(ModelSource(path), groups, 2),
    )
    assert [each.group.name for each in there] == ["10 dB, room", "in running speech", "games"]
    for one, other in zip(here, there, strict=True):
        assert one.group == other.group
        assert one.hours == other.hours > 0
        for left, right in zip(one.tracks, other.tracks, strict=True):
            assert (left.name, left.truth, left.parts) == (right.name, right.truth, right.parts)
            assert left.recorded == right.recorded
            assert np.allclose(left.posteriors, right.posteriors, atol=1e-5)


def test_a_recording_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    path, gone = tmp_path / "model.onnx", tmp_path / "gone.wav"
    save_model(FILE, path)
    clip = Clip(gone, "low", "nobody", "validation")
    groups = [Group("clean", "words", False, True, (WordSegment("clean 1", (clip,), CLEAN),))]
    with pytest.raises(AudioFileError, match=str(gone)):
        track_groups(ModelSource(path), groups, 0)


def test_a_place_in_a_track_is_a_second_of_a_recording() -> None:
    parts = (Part("a.wav", 1.0, 4.0), Part("b.wav", 5.0, 9.0, offset=300.0))
    track = replace(track_of(np.empty((0, 2), np.float32)), parts=parts, name="set 1")
    assert track.place(1.5) == ("a.wav", 0.5)
    assert track.place(4.5) == ("a.wav", 3.5)
    assert track.place(6.0) == ("b.wav", 301.0)
    assert track.place(0.25) == ("set 1", 0.25)
    assert replace(track, parts=()).place(6.0) == ("set 1", 6.0)


def test_counts_leave_other_words_out_but_not_what_is_detected_in_them() -> None:
    posteriors = np.zeros((100, 2), np.float32)
    posteriors[20:30, 0] = posteriors[60:70, 1] = 1.0
    track = replace(track_of(posteriors), truth=(Word("low", 2.5, 3.0), Word("other", 6.8, 7.2)))
    group = group_of("words", [track])
    trigger = dict.fromkeys(MODEL.classes, EAGER)
    [verdict] = verdicts(MODEL, group, trigger)
    assert [hit.word.keyword for hit in verdict.hits] == ["low"]
    assert [alarm.keyword for alarm in verdict.false_alarms] == ["high"]
    tally = count(MODEL, [group, group], trigger)
    assert (tally.hits, tally.misses, tally.false_alarms) == (2, 0, 2)
    assert tally.hours == 2 * track.recorded / 3600


def test_a_line_has_a_keyword_s_words_of_all_tracks() -> None:
    posteriors = np.zeros((50, 2), np.float32)
    posteriors[10:20, 0], posteriors[30:40, 1] = 0.5, 0.25
    track = replace(track_of(posteriors), truth=(Word("low", 1.98, 2.5), Word("high", 4.0, 4.5)))
    line = keyword_track(MODEL, [group_of("words", [track, track])], "low", 0.6)
    assert line.posteriors.sum() == 2 * 5.0
    first, second = line.starts
    assert second - first == 50 + 2.0 / 0.1 + 0.6 / 0.1 + EAGER.refractory_s / 0.1
    assert line.posteriors[round(first)] == 0.5
    assert line.posteriors[round(first) - 1] == 0.0
    assert line.ends[0] - line.starts[0] == pytest.approx(15.2)
