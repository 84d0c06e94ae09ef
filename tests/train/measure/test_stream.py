"""The whole measure on a small data set: what it counts, says and writes."""

import json
import logging
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from kws.config.paths import find_model
from kws.errors import ConfigError
from kws.spotting.calibration import Calibration, OperatingPoint
from kws.spotting.model_file import read_model, save_model
from tests.spotting.models import untrained_file
from tests.train.recordings import add_held_out, write_data
from train.measure.evaluation_set import CONDITIONS
from train.measure.scoring import Tally
from train.measure.stream import StreamConfig, measure_streams, write_json
from train.measure.stream_json import as_json
from train.measure.stream_report import WORST, Result, StreamReport
from train.measure.stream_table import WIDTH, notes, table
from train.measure.threshold_search import threshold_grid

KEYWORDS = ("low", "high")


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> StreamConfig:
    folder = tmp_path_factory.mktemp("stream")
    path = folder / "tones.onnx"
    file = untrained_file(KEYWORDS)
    header = replace(file.header, licence="CC0", measured={"validation_clips": {"keywords": 4}})
    save_model(file.with_header(header), path)
    return StreamConfig(add_held_out(write_data(folder / "data")), path, workers=0)


@pytest.fixture(scope="module")
def report(config: StreamConfig) -> StreamReport:
    return measure_streams(config)


def test_every_group_is_counted(report: StreamReport) -> None:
    assert [result.name for result in report.results] == [
        *(condition.name for condition in CONDITIONS),
        "other words",
        "noise alone",
        "stray words",
        "reading",
        "acting",
        "games",
    ]
    for result in report.of_kind("words", "words in speech"):
        assert result.spoken == result.total.words == 2
        assert {keyword: each.words for keyword, each in result.keywords.items()} == {
            "low": 1,
            "high": 1,
        }
    [others] = report.of_kind("other words")
    assert (others.spoken, others.total.words) == (1, 0)
    seconds = {result.name: 3600 * result.total.hours for result in report.of_kind("negative")}
    # One word, eight to fourteen seconds before it.
    assert 9 < seconds.pop("stray words") < 17
    assert seconds == pytest.approx({"reading": 11, "acting": 5, "games": 6})


def test_running_speech_is_in_no_sum_and_calibration_audio_is_no_evaluation(
    report: StreamReport,
) -> None:
    spoken = report.spoken()
    assert {keyword: tally.words for keyword, tally in spoken.items()} == {"low": 12, "high": 12}
    seconds = [
        3600 * report.without_keywords(calibrates=calibrates)["low"].hours
        for calibrates in (True, False)
    ]
    strays = next(each for each in report.results if each.name == "stray words")
    assert seconds == pytest.approx([11 + 3600 * strays.total.hours, 11])
    content = as_json(report)
    assert content["overall"]["words"] == 24
    assert content["overall"]["hours"] == pytest.approx(11 / 3600, abs=1e-4)


def test_the_curves_say_at_the_model_s_own_threshold_what_was_counted(
    report: StreamReport, config: StreamConfig
) -> None:
    """The grid does not hold it, but the counts next to it are bounds."""
    assert [curve.keyword for curve in report.curves] == list(KEYWORDS)
    for curve in report.curves:
        assert curve.thresholds == threshold_grid()
        assert set(curve.misses) == {condition.name for condition in CONDITIONS}
        assert set(curve.words.values()) == {1}
        assert 3600 * curve.hours == pytest.approx(11)
        assert curve.false_alarms[0] >= curve.false_alarms[-1]
        for counts in curve.misses.values():
            assert 0 <= counts[0] <= counts[-1] <= 2


def test_the_worst_are_named(report: StreamReport, config: StreamConfig) -> None:
    for miss in report.misses:
        assert Path(miss.clip).is_file()
        assert Path(miss.clip).parent.name == miss.keyword
        assert 0 <= miss.posterior <= 1
        assert miss.stream == f"{miss.condition} 1"
    for alarm in report.false_alarms:
        assert alarm.posterior >= report.trigger[alarm.keyword].threshold
        if alarm.group in ("reading", "acting", "games", "noise alone"):
            assert Path(alarm.recording).is_file()
            assert alarm.said == ""
    for result in report.results:
        named = [alarm for alarm in report.false_alarms if alarm.group == result.name]
        assert len(named) == min(WORST, result.total.false_alarms)
        missed = [miss for miss in report.misses if miss.condition == result.name]
        assert len(missed) == min(WORST, result.total.misses)
    assert report.misses
    assert report.false_alarms


NOISE = "noise/training/**/*.wav"
"""What stands in for noise to calibrate with, in the test data."""


def test_calibration_replaces_the_model_file(config: StreamConfig, tmp_path: Path) -> None:
    output = tmp_path / "calibrated.onnx"
    config = replace(config, conditions=CONDITIONS[:2])
    before = read_model(find_model(config.model))
    found = measure_streams(replace(config, calibrate=True, output=output, target=300.0))
    after = read_model(output)
    header = after.header
    assert header.calibration is not None
    assert header.calibration == found.calibration
    thresholds = {keyword: each.threshold for keyword, each in header.trigger.items()}
    assert thresholds in [point.thresholds for point in header.calibration.points]
    strays = next(each for each in found.results if each.name == "stray words")
    noise_s = sum(soundfile.info(path).duration for path in config.data.glob(NOISE))
    assert header.calibration.hours == pytest.approx((11 + noise_s) / 3600 + strays.total.hours)
    assert dict(found.trigger) == header.trigger
    assert found.calibrated_at == 300.0
    assert len(found.tried) == 15
    measured = header.measured
    assert measured["validation_clips"] == {"keywords": 4}
    assert measured["streams"]["overall"] == as_json(found)["overall"]
    assert measured["streams"]["groups"]["reading"]["use"] == "calibration"
    kept = replace(
        header,
        trigger=before.header.trigger,
        calibration=None,
        measured=before.header.measured,
    )
    assert kept == before.header
    assert before.weights.keys() == after.weights.keys()
    for name, value in before.weights.items():
        assert np.array_equal(value, after.weights[name])
    again = measure_streams(replace(config, model=output))
    assert [each.total for each in again.results] == [each.total for each in found.results]


def test_by_itself_calibration_writes_into_the_model_s_own_file(
    config: StreamConfig, tmp_path: Path
) -> None:
    path = tmp_path / "own.onnx"
    path.write_bytes(Path(config.model).read_bytes())
    only_clean = config.conditions[:1]
    measure_streams(replace(config, model=path, calibrate=True, conditions=only_clean))
    assert read_model(path).header.calibration is not None


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"model": "yes-no-up-down", "calibrate": True}, "belongs to the package"),
        ({"calibrate": True, "output": Path("/nowhere/at/all.onnx")}, "there is no folder"),
        ({"output": Path("x.onnx")}, "only written with calibrate"),
        ({"split": "training"}, "use another split"),
        ({"target": 0.0}, "should be above 0"),
    ],
)
def test_impossible_options_are_refused_at_once(
    config: StreamConfig, changes: dict[str, Any], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("train.measure.stream.track_groups", None)
    with pytest.raises(ConfigError, match=message):
        measure_streams(replace(config, **changes))


def test_missing_folders_are_measured_without(
    config: StreamConfig, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    data = write_data(tmp_path / "data")
    with caplog.at_level(logging.WARNING):
        report = measure_streams(replace(config, data=data))
    names = ["clean", "clean, room", "clean, far", "other words", "stray words"]
    assert [result.name for result in report.results] == names
    assert "negatives/evaluation: no " in caplog.text
    assert "There was no evaluation audio" in table(report)
    assert as_json(report)["overall"].keys() >= {"miss_rate", "delay_median_s"} - (
        set() if report.spoken()["low"].hits else {"delay_median_s"}
    )
    with pytest.raises(ConfigError, match="negatives/calibration"):
        measure_streams(replace(config, data=data, calibrate=True, output=tmp_path / "m.onnx"))


def test_the_table_fits_and_the_json_can_be_read(report: StreamReport, tmp_path: Path) -> None:
    lines = table(report).splitlines()
    assert max(map(len, lines)) <= WIDTH
    assert not any(line != line.rstrip() for line in lines)
    path = tmp_path / "report.json"
    write_json(report, path)
    content = json.loads(path.read_text())
    assert content == json.loads(json.dumps(as_json(report)))
    assert {"keywords", "overall", "groups", "curves", "misses", "false_alarms", "notes"} <= set(
        content
    )
    with pytest.raises(ConfigError, match="cannot be written"):
        write_json(report, tmp_path)


def tallies(*, hours: float, false_alarms: int = 0) -> dict[str, Tally]:
    return {"low": Tally(0, 0, false_alarms, hours), "high": Tally(0, 0, 0, hours)}


def made(report: StreamReport, *, alarms: int, rate: float = 0.4) -> StreamReport:
    """A calibrated model's report of 4 hours of evaluation audio."""
    thresholds = {keyword: each.threshold for keyword, each in report.trigger.items()}
    points = (OperatingPoint(rate, 0.1, thresholds), OperatingPoint(9.0, 0.0, thresholds))
    name = "a_set_with_a_name_that_is_far_too_long"
    spoken = Tally(995, 5, 3, 1.0, (0.1, 0.2, 0.4))
    results = (
        Result("clean", "words", True, 2000, {"low": spoken, "high": spoken}),
        Result("in running speech", "words in speech", False, 20, {"low": spoken, "high": spoken}),
        Result("other words", "other words", False, 400, tallies(hours=0.5, false_alarms=6)),
        Result(name, "negative", False, 0, tallies(hours=4.0, false_alarms=alarms)),
    )
    return replace(report, results=results, calibration=Calibration(2.5, points), context="alone")


def test_the_notes_say_what_the_hours_can_show(report: StreamReport) -> None:
    text = " ".join(notes(made(report, alarms=0)))
    assert "0 false alarms in 4 hours, 0 per hour" in text
    assert "below 0.75 per hour with 95 % confidence" in text
    assert "4 hours cannot show a rate below 0.75 per hour" in text
    assert "To show 0.1 per hour takes 30 hours without one." in text
    assert "chosen on 2.5 hours of calibration audio, where they gave 0.4 false alarms" in text
    assert "more false alarms than the calibration audio can explain" not in text
    assert "between pauses; inside running speech it is intended to miss them" in text
    assert "6 false alarms in 400 words, 1.5 in a hundred" in text


def test_the_notes_say_where_calibration_does_not_hold(report: StreamReport) -> None:
    assert "1 false alarm in 4 hours" in " ".join(notes(made(report, alarms=1)))
    text = " ".join(notes(made(report, alarms=40)))
    assert "more false alarms than the calibration audio can explain" in text
    plain = replace(made(report, alarms=0), calibration=None, context="anywhere")
    text = " ".join(notes(plain))
    assert "The model is not calibrated" in text
    assert "meant to miss" not in text


def test_the_table_shows_rates_intervals_hours_and_delays(report: StreamReport) -> None:
    lines = table(made(report, alarms=2)).splitlines()
    [row] = [line for line in lines if line.startswith("low ")]
    assert row.split() == [
        *("low", "1000", "995", "5", "0.5%", "0.2–1.2", "2", "4.00", "0.50", "1.57", "200", "380")
    ]
    [clean] = [line for line in lines if line.startswith("clean")]
    assert clean.split()[1:5] == ["2000", "1990", "10", "0.5%"]
    [evaluation] = [line for line in lines if line.startswith("a_set_with_a_name_t…")]
    assert evaluation.split()[1:] == ["4.00", "2", "0.50", "1.57", "low", "2"]
    assert max(map(len, lines)) <= WIDTH
