"""All figures of a report. This, and what it imports, is what needs matplotlib."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator

from kws.spotting.calibration import Calibration, rounded
from train.fitting.progress_state import EpochRecord
from train.measure.det_curves import Detectability
from train.measure.evaluation_set import CALIBRATING, CONDITIONS
from train.measure.scoring import together
from train.measure.stream_report import StreamReport
from train.reporting.clips import Confusion
from train.reporting.drawing import (
    CENTRED,
    COLOURS,
    CONDITION_COLOURS,
    KEYWORD_COLOURS,
    Drawing,
    draw,
    percent_axis,
    rate_axis,
)
from train.reporting.examples import Example
from train.reporting.findings import Findings
from train.reporting.timeline import draw_timeline
from train.reporting.verdict import in_force, without_keywords

WIDE, NARROW = 10.8, 4.8
"""Inches of a figure that has a row for itself, and of one that has another one beside it."""
MOST_SHOWN = 60.0
"""False alarms per hour; lower thresholds than it takes for more hardly let a trigger re-arm."""
_Shown = Sequence[tuple[object, Example]]
_SHARES = (0.0, 0.01, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0)
_CONDITIONS = {condition.name: condition for condition in CONDITIONS}
_LEVELS = list(dict.fromkeys(condition.snr_db for condition in CONDITIONS))


@dataclass(frozen=True)
class Plots:
    """The figures, by what they show; those that there is nothing to draw for are missing."""

    operating_curve: Drawing | None
    detectability: tuple[Drawing, ...]
    confusion: Drawing | None
    learning: tuple[Drawing, ...]
    stretches: tuple[Drawing, ...]
    misses: tuple[Drawing, ...]
    false_alarms: tuple[Drawing, ...]

    def __iter__(self) -> Iterator[Drawing]:
        yield from filter(None, (self.operating_curve, self.confusion))
        yield from (*self.detectability, *self.learning)
        yield from (*self.stretches, *self.misses, *self.false_alarms)


def draw_plots(found: Findings) -> Plots:
    """Draw what there is to draw."""
    streams, clips = found.streams, found.clips
    front_end = found.model.header.front_end

    def timelines(name: str, shown: _Shown, width: float) -> tuple[Drawing, ...]:
        return tuple(
            draw_timeline(name.format(number), example, front_end, streams.trigger, width)
            for number, (_, example) in enumerate(shown, 1)
        )

    return Plots(
        operating_curve=_operating_curve(streams, streams.calibration)
        if streams.calibration
        else None,
        detectability=tuple(
            _detectability(curve, streams.trigger[curve.keyword].threshold, number)
            for number, curve in enumerate(streams.curves, 1)
            if curve.hours and any(curve.words.values())
        ),
        confusion=_confusion_matrix(clips) if clips.words + clips.others else None,
        learning=tuple(_learning_curves(found.history)) if found.history else (),
        stretches=timelines("timeline-{}", found.stretches, WIDE),
        misses=timelines("miss-{:02}", found.misses, NARROW),
        false_alarms=timelines("false-alarm-{:02}", found.false_alarms, NARROW),
    )


def _operating_curve(streams: StreamReport, calibration: Calibration) -> Drawing:
    """What thresholds cost, all keywords together: the curve in the model file, and what was
    counted here with the thresholds in use."""
    spoken = [each.total for each in streams.of_kind("words") if each.name in CALIBRATING]
    said, unsaid = together(spoken), without_keywords(streams, calibrates=False)
    rates = [point.false_alarms_per_hour for point in calibration.points]
    shares = [point.miss_rate for point in calibration.points]
    rate, share, chosen = unsaid.false_alarms_per_hour, said.miss_rate, in_force(streams)
    accent, bad = COLOURS["accent"], COLOURS["bad"]

    def paint(figure: Figure) -> None:
        axes = figure.subplots()
        most = max(*rates, unsaid.false_alarm_bound if rate is not None else 0)
        none = rate_axis(axes, max(calibration.hours, unsaid.hours), most)
        _miss_axis(axes, max(*shares, said.miss_interval[1] if said.words else 0))
        places = [each or none for each in rates]
        axes.step(places, shares, where="post", color=accent, label="when it was calibrated")
        if chosen is not None:
            place = chosen.false_alarms_per_hour or none
            axes.plot(place, chosen.miss_rate, "o", color=accent, label="thresholds in use")
        if rate is not None and share is not None:
            place = rate or none
            axes.plot([place, unsaid.false_alarm_bound], [share] * 2, color=bad)
            axes.plot([place] * 2, said.miss_interval, color=bad)
            axes.plot(place, share, "D", color=bad, label="the same in evaluation audio")
        axes.legend(loc="lower left")

    alt = (
        f"Share of missed keywords against false alarms per hour: from {_percent(shares[0])} at "
        f"{rounded(rates[0])} per hour to {_percent(shares[-1])} at {rounded(rates[-1])}."
    )
    return draw("operating-curve", alt, (NARROW, 3.9), paint)


def _detectability(curve: Detectability, threshold: float, number: int) -> Drawing:
    """Miss rate of a keyword against its false alarms per hour, a line for each condition; dots
    are at the threshold."""
    rates = [count / curve.hours for count in curve.false_alarms]
    chosen = int(np.argmin([abs(each - threshold) for each in curve.thresholds]))
    shares = {
        condition: [count / curve.words[condition] for count in counts]
        for condition, counts in curve.misses.items()
        if curve.words[condition]
    }

    def paint(figure: Figure) -> None:
        axes = figure.subplots()
        none = rate_axis(axes, curve.hours, min(MOST_SHOWN, max(rates)))
        _miss_axis(axes, 1.0)
        places = [each or none for each in rates]
        dashes = (0, (4, 3))
        axes.axvline(places[chosen], color=COLOURS["muted"], linewidth=0.8, linestyle=dashes)
        for condition, share in shares.items():
            colour, line = _condition_line(condition)
            axes.plot(places, share, color=colour, linestyle=line, linewidth=1.4, label=condition)
            axes.plot(places[chosen], share[chosen], "o", color=colour, markersize=3.5)
        axes.set_title(curve.keyword)
        figure.legend(*_without_rooms_first(axes), loc="outside lower center", ncols=2)

    listed = "; ".join(f"{each} {_percent(share[chosen])}" for each, share in shares.items())
    alt = (
        f"{curve.keyword}: share missed against false alarms per hour. At its threshold of "
        f"{threshold:.4g}, {rounded(rates[chosen])} false alarms per hour, and missed: {listed}."
    )
    name = f"miss-rate-{number:02}-" + re.sub(r"[^\w-]+", "-", curve.keyword)
    return draw(name, alt, (NARROW, 5.0), paint)


def _confusion_matrix(clips: Confusion) -> Drawing:
    """What is said against what it is taken for, in clips; colour by the share of the row."""
    matrix = clips.matrix
    shares = matrix / np.maximum(1, matrix.sum(axis=1, keepdims=True))
    said, taken = [*clips.keywords, "other words"], [*clips.keywords, "none"]
    count = len(said)
    side = max(3.0, 0.32 * count)

    def paint(figure: Figure) -> None:
        axes = figure.subplots()
        axes.set(xlim=(-0.5, count - 0.5), ylim=(count - 0.5, -0.5), aspect="equal")
        axes.grid(visible=False)
        axes.spines[:].set_visible(False)
        axes.set_xticks(range(count), taken, rotation=0 if count < 8 else 90)
        axes.set_yticks(range(count), said)
        axes.xaxis.set_label_position("top")
        axes.xaxis.tick_top()
        axes.set_xlabel("taken for", labelpad=8)
        axes.set_ylabel("said")
        for (row, column), cell in np.ndenumerate(matrix):
            share = shares[row, column]
            corner = (column - 0.5, row - 0.5)
            colour = {"facecolor": COLOURS["accent"], "alpha": share, "linewidth": 0}
            axes.add_patch(Rectangle(corner, 1, 1, **colour))
            if cell:
                text = "surface" if share > 0.5 else "ink" if row == column else "bad"
                size = 10 if count < 12 else 6
                axes.text(column, row, f"{cell:,}", color=COLOURS[text], fontsize=size, **CENTRED)
        edges = np.arange(count + 1) - 0.5
        for lines in (axes.hlines, axes.vlines):
            lines(edges, -0.5, count - 0.5, color=COLOURS["line"], linewidth=0.6)

    alt = (
        f"Confusion matrix of {clips.words + clips.others:,} clips: {clips.right:,} of "
        f"{clips.words:,} keywords are taken for what they are, {clips.rejected:,} of "
        f"{clips.others:,} other words for none."
    )
    return draw("confusion-matrix", alt, (side + 1.6, side + 0.8), paint)


def _learning_curves(history: Sequence[EpochRecord]) -> Iterator[Drawing]:
    """Loss, accuracy, rejection and learning rate by epoch, as far as they are known."""
    loss = {"training windows": "loss"}
    rate = {"learning rate": "learning_rate"}
    rejection = {"validation clips of other words": "validation_rejection"}
    accuracy = {
        "training windows": "accuracy",
        "validation clips of keywords": "validation_accuracy",
    }
    epochs = [each.epoch for each in history]
    for name, title, unit, fields in (
        ("loss", "Loss", "cross entropy (nats)", loss),
        ("accuracy", "Decided right", "share", accuracy),
        ("rejection", "Other words rejected", "share", rejection),
        ("rate", "Learning rate", "of an epoch's last step", rate),
    ):
        curves = {
            label: np.array([getattr(each, field) for each in history], np.float64)
            for label, field in fields.items()
        }
        known = {label: each for label, each in curves.items() if not np.isnan(each).all()}
        if known:
            yield _learning_curve(f"learning-{name}", title, unit, epochs, known)


def _learning_curve(
    name: str, title: str, unit: str, epochs: Sequence[int], curves: dict[str, Any]
) -> Drawing:
    """Curves of values by epoch; the unit is of the axis."""

    def paint(figure: Figure) -> None:
        axes = figure.subplots()
        for colour, (label, values) in zip(KEYWORD_COLOURS, curves.items(), strict=False):
            marker = "o" if len(epochs) == 1 else ""
            axes.plot(epochs, values, color=colour, marker=marker, label=label)
        axes.set_title(title)
        axes.set_xlabel("epoch")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        if len(curves) > 1:
            axes.legend(loc="lower right")
        if unit == "share":
            percent_axis(axes, unit)
        else:
            axes.set_ylim(bottom=0)
            axes.set_ylabel(unit)

    ends = "; ".join(f"{label} {values[-1]:.4g}" for label, values in curves.items())
    alt = f"{title}, epochs {epochs[0]} to {epochs[-1]}. At the end: {ends}."
    return draw(name, alt, (NARROW, 3.0), paint)


def _miss_axis(axes: Axes, most: float) -> None:
    """Make y an axis of missed words in per cent, few of them with more room than many."""
    most = max(most, 0.05)
    axes.set_yscale("function", functions=(lambda share: np.sqrt(np.maximum(share, 0)), np.square))
    axes.set_yticks([share for share in _SHARES if share <= 1.3 * most])
    axes.set_ylim(0, min(1.0, 1.15 * most))
    percent_axis(axes, "words missed")


def _condition_line(condition: str) -> tuple[str, str]:
    """Colour and style of a condition's line: colour for noise, dashes for a room."""
    known = _CONDITIONS.get(condition)
    if known is None or known.in_speech:
        return COLOURS["muted"], "-."
    colour = CONDITION_COLOURS[_LEVELS.index(known.snr_db) % len(CONDITION_COLOURS)]
    return colour, "--" if known.room_s else "-"


def _without_rooms_first(axes: Axes) -> tuple[list[Artist], list[str]]:
    """Lines and names for a legend of two columns."""
    pairs = list(zip(*axes.get_legend_handles_labels(), strict=True))
    ordered = sorted(pairs, key=lambda each: _condition_line(each[1])[1] == "--")
    return [handle for handle, _ in ordered], [label for _, label in ordered]


def _percent(share: float) -> str:
    return f"{rounded(100 * share)} %"
