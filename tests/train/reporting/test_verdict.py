"""What a report makes of the figures."""

from dataclasses import replace

import pytest

from kws.spotting.calibration import Calibration, OperatingPoint
from kws.spotting.trigger import TriggerSettings
from train.measure.evaluation_set import Kind
from train.measure.scoring import Tally
from train.measure.stream_report import Result, StreamReport
from train.reporting.verdict import (
    Finding,
    Judgement,
    in_force,
    judgements,
    overall,
    thresholds,
)


def result(name: str, kind: Kind, tally: Tally, *, calibrates: bool = False) -> Result:
    return Result(name, kind, calibrates, tally.words, {"yes": tally})


def measured(misses: int, words: int, false_alarms: int, hours: float) -> StreamReport:
    return StreamReport(
        model="m",
        context="anywhere",
        split="validation",
        hop_s=0.1,
        trigger={"yes": TriggerSettings(threshold=0.75)},
        results=(
            result("clean", "words", Tally(words - misses, misses, 0, 1.0)),
            result("0 dB", "words", Tally(0, 500, 0, 1.0)),
            result("reading", "negative", Tally(0, 0, false_alarms, hours)),
            result("tuning", "negative", Tally(0, 0, 1000, 1.0), calibrates=True),
        ),
        curves=(),
    )


@pytest.mark.parametrize(
    ("misses", "words", "finding"),
    [
        (0, 1000, "met"),
        (30, 1000, "met"),
        (45, 1000, "cannot be told"),
        (0, 20, "cannot be told"),
        (100, 1000, "not met"),
        (0, 0, "not measured"),
    ],
)
def test_misses_in_quiet_are_judged_by_their_interval(
    misses: int, words: int, finding: Finding
) -> None:
    quiet, _ = judgements(measured(misses, words, 0, 100.0))
    assert quiet.finding == finding


@pytest.mark.parametrize(
    ("false_alarms", "hours", "finding"),
    [
        (0, 7.0, "met"),
        (0, 5.0, "cannot be told"),
        (3, 6.0, "cannot be told"),
        (20, 100.0, "met"),
        (7, 6.0, "not met"),
        (1, 0.05, "not met"),
        (0, 0.0, "not measured"),
    ],
)
def test_false_alarms_in_evaluation_audio_are_judged_by_their_bounds(
    false_alarms: int, hours: float, finding: Finding
) -> None:
    _, alarms = judgements(measured(0, 1000, false_alarms, hours))
    assert alarms.finding == finding


def test_a_model_is_held_to_what_it_was_calibrated_for() -> None:
    report = replace(measured(0, 1000, 7, 6.0), calibrated_at=2.0)
    _, alarms = judgements(report)
    assert alarms.finding == "cannot be told"
    assert "Under 2 false alarms" in alarms.aim


@pytest.mark.parametrize(
    ("findings", "worst"),
    [
        (("met", "met"), "met"),
        (("met", "cannot be told"), "cannot be told"),
        (("not measured", "cannot be told"), "not measured"),
        (("not measured", "not met"), "not met"),
    ],
)
def test_the_worst_finding_decides(findings: tuple[Finding, ...], worst: Finding) -> None:
    assert overall([Judgement("", finding, "") for finding in findings]) == worst


def test_evidence_has_figures() -> None:
    quiet, alarms = judgements(measured(45, 1000, 3, 6.0))
    assert "45 of 1,000 were missed, 4.5 % (95 %: 3.4 to 6.0 %)" in quiet.evidence
    assert "3 in 6 h of evaluation audio, 0.5 an hour" in alarms.evidence
    assert "below 1.29" in alarms.evidence


def test_thresholds_are_listed() -> None:
    assert thresholds(measured(0, 1, 0, 1.0)) == (
        "Thresholds: yes 0.75. Posteriors are averaged over 0.3 s with a patience of 0.1 s."
    )


def test_the_operating_point_of_the_thresholds_in_force_is_found() -> None:
    trigger = {"yes": TriggerSettings(threshold=0.5), "no": TriggerSettings(threshold=0.6)}
    points = tuple(
        OperatingPoint(rate, 0.1, {"yes": 0.5, "no": level})
        for rate, level in ((0.0, 0.9), (2.0, 0.6))
    )
    report = replace(measured(0, 1, 0, 1.0), trigger=trigger)
    assert in_force(report) is None
    assert in_force(replace(report, calibration=Calibration(3.0, points))) == points[1]
    assert in_force(replace(report, calibration=Calibration(3.0, points[:1]))) is None
