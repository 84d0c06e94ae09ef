"""What measured streams show, and what they cannot show, in sentences."""

from collections.abc import Iterator

from kws.spotting.calibration import RULE_OF_THREE, rounded, two_digits_up
from train.measure.scoring import at_most, together
from train.measure.stream_report import StreamReport

RARE_PER_HOUR = 0.1
"""A rate of false alarms that people would like to have shown."""


def notes(report: StreamReport) -> list[str]:
    """Sentences for people, one to a paragraph."""
    return [*_hours(report), *_thresholds(report), *_words(report)]


def _hours(report: StreamReport) -> Iterator[str]:
    heard = together(report.without_keywords(calibrates=False).values())
    if not heard.hours:
        yield (
            "No evaluation audio was heard (negatives/evaluation): these figures say nothing about "
            "false alarms per hour."
        )
        return
    hours, least = rounded(heard.hours), two_digits_up(RULE_OF_THREE / heard.hours)
    yield (
        f"Evaluation audio: {_number(heard.false_alarms, 'false alarm')} in {hours} hours, "
        f"{rounded(heard.false_alarms / heard.hours, 2)} per hour. In audio of this kind the true "
        f"rate is below {two_digits_up(heard.false_alarm_bound)} per hour with 95 % confidence; in "
        "other audio it may be anything."
    )
    yield (
        f"{hours} hours cannot show a rate below {least} per hour, not even without a single false "
        f"alarm in them. To show {RARE_PER_HOUR:g} per hour takes "
        f"{RULE_OF_THREE / RARE_PER_HOUR:.0f} hours without one."
    )


def _thresholds(report: StreamReport) -> Iterator[str]:
    calibration = report.calibration
    if calibration is None:
        yield "The model is not calibrated: nothing was measured when its thresholds were set."
        return
    thresholds = {keyword: each.threshold for keyword, each in report.trigger.items()}
    point = next((each for each in calibration.points if each.thresholds == thresholds), None)
    if point is None:
        return
    yield (
        f"The thresholds were chosen on {rounded(calibration.hours)} hours of calibration audio, "
        f"where they gave {rounded(point.false_alarms_per_hour, 2)} false alarms per hour; that is "
        "the best of many choices, so expect more. Evaluation audio had no part in it."
    )
    heard = together(report.without_keywords(calibrates=False).values())
    expected = max(point.false_alarms_per_hour, calibration.upper_bound) * heard.hours
    if heard.false_alarms and at_most(heard.false_alarms - 1, expected) > 0.95:
        yield (
            "The evaluation audio gives more false alarms than the calibration audio can explain: "
            "the two are not alike, and thresholds chosen on the one are too low for the other."
        )
    if report.split == "validation":
        yield (
            "The misses are of the clips that the thresholds were chosen with (validation); "
            "noise and its places are others."
        )


def _words(report: StreamReport) -> Iterator[str]:
    if report.context == "alone" and report.of_kind("words in speech"):
        yield (
            "This model hears keywords that stand alone, between pauses: inside running speech it "
            "is meant to miss them. That line is in no average."
        )
    for result in report.of_kind("other words"):
        share = 100 * result.total.false_alarms / result.spoken
        yield (
            f"Other words alone: {_number(result.total.false_alarms, 'false alarm')} in "
            f"{result.spoken} words, {rounded(share, 2)} in a hundred."
        )
    yield (
        "A word in whose time another keyword is detected counts as missed, and that detection as "
        "a false alarm. Of several false alarms in a second one counts."
    )


def _number(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"
