"""A comparison for people."""

import textwrap
from collections.abc import Iterator

from studies.rivals.comparison import Comparison, Row
from studies.rivals.keyphrases import Feed
from studies.rivals.material import CALIBRATION, CPU_USES
from studies.rivals.points import with_alarms
from train.measure.scoring import Tally

WIDTH = 100
PER_HOUR = (2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0)
"""False alarms per hour at which pocketsphinx's curve is printed."""
_FEEDS: dict[Feed, str] = {
    "speech": "what its voice activity detector passes",
    "all": "all sound in blocks of 0.1 s",
}


def table(comparison: Comparison) -> str:
    """A comparison for people, at most 100 columns wide."""
    rows = [
        ("", "missed, %", "(95 %)", "alarms/h", "(95 % <)", "other", "CPU", "ms/s"),
        ("", "clean", "10 dB", "calibration", "evaluation", "words", "clean", "eval."),
        *(
            (
                row.name,
                *(_missed(row.outcomes[use].total) for use in ("clean", "10 dB")),
                *(
                    _alarms(row.outcomes[use].total)
                    for use in ("calibration audio", "evaluation audio")
                ),
                str(row.outcomes["other words"].total.false_alarms),
                *(f"{row.cpu_ms[use]:.1f}" for use in CPU_USES),
            )
            for row in comparison.rows
        ),
    ]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        "  ".join(
            f"{cell:>{width}}" if index else f"{cell:<{width}}"
            for index, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
    notes = [
        line
        for note in _notes(comparison)
        for line in textwrap.wrap(note, WIDTH, initial_indent="- ", subsequent_indent="  ")
    ]
    return "\n".join([*lines, "", *notes])


def _missed(tally: Tally) -> str:
    if not tally.words:
        return "-"
    rate, low, high = (100 * share for share in (tally.misses / tally.words, *tally.miss_interval))
    digits = 0 if rate >= 10 else 1
    return f"{rate:.1f} ({low:.{digits}f}–{high:.{digits}f})"


def _alarms(tally: Tally) -> str:
    return f"{_rate(tally.false_alarms / tally.hours)} ({_rate(tally.false_alarm_bound)})"


def _rate(rate: float) -> str:
    return f"{rate:.{2 if rate < 10 else 1 if rate < 100 else 0}f}"


def _notes(comparison: Comparison) -> Iterator[str]:
    own, alarms, misses = comparison.rows
    audio = ", ".join(
        f"{60 * outcome.total.hours:.0f} min of {use}"
        + (f" ({outcome.total.words} keywords)" if outcome.total.words else "")
        + (f" ({outcome.spoken} words)" if use == "other words" else "")
        + (
            ""
            if comparison.shares[use] > 0.995
            else f", {100 * comparison.shares[use]:.0f} % of it"
        )
        for use, outcome in own.outcomes.items()
    )
    yield f"Keywords: {', '.join(comparison.keywords)}. Audio: {audio}."
    yield (
        f"Thresholds were chosen on calibration words (validation clips) and audio; clean, 10 dB "
        f"and other words are {comparison.split} clips."
    )
    if not comparison.calibrated:
        yield f"{own.name} is not calibrated: its thresholds are as the file has them."
    said, unsaid = (own.outcomes[use].total for use in CALIBRATION)
    yield (
        f"{own.name} missed {_missed(said)} % of the calibration words, with "
        f"{_counted(unsaid.false_alarms)} in the calibration audio."
    )
    yield (
        f"{alarms.name}: the fewest misses with {max(1, unsaid.false_alarms)} or fewer false "
        f"alarms in the calibration audio. {_chosen(alarms)}"
    )
    yield (
        f"{misses.name}: the fewest false alarms with as few misses as the model in the "
        f"calibration words{_if_not_reached(misses, said)}. {_chosen(misses)}"
    )
    swept = ", ".join(
        f"{_missed(point.said)} % at {_rate(most)}"
        for most in PER_HOUR
        for point in [with_alarms(comparison.curve, int(most * unsaid.hours))]
        if most * unsaid.hours >= 1
    )
    yield (
        "pocketsphinx, thresholds swept: of the calibration words it would miss, by false alarms "
        f"per hour of calibration audio: {swept}."
    )


def _if_not_reached(row: Row, wanted: Tally) -> str:
    point = row.expected
    if point is None or point.said.misses <= wanted.misses:
        return ""
    return ", which no thresholds reach: the fewest misses"


def _chosen(row: Row) -> str:
    """Which thresholds, what was expected of them, and what came of it."""
    levels = ", ".join(f"{keyword} {_power(level)}" for keyword, level in row.thresholds.items())
    said, unsaid = (row.outcomes[use].total for use in CALIBRATION)
    assert row.expected is not None
    before, sound = row.expected, _FEEDS[row.expected.feed]
    return (
        f"Fed with {sound}; thresholds {levels}; estimated: {_missed(before.said)} % missed and "
        f"{_counted(before.unsaid.false_alarms)}; live: {_missed(said)} % and "
        f"{_counted(unsaid.false_alarms)}."
    )


def _counted(alarms: int) -> str:
    return f"{alarms} false alarm{'' if alarms == 1 else 's'}"


def _power(exponent: float) -> str:
    return f"{10**exponent:.0e}".replace("e+00", "")
