"""Operating points: the right one for a rate, and no rate that was not shown."""

import re

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from kws.spotting.calibration import Calibration, OperatingPoint, two_digits_up

RATES = st.floats(0.001, 1000)


@st.composite
def calibrations(draw: st.DrawFn) -> Calibration:
    rates = draw(st.lists(st.just(0.0) | RATES, min_size=1, max_size=8, unique=True))
    points = tuple(
        OperatingPoint(rate, draw(st.floats(0, 1)), {"yes": draw(st.floats(0.01, 1))})
        for rate in sorted(rates)
    )
    return Calibration(draw(st.floats(0.01, 10_000)), points)


def point(rate: float = 1.0, miss_rate: float = 0.1, threshold: float = 0.5) -> OperatingPoint:
    return OperatingPoint(rate, miss_rate, {"yes": threshold})


@given(calibrations(), RATES)
def test_the_point_is_the_last_that_keeps_to_the_rate(
    calibration: Calibration, rate: float
) -> None:
    assume(rate >= calibration.least)
    chosen = calibration.at(rate)
    assert chosen in calibration.points
    assert chosen.false_alarms_per_hour <= rate
    assert not [
        each
        for each in calibration.points
        if chosen.false_alarms_per_hour < each.false_alarms_per_hour <= rate
    ]


@given(calibrations(), RATES, RATES)
def test_allowing_more_false_alarms_never_gives_a_stricter_point(
    calibration: Calibration, one: float, other: float
) -> None:
    low, high = sorted((one, other))
    assume(low >= calibration.least)
    assert calibration.at(low).false_alarms_per_hour <= calibration.at(high).false_alarms_per_hour


@given(calibrations())
def test_every_point_that_the_hours_can_show_is_the_one_for_its_own_rate(
    calibration: Calibration,
) -> None:
    for each in calibration.points:
        if each.false_alarms_per_hour >= calibration.upper_bound:
            assert calibration.at(each.false_alarms_per_hour) is each


@given(calibrations(), RATES)
def test_a_rate_that_is_too_low_is_refused_and_the_one_advised_is_not(
    calibration: Calibration, rate: float
) -> None:
    assume(rate < calibration.least)
    with pytest.raises(ValueError, match=r"ask for [\d.]+ or more") as caught:
        calibration.at(rate)
    (advised,) = re.findall(r"ask for ([\d.]+) or more", str(caught.value))
    calibration.at(float(advised))
    assert float(advised) <= 1.1 * calibration.least


def test_what_the_hours_cannot_show_is_explained() -> None:
    calibration = Calibration(6.2, (point(0.0), point(2.0)))
    with pytest.raises(ValueError, match="cannot be shown") as caught:
        calibration.at(0.1)
    assert str(caught.value) == (
        "0.1 false alarms per hour cannot be shown by the 6.2 hours of calibration audio: without "
        "a single one in them the 95 % upper bound is 3/6.2 = 0.48 per hour; ask for 0.49 or "
        "more, or set thresholds yourself"
    )
    assert calibration.at(0.49) is calibration.points[0]


def test_what_was_never_reached_is_explained() -> None:
    with pytest.raises(ValueError, match=r"1 false .* gave 2\.5; ask for 2\.5 or more"):
        Calibration(100, (point(2.5),)).at(1)
    with pytest.raises(ValueError, match="ask for"):
        Calibration(100, (point(2.5),)).at(float("nan"))


@given(st.floats(1e-9, 1e9))
def test_two_digits_up_is_never_less_and_hardly_more(number: float) -> None:
    up = two_digits_up(number)
    assert number <= float(up) <= 1.1 * number
    assert len(up.replace(".", "").strip("0")) <= 2


@pytest.mark.parametrize(
    ("number", "up"), [(0.003, "0.003"), (3 / 6.2, "0.49"), (300.0, "300"), (99.5, "100")]
)
def test_two_digits_up(number: float, up: str) -> None:
    assert two_digits_up(number) == up


@pytest.mark.parametrize("rate", [-0.1, float("inf"), float("nan")])
def test_a_rate_is_finite_and_not_below_zero(rate: float) -> None:
    with pytest.raises(ValueError, match="false_alarms_per_hour must be"):
        point(rate)


@pytest.mark.parametrize("share", [-0.1, 1.1, float("nan")])
def test_a_miss_rate_is_a_share(share: float) -> None:
    with pytest.raises(ValueError, match="miss_rate must be"):
        point(miss_rate=share)


@pytest.mark.parametrize("threshold", [0.0, 1.1, float("nan")])
def test_a_threshold_is_a_level_that_can_be_reached(threshold: float) -> None:
    with pytest.raises(ValueError, match="thresholds must be"):
        point(threshold=threshold)


@pytest.mark.parametrize(
    ("hours", "points", "message"),
    [
        (0.0, (point(),), "hours"),
        (float("inf"), (point(),), "hours"),
        (float("nan"), (point(),), "hours"),
        (1.0, (), "at least one"),
        (1.0, (point(2.0), point(1.0)), "ascend"),
        (1.0, (point(1.0), point(1.0)), "ascend"),
    ],
)
def test_a_calibration_that_makes_no_sense_is_refused(
    hours: float, points: tuple[OperatingPoint, ...], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        Calibration(hours, points)
