"""A stream report as text: a table of at most 100 columns with notes below it."""

import textwrap
from collections.abc import Iterator, Sequence

from kws.spotting.calibration import RULE_OF_THREE, rounded, two_digits_up
from train.measure.scoring import Tally, at_most, together
from train.measure.stream_report import Result, StreamReport

RARE_PER_HOUR = 0.1
"""A rate of false alarms that people would like to have shown."""
WIDTH = 100
_NAME = 20
_HEADINGS = (
    ("", "", "", "", "", "95 %", "false", "", "per", "95 %", "delay", "ms"),
    ("", "words", "hits", "misses", "missed", "interval", "alarms", "hours", "hour", "below",
     "median", "p95"),
)  # fmt: skip
_WIDTHS = (_NAME, 5, 5, 6, 6, 10, 6, 6, 6, 6, 6, 5)

Row = Sequence[str]


def table(report: StreamReport) -> str:
    """The report for people."""
    evaluated = together(report.without_keywords(calibrates=False).values()).hours
    conditions = len(report.of_kind("words"))
    lines = [*_about(report), ""]
    lines += _wrapped(
        f"Keywords: words between pauses, {conditions} conditions together; false alarms in "
        f"{evaluated:.2f} h of evaluation audio"
    )
    both = report.by_keyword()
    lines += _rows([*(_row(*each) for each in both.items()), _row("all", together(both.values()))])
    lines += [
        "",
        "Conditions: all keywords; false alarms are detections of what was not said there",
    ]
    for kinds in (
        ("words", "synthetic words"),
        ("words in speech",),
        ("other words", "near words", "noise"),
    ):
        results = [result for result in report.results if result.kind in kinds]
        lines += _rows([_row(each.name, each.total) for each in results], heading="words" in kinds)
    for calibrates, use in ((True, "calibration"), (False, "evaluation")):
        results = [each for each in report.of_kind("negative") if each.calibrates == calibrates]
        if results:
            lines += ["", f"Audio without keywords: {use}"]
            lines += _negatives(results, report.without_keywords(calibrates=calibrates))
    lines.append("")
    for note in notes(report):
        lines += textwrap.wrap(note, WIDTH, initial_indent="- ", subsequent_indent="  ")
    return "\n".join(line.rstrip() for line in lines)


def _about(report: StreamReport) -> Iterator[str]:
    context = "alone, between pauses" if report.context == "alone" else "anywhere"
    yield from _wrapped(
        f"{report.model}: {', '.join(report.trigger)}; detects keywords {context}; "
        f"{report.split} clips; hop {report.hop_s:g} s"
    )
    ways = sorted({(each.smoothing_s, each.patience_s) for each in report.trigger.values()})
    how = " and ".join(f"smoothing {way[0]:g} s, patience {way[1]:g} s" for way in ways)
    levels = ", ".join(
        f"{keyword} {settings.threshold:.3f}" for keyword, settings in report.trigger.items()
    )
    yield from _wrapped(f"{how}; thresholds: {levels}")
    if report.verifier is not None:
        scores = ", ".join(f"{word} {each:.3f}" for word, each in report.thresholds.items())
        yield from _wrapped(
            f"verifier {report.verifier}, lookahead {report.lookahead_s:g} s; its thresholds: "
            f"{scores}"
        )


def _row(name: str, tally: Tally) -> Row:
    words: Row = ("", "", "", "", "")
    if tally.words:
        low, high = tally.miss_interval
        words = (
            str(tally.words),
            str(tally.hits),
            str(tally.misses),
            _percent(tally.misses / tally.words),
            f"{100 * low:.1f}–{100 * high:.1f}",
        )
    alarms: Row = ("", "", "", "")
    if tally.hours:
        alarms = (
            str(tally.false_alarms),
            f"{tally.hours:.2f}",
            _rate(tally.false_alarms / tally.hours),
            _rate(tally.false_alarm_bound),
        )
    delays = ["" if each is None else f"{1000 * each:.0f}" for each in map(tally.delay, (50, 95))]
    return (_short(name), *words, *alarms, *delays)


def _percent(share: float) -> str:
    return f"{100 * share:.1f}%"


def _rate(rate: float) -> str:
    return f"{rate:.2f}" if rate < 100 else f"{rate:.0f}"


def _rows(rows: Sequence[Row], *, heading: bool = True) -> Iterator[str]:
    for row in (*(_HEADINGS if heading else ()), *rows):
        cells = [f"{row[0]:<{_WIDTHS[0]}}"]
        cells += [f"{cell:>{width}}" for cell, width in zip(row[1:], _WIDTHS[1:], strict=True)]
        yield " ".join(cells)


def _negatives(results: Sequence[Result], totals: dict[str, Tally]) -> Iterator[str]:
    """A line for each set, and one for all; which keywords were detected stands behind."""
    yield f"{'':<{_NAME}} {'hours':>6} {'alarms':>6} {'per hour':>8} {'95 % below':>10}  keywords"
    for name, counts in (*((each.name, each.keywords) for each in results), ("all", totals)):
        total = together(counts.values())
        detected = [
            f"{keyword} {tally.false_alarms}"
            for keyword, tally in counts.items()
            if tally.false_alarms
        ]
        row = (
            f"{_short(name):<{_NAME}} {total.hours:>6.2f} {total.false_alarms:>6} "
            f"{_rate(total.false_alarms / total.hours):>8} {_rate(total.false_alarm_bound):>10}"
        )
        yield from textwrap.wrap(
            f"{row}  {', '.join(detected)}", WIDTH, subsequent_indent=" " * (len(row) + 2)
        )


def _short(name: str) -> str:
    return name if len(name) <= _NAME else name[: _NAME - 1] + "…"


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(text, WIDTH)


def _candidates(report: StreamReport) -> Iterator[str]:
    if report.candidates_per_hour:
        rates = (f"{name} {rate:.0f}" for name, rate in report.candidates_per_hour.items())
        yield f"Candidates per hour that the verifier is run on: {', '.join(rates)}."


def notes(report: StreamReport) -> list[str]:
    """Notes as sentences, one to a paragraph."""
    return [
        *(*_hours(report), *_thresholds(report)),
        *(*_words(report), *_candidates(report)),
    ]


def _hours(report: StreamReport) -> Iterator[str]:
    tally = together(report.without_keywords(calibrates=False).values())
    if not tally.hours:
        yield (
            "There was no evaluation audio (negatives/evaluation): these figures say nothing about "
            "false alarms per hour."
        )
        return
    hours, least = rounded(tally.hours), two_digits_up(RULE_OF_THREE / tally.hours)
    yield (
        f"Evaluation audio: {_number(tally.false_alarms, 'false alarm')} in {hours} hours, "
        f"{rounded(tally.false_alarms / tally.hours, 2)} per hour. In audio of this kind the true "
        f"rate is below {two_digits_up(tally.false_alarm_bound)} per hour with 95 % confidence; in "
        "other audio it may differ by any amount."
    )
    yield (
        f"{hours} hours cannot show a rate below {least} per hour, even without a single false "
        f"alarm. To show {RARE_PER_HOUR:g} per hour takes "
        f"{RULE_OF_THREE / RARE_PER_HOUR:.0f} hours without one."
    )


def _thresholds(report: StreamReport) -> Iterator[str]:
    calibration = report.calibration
    if calibration is None:
        yield "The model is not calibrated: its thresholds were set without a measurement."
        return
    thresholds = report.thresholds
    point = next((each for each in calibration.points if each.thresholds == thresholds), None)
    if point is None:
        return
    yield (
        f"The thresholds were chosen on {rounded(calibration.hours)} hours of calibration audio, "
        f"where they gave {rounded(point.false_alarms_per_hour, 2)} false alarms per hour; that is "
        "the best of many choices, so expect more. Evaluation audio was not used for it."
    )
    tally = together(report.without_keywords(calibrates=False).values())
    expected = max(point.false_alarms_per_hour, calibration.upper_bound) * tally.hours
    if tally.false_alarms and at_most(tally.false_alarms - 1, expected) > 0.95:
        yield (
            "The evaluation audio gives more false alarms than the calibration audio can explain: "
            "the two differ, and thresholds that were chosen on the one are too low for the other."
        )
    if report.split == "validation":
        yield (
            "The words are spoken by the third of the validation speakers who chose no threshold, "
            "where there are enough of them."
        )


def _words(report: StreamReport) -> Iterator[str]:
    if report.context == "alone" and report.of_kind("words in speech"):
        yield (
            "This model detects keywords between pauses; inside running speech it is intended to "
            "miss them. That line is in no average."
        )
    for result in report.of_kind("other words", "near words"):
        share = 100 * result.total.false_alarms / result.spoken
        yield (
            f"{result.name.capitalize()}, alone: "
            f"{_number(result.total.false_alarms, 'false alarm')} in "
            f"{result.spoken} words, {rounded(share, 2)} in a hundred."
        )
    yield (
        "A word counts as missed if another keyword is detected in its time, and that detection as "
        "a false alarm. Of several false alarms in a second one is counted."
    )


def _number(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"
