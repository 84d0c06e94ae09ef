"""What `kws check` says of a calibrated model, and that the commands take its thresholds."""

from pathlib import Path

import pytest

from kws.audio.file import demo_recording
from kws.cli.check import calibration_lines
from kws.spotting.calibration import Calibration, OperatingPoint
from kws.spotting.model_file import save_model
from tests.spotting.models import calibrated_file
from tests.support.process import run_kws

POINTS = (
    OperatingPoint(0.0, 0.25, {"yes": 0.9, "no": 0.95}),
    OperatingPoint(1.5, 0.125, {"yes": 0.5, "no": 0.5}),
)
CALIBRATION = Calibration(6.2, POINTS)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "calibrated.onnx"
    save_model(calibrated_file(), path)
    return path


def test_the_table() -> None:
    assert list(calibration_lines(CALIBRATION, POINTS[1], POINTS[1].thresholds)) == [
        "calibration: 6.2 hours without keywords; "
        "detection.false_alarms_per_hour can be 0.49 or more",
        "  false alarms/hour    missed  thresholds",
        "                  0    25.0 %  0.900 to 0.950",
        "*               1.5    12.5 %  0.500",
        "calibration: the thresholds marked * are chosen",
    ]


def test_without_a_rate_no_operating_point_is_chosen() -> None:
    *table, last = calibration_lines(CALIBRATION, None, {"yes": 0.5, "no": 0.5})
    assert not [line for line in table if line.startswith("*")]
    assert last.endswith("none is chosen; detection.false_alarms_per_hour is not set")


def test_keywords_with_a_threshold_of_their_own_are_named() -> None:
    *_, last = calibration_lines(CALIBRATION, POINTS[0], {"yes": 0.9, "no": 0.6})
    assert "marked * are chosen, but not for no:" in last


def test_a_long_curve_is_short_and_shows_the_chosen_point() -> None:
    points = tuple(OperatingPoint(rate, 0.1, {"yes": 0.5}) for rate in map(float, range(100)))
    lines = list(calibration_lines(Calibration(50, points), points[61], {"yes": 0.5}))
    rates = [int(line[1:].split()[0]) for line in lines if line.endswith("0.500")]
    assert (rates[0], rates[-1]) == (0, 99)
    assert 61 in rates
    assert len(rates) <= 15
    assert rates == sorted(rates)


def test_check_prints_the_table_and_the_thresholds_in_force(path: Path) -> None:
    environment = {"KWS_MODEL__PATH": str(path), "KWS_DETECTION__FALSE_ALARMS_PER_HOUR": "5"}
    done = run_kws("check", "--set", "keywords.no.threshold=0.7", environment=environment)
    assert (done.returncode, done.stderr) == (0, "")
    assert "keyword: yes, threshold 0.5," in done.stdout
    assert "keyword: no, threshold 0.7," in done.stdout
    assert "\n*                 2    25.0 %  0.500\n" in done.stdout


@pytest.mark.parametrize("command", [("check",), ("scan", str(demo_recording()))])
def test_a_rate_that_cannot_be_shown_is_a_mistake_in_the_configuration(
    path: Path, command: tuple[str, ...]
) -> None:
    overrides = (f"model.path={path}", "detection.false_alarms_per_hour=0.2")
    done = run_kws(*command, *(part for each in overrides for part in ("--set", each)))
    assert (done.returncode, done.stdout) == (2, "")
    assert "detection.false_alarms_per_hour: 0.2 false alarms per hour cannot be" in done.stderr
    assert len(done.stderr.splitlines()) == 1
