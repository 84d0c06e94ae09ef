"""The tables of a report."""

from collections.abc import Mapping, Sequence

from kws.spotting.calibration import Calibration, OperatingPoint, rounded
from train.measure.scoring import Tally
from train.measure.stream_report import Result, StreamReport
from train.reporting.clips import Confusion
from train.reporting.findings import is_promised
from train.reporting.html import Content, Html, element, joined, table
from train.reporting.verdict import interval, percent, unspoken

MOST_POINTS = 8
MOST_LISTED = 8
NOTHING = "–"


def condition_table(streams: StreamReport) -> Html:
    """What was missed under each condition."""
    results = streams.of_kind("words", "words in speech")
    head = (
        *("Condition", "Words", "Missed", "Missed, 95 % interval", ""),
        *("False alarms", "Delay, median", "Delay, 95 %"),
    )
    rows = (_condition(each, promised=is_promised(each, streams)) for each in results)
    return table("Words that were missed", head, rows)


def keyword_table(streams: StreamReport) -> Html:
    """What was missed of each keyword under each condition."""
    results = streams.of_kind("words", "words in speech")
    rows = (
        (keyword, *(_missed(result.keywords[keyword]) for result in results))
        for keyword in streams.trigger
    )
    head = ("Keyword", *(result.name for result in results))
    return table("Share of each keyword that was missed", head, rows)


def negative_table(streams: StreamReport) -> Html:
    """False alarms in everything in which no keyword is said."""
    rows: list[Sequence[Content]] = []
    for title, calibrates in (("evaluation", False), ("calibration", True)):
        sets = [each for each in streams.of_kind("negative") if each.calibrates == calibrates]
        rows += [_negative(each, title) for each in sets]
        if len(sets) > 1:
            rows.append(_total(f"all {title} audio", unspoken(streams, calibrates=calibrates)))
    rows += [
        _negative(each, "words, each alone" if each.kind == "other words" else each.kind)
        for each in streams.of_kind("other words", "noise")
    ]
    head = ("Recordings", "For", "Hours", "False alarms", "An hour", "95 %: below", "Of which")
    return table("False alarms where no keyword is said", head, rows, texts=(1, 6))


def operating_table(
    calibration: Calibration, keywords: Sequence[str], chosen: OperatingPoint | None
) -> Html:
    """Some of the rates of false alarms that can be asked for.

    Args:
        calibration: the model's.
        keywords: in order.
        chosen: the point of the thresholds in force, if it is one of them.
    """
    points = calibration.points
    step = max(1, -(-len(points) // MOST_POINTS))
    shown = [each for index, each in enumerate(points) if index % step == 0 or each == chosen]
    head = ("False alarms an hour", "Missed", *keywords)
    rows = (_point(each, keywords, in_force=each == chosen) for each in shown)
    return table("Thresholds, and what they cost in calibration", head, rows)


def mistaken_table(clips: Confusion, most: int = 10) -> Html:
    """Other words that are taken for keywords."""
    rows = (
        (
            word,
            f"{count}",
            f"{sum(taken.values())}",
            percent(sum(taken.values()) / count),
            _listed(taken),
        )
        for word, count, taken in clips.mistaken()[:most]
    )
    head = ("Word", "Clips", "Not rejected", "Share", "Taken for")
    return table("Other words that are most often taken for keywords", head, rows, texts=(4,))


def _condition(result: Result, *, promised: bool) -> Sequence[Content]:
    tally = result.total
    name = result.name if promised else f"{result.name} (not promised)"
    if tally.miss_rate is None:
        return (name, "0", *[NOTHING] * 6)
    low, high = tally.miss_interval
    return (
        name,
        f"{tally.words:,}",
        percent(tally.miss_rate),
        interval((low, high)),
        _bar(low, tally.miss_rate, high),
        f"{tally.false_alarms}",
        _seconds(tally.delay(50)),
        _seconds(tally.delay(95)),
    )


def _negative(result: Result, use: str) -> Sequence[Content]:
    counts = {keyword: tally.false_alarms for keyword, tally in result.keywords.items()}
    return (result.name, use, *_rates(result.total), _listed(counts))


def _total(name: str, tally: Tally) -> Sequence[Content]:
    return tuple(element("strong", cell) for cell in (name, "", *_rates(tally), ""))


def _rates(tally: Tally) -> Sequence[str]:
    rate = tally.false_alarms_per_hour
    return (
        f"{tally.hours:.2f}",
        f"{tally.false_alarms}",
        NOTHING if rate is None else rounded(rate),
        NOTHING if rate is None else rounded(tally.false_alarm_bound),
    )


def _point(point: OperatingPoint, keywords: Sequence[str], *, in_force: bool) -> Sequence[Content]:
    rate: Content = rounded(point.false_alarms_per_hour)
    if in_force:
        rate = joined((element("strong", rate), " in force"))
    levels = (f"{point.thresholds[keyword]:.4g}" for keyword in keywords)
    return (rate, percent(point.miss_rate), *levels)


def _missed(tally: Tally) -> str:
    return NOTHING if tally.miss_rate is None else percent(tally.miss_rate)


def _seconds(delay: float | None) -> str:
    return NOTHING if delay is None else f"{delay:.2f} s"


def _listed(counts: Mapping[str, int]) -> str:
    some = sorted((each for each in counts.items() if each[1]), key=lambda each: -each[1])
    listed = ", ".join(f"{word} {count}" for word, count in some[:MOST_LISTED]) or NOTHING
    return listed + (", …" if len(some) > MOST_LISTED else "")


def _bar(low: float, at: float, high: float) -> Html:
    """A share and its interval as a line from 0 to 100 %."""
    places = f"--low:{100 * low:.1f}%;--at:{100 * at:.1f}%;--high:{100 * high:.1f}%"
    return element("span", class_="bar", style=places, aria_hidden="true")
