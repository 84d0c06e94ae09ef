"""What is measured: each clip once under each condition, and nothing that has no business there."""

import logging
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from kws.errors import ConfigError
from tests.train.recordings import RATE, add_held_out, tone, write_data
from train.data.index import NEAR, Row
from train.measure.evaluation_set import CALIBRATING, CONDITIONS, EvaluationSet, Group
from train.measure.segments import LEAD_S, SILENCE_S, FileSegment, WordSegment, file_segments

NEAR_WORDS = ("ago", "hi", "lo", "most", "not", "row", "yeah")
"""Some of them are kept for evaluation: see `train.data.index.Row.new_word`."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return add_held_out(write_data(tmp_path_factory.mktemp("data")))


@pytest.fixture
def data(folder: Path) -> EvaluationSet:
    return EvaluationSet(folder, ("low", "high"), RATE)


def words(group: Group) -> list[str]:
    return [
        f"{clip.word} {clip.speaker}"
        for segment in group.segments
        if isinstance(segment, WordSegment)
        for clip in segment.clips
    ]


def folders(group: Group) -> set[str]:
    """Names of the folders of noise and speech that a group draws from."""
    return {
        str(Path(*folder.parts[-2:]))
        for segment in group.segments
        if isinstance(segment, WordSegment)
        for folder in (segment.noise, segment.speech)
        if folder is not None
    }


def test_every_condition_has_every_held_out_keyword_once(data: EvaluationSet) -> None:
    expected = ["high speaker9", "low speaker9"]
    groups = [group for group in data.groups() if group.kind in ("words", "words in speech")]
    assert [group.name for group in groups] == [condition.name for condition in CONDITIONS]
    for group in groups:
        assert sorted(words(group)) == expected
        assert (group.reports, group.calibrates) == (True, False)


def test_conditions_are_silence_and_four_noises_dry_and_in_a_room_far_and_in_speech() -> None:
    found = [(each.snr_db, each.room_s, each.level_db, each.in_speech) for each in CONDITIONS]
    levels = (None, 20.0, 10.0, 5.0, 0.0)
    assert found == [
        *((level, room_s, 0.0, False) for room_s in (0.0, 0.5) for level in levels),
        *((level, 0.5, -20.0, False) for level in (None, 10.0)),
        (None, 0.0, 0.0, True),
    ]
    assert set(CALIBRATING) < {each.name for each in CONDITIONS}


def test_streams_without_keywords(data: EvaluationSet) -> None:
    groups = {group.name: group for group in data.groups()}
    assert words(groups["other words"]) == ["other speaker9"]
    assert words(groups["stray words"]) == ["other speaker8"]
    assert groups["noise alone"].kind == "noise"
    sets = {name: group.calibrates for name, group in groups.items() if group.kind == "negative"}
    assert sets == {"stray words": True, "reading": True, "acting": False, "games": False}


def test_calibration_has_no_evaluation_noise_and_nothing_twice(data: EvaluationSet) -> None:
    groups = replace(data, calibrate=True).groups()
    chosen = [group for group in groups if group.calibrates and group.kind == "words"]
    assert sorted(group.name for group in chosen) == sorted(CALIBRATING)
    for group in chosen:
        noisy = "dB" in group.name
        assert folders(group) == ({"noise/training"} if noisy else set())
        assert not group.reports
        assert sorted(words(group)) == ["high speaker8", "low speaker8"]
    for group in groups:
        if group.reports and group.kind == "words" and "dB" in group.name:
            assert folders(group) == {"noise/evaluation"}
    assert len({group.segments for group in groups}) == len(groups)
    assert [group for group in groups if group.reports] == data.groups()


def test_noise_for_calibration_comes_before_that_of_the_training(
    folder: Path, tmp_path: Path
) -> None:
    shutil.copytree(folder, tmp_path / "data")
    shutil.copytree(folder / "noise/training", tmp_path / "data/noise/calibration")
    groups = EvaluationSet(tmp_path / "data", ("low",), RATE, calibrate=True).groups()
    used = {name for group in groups if group.calibrates for name in folders(group)}
    assert used == {"noise/calibration"}


def test_with_testing_clips_calibration_still_uses_validation(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder, tmp_path / "data")
    lists = tmp_path / "data/speech_commands"
    (lists / "testing_list.txt").write_text("low/speaker0_nohash_0.wav")
    groups = EvaluationSet(tmp_path / "data", ("low",), RATE, "testing", calibrate=True).groups()
    for group in groups:
        if group.kind == "words":
            expected = {"low speaker8"} if group.calibrates else {"low speaker0"}
            assert set(words(group)) == expected
            assert group.reports is not group.calibrates


def test_missing_folders_are_named_and_done_without(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write_data(tmp_path)
    with caplog.at_level(logging.WARNING):
        groups = EvaluationSet(tmp_path, ("low", "high", "middle"), RATE, calibrate=True).groups()
    names = ["clean", "clean, room", "clean, far", "other words", "stray words"]
    assert [group.name for group in groups if group.reports] == names
    for name in ("noise/evaluation", "noise/training", "negatives/evaluation"):
        assert f"{tmp_path / name}: no " in caplog.text
    assert f"{tmp_path / 'negatives/calibration'}: no " in caplog.text
    assert "no validation clips of middle" in caplog.text


def test_without_held_out_clips_there_is_nothing_to_measure(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no recordings; it should hold <word>/\*.wav"):
        EvaluationSet(tmp_path, ("low",), RATE).groups()
    write_data(tmp_path)
    with pytest.raises(ConfigError, match="no validation clips of any of the keywords: bass"):
        EvaluationSet(tmp_path, ("bass",), RATE).groups()


def test_words_may_stand_right_in_the_folder(folder: Path) -> None:
    groups = EvaluationSet(folder / "speech_commands", ("low",), RATE).groups()
    assert words(groups[0]) == ["low speaker9"]


def test_where_a_word_has_speakers_on_one_side_only_all_do_both(
    folder: Path, tmp_path: Path
) -> None:
    shutil.copytree(folder, tmp_path / "data")
    (tmp_path / "data/speech_commands/high/speaker9_nohash_0.wav").unlink()
    data = EvaluationSet(tmp_path / "data", ("low", "high"), RATE, calibrate=True)
    spoken = [group for group in data.groups() if group.kind == "words" and group.name == "clean"]
    for group in spoken:
        assert sorted(words(group)) == ["high speaker8", "low speaker8", "low speaker9"]


def test_every_piece_can_be_built(data: EvaluationSet) -> None:
    for group in data.groups():
        for segment in group.segments:
            stream = segment.build(RATE)
            assert stream.name.startswith(group.name)
            assert np.isfinite(stream.samples).all()
            said = {word.keyword for word in stream.truth}
            if group.kind in ("words", "words in speech"):
                assert said == {"low", "high"}
            else:
                assert said == ({"other"} if "words" in group.name else set())


def write(path: Path, seconds: float, rate: int = RATE) -> Path:
    """A recording whose samples count up, so that each is known again."""
    samples = np.arange(round(seconds * rate)) % 30_000
    soundfile.write(path, samples.astype(np.int16), rate)
    return path


def test_recordings_follow_each_other_with_silence_between(tmp_path: Path) -> None:
    paths = [write(tmp_path / "a.wav", 2.0), write(tmp_path / "b.wav", 3.0)]
    [segment] = file_segments("set", paths, RATE)
    stream = segment.build(RATE)
    assert stream.duration == 2 + 3 + 3 * SILENCE_S
    assert stream.recorded == 5.0
    assert [(part.name, part.start, part.end) for part in stream.parts] == [
        (str(paths[0]), 1.0, 3.0),
        (str(paths[1]), 4.0, 7.0),
    ]
    assert not stream.samples[: RATE + 1].any()
    assert np.array_equal(stream.samples[RATE : 3 * RATE], stream.samples[4 * RATE : 6 * RATE])
    assert not stream.samples[3 * RATE : 4 * RATE].any()


def test_long_recordings_are_cut_and_nothing_is_lost_at_the_cut(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("train.measure.segments.SEGMENT_S", 30.0)
    path = write(tmp_path / "long.wav", 70)
    short = write(tmp_path / "short.wav", 5)
    segments = list(file_segments("set", [path, short], RATE))
    assert [segment.name for segment in segments] == ["set 1", "set 2", "set 3"]
    streams = [segment.build(RATE) for segment in segments]
    assert sum(stream.recorded for stream in streams) == 75
    second = streams[1]
    assert second.parts[0].start == SILENCE_S + LEAD_S
    assert second.parts[0].offset == 30.0
    at = round(SILENCE_S * RATE)
    expected = (round((30 - LEAD_S) * RATE) + np.arange(1000)) % 30_000 / 32_768
    assert second.samples[at : at + 1000] == pytest.approx(expected, abs=1e-6)
    assert isinstance(segments[2], FileSegment)
    assert [excerpt.path for excerpt in segments[2].excerpts] == [path, short]


def test_a_recording_at_another_rate_is_resampled(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder, tmp_path / "data")
    folder = tmp_path / "data/negatives/calibration/telephone"
    folder.mkdir()
    write(folder / "8k.wav", 1.0, 8_000)
    groups = EvaluationSet(tmp_path / "data", ("low",), RATE).groups()
    (segment,) = next(group for group in groups if group.name == "telephone").segments
    stream = segment.build(RATE)
    assert stream.recorded == pytest.approx(1.0, abs=0.001)


def test_more_noise_is_measured_apart(data: EvaluationSet, tmp_path: Path) -> None:
    path = write(tmp_path / "fan.wav", 2.0)
    groups = {group.name: group for group in replace(data, more_noise=tmp_path).groups()}
    assert groups["more noise"].kind == "noise"
    (segment,) = groups["more noise"].segments
    assert isinstance(segment, FileSegment)
    assert [each.path for each in segment.excerpts] == [path]
    assert not groups["more noise"].calibrates


def test_synthetic_words_are_of_voices_and_words_that_nothing_is_trained_on(
    data: EvaluationSet, tmp_path: Path
) -> None:
    voices = ("am_adam", "bm_lewis", "af_heart+am_eric")
    for kind, word in (
        ("keywords", "low"),
        ("keywords", "else"),
        *(("near", word) for word in NEAR_WORDS),
    ):
        for voice in voices:
            path = tmp_path / "synthetic" / kind / word / f"{voice}_nohash_0.wav"
            path.parent.mkdir(parents=True, exist_ok=True)
            soundfile.write(path, tone(440.0, 1), RATE)
    for name in ("speech_commands", "negatives", "noise"):
        (tmp_path / name).symlink_to(data.data / name)
    groups = {group.name: group for group in replace(data, data=tmp_path).groups()}
    assert words(groups["keywords, new voice"]) == ["low af_heart+am_eric", "low bm_lewis"] or (
        words(groups["keywords, new voice"]) == ["low bm_lewis", "low af_heart+am_eric"]
    )
    assert sorted(words(groups["near, new voice"])) == [
        f"{word} {voice}" for word in NEAR_WORDS for voice in ("af_heart+am_eric", "bm_lewis")
    ]
    kept = [word for word in NEAR_WORDS if Row(NEAR, "", 0, word, "", "", "", "").new_word]
    assert 0 < len(kept) < len(NEAR_WORDS)
    assert {each.split()[0] for each in words(groups["near, new word"])} == set(kept)
    assert not any(group.calibrates for name, group in groups.items() if "new" in name)
