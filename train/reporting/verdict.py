"""The first section of a report: whether the model reaches its aims, with figures."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from kws.spotting.calibration import OperatingPoint, rounded
from train.measure.calibrate import TARGET
from train.measure.scoring import Tally, at_most, miss_interval, together
from train.measure.stream_report import StreamReport
from train.reporting.findings import Findings

MOST_MISSED = 0.05
"""Share of words in quiet that may be missed. With half a false alarm an hour these are the aims
that openWakeWord sets its models."""
QUIET, NOISY = "clean", "10 dB"
"""Names of the conditions that the verdict is about."""
Finding = Literal["met", "not met", "cannot be told", "not measured"]
HEADLINES: dict[Finding, str] = {
    "met": "Ready to ship, by these recordings",
    "not met": "Not ready to ship",
    "cannot be told": "Not shown to be ready: too little audio was measured",
    "not measured": "Not shown to be ready: not all of it was measured",
}
"""The verdict in a line."""


@dataclass(frozen=True)
class Judgement:
    """An aim, whether it was reached with 95 % confidence, and the figures for that."""

    aim: str
    finding: Finding
    evidence: str


@dataclass(frozen=True)
class KeyFigure:
    """A number with its unit, the counts behind it and its confidence interval."""

    name: str
    value: str
    detail: str


def judgements(streams: StreamReport) -> tuple[Judgement, Judgement]:
    """Misses in quiet and false alarms in evaluation audio, against their aims."""
    most = TARGET if streams.calibrated_at is None else streams.calibrated_at
    unsaid = without_keywords(streams, calibrates=False)
    return _misses(condition(streams, QUIET)), _false_alarms(unsaid, most)


def overall(judged: Sequence[Judgement]) -> Finding:
    """The worst finding of all aims, for a single one can stand against shipping."""
    findings = {each.finding for each in judged}
    worst_first: tuple[Finding, ...] = ("not met", "not measured", "cannot be told", "met")
    return next(each for each in worst_first if each in findings)


def key_figures(found: Findings) -> Iterator[KeyFigure]:
    """The numbers that matter most."""
    clips, streams = found.clips, found.streams
    yield _share("Keyword clips decided right", clips.right, clips.words)
    yield _share("Other clips rejected", clips.rejected, clips.others)
    for name in (QUIET, NOISY):
        tally = condition(streams, name)
        yield _share(f"Keywords missed, {name}", tally.misses, tally.words)
    for name, calibrates in (("evaluation", False), ("calibration", True)):
        tally = without_keywords(streams, calibrates=calibrates)
        rate = tally.false_alarms_per_hour
        title = f"False alarms an hour, {name}"
        if rate is None:
            yield KeyFigure(title, "not measured", f"there was no {name} audio")
            continue
        bound = rounded(tally.false_alarm_bound)
        counted = f"{tally.false_alarms} in {rounded(tally.hours)} h; 95 %: below {bound}"
        yield KeyFigure(title, rounded(rate), counted)


def thresholds(streams: StreamReport) -> str:
    """The settings in use, as text."""
    levels = ", ".join(f"{word} {each.threshold:.4g}" for word, each in streams.trigger.items())
    times = sorted({(each.smoothing_s, each.patience_s) for each in streams.trigger.values()})
    ways = " or ".join(f"{mean:g} s with a patience of {patience:g} s" for mean, patience in times)
    return f"Thresholds: {levels}. Posteriors are averaged over {ways}."


def in_force(streams: StreamReport) -> OperatingPoint | None:
    """The operating point of the thresholds in use, if they are of the calibration."""
    points = streams.calibration.points if streams.calibration else ()
    levels = {keyword: settings.threshold for keyword, settings in streams.trigger.items()}
    return next((each for each in points if each.thresholds == levels), None)


def condition(streams: StreamReport, name: str) -> Tally:
    """Counts under a condition, all keywords together; none where it was not measured."""
    named = [each for each in streams.of_kind("words") if each.name == name]
    return named[0].total if named else Tally()


def without_keywords(streams: StreamReport, *, calibrates: bool) -> Tally:
    """Counts in the long audio for calibration, or for evaluation, all keywords together."""
    return together(streams.without_keywords(calibrates=calibrates).values())


def percent(share: float) -> str:
    """A share in per cent."""
    return f"{100 * share:.1f} %"


def interval(bounds: tuple[float, float]) -> str:
    """The bounds of a share, in per cent."""
    return f"{100 * bounds[0]:.1f} to {100 * bounds[1]:.1f} %"


def _share(name: str, count: int, total: int) -> KeyFigure:
    if not total:
        return KeyFigure(name, "not measured", "there were none")
    bounds = interval(miss_interval(count, total))
    return KeyFigure(name, percent(count / total), f"{count:,} of {total:,}; 95 %: {bounds}")


def _misses(tally: Tally) -> Judgement:
    aim = f"In quiet, under {100 * MOST_MISSED:g} % of the words are missed"
    rate = tally.miss_rate
    if rate is None:
        return Judgement(aim, "not measured", "there were no keywords in quiet")
    low, high = tally.miss_interval
    counted = f"{tally.misses:,} of {tally.words:,} were missed, {percent(rate)}"
    evidence = f"{counted} (95 %: {interval((low, high))})"
    return Judgement(aim, _finding(high < MOST_MISSED, low >= MOST_MISSED), evidence)


def _false_alarms(tally: Tally, most: float) -> Judgement:
    aim = f"Under {most:g} false alarms an hour in audio without keywords"
    rate = tally.false_alarms_per_hour
    if rate is None:
        return Judgement(aim, "not measured", "there was no evaluation audio")
    bound = tally.false_alarm_bound
    evidence = (
        f"{tally.false_alarms} in {rounded(tally.hours)} h of evaluation audio, {rounded(rate)} an "
        f"hour (with 95 % confidence below {rounded(bound)})"
    )
    too_many = at_most(tally.false_alarms - 1, most * tally.hours) > 0.95
    return Judgement(aim, _finding(bound < most, too_many), evidence)


def _finding(met: bool, missed: bool) -> Finding:
    if met:
        return "met"
    return "not met" if missed else "cannot be told"
