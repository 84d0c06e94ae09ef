"""What thresholds cost, as curves, and what is taken for what, as a matrix."""

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

from kws.spotting.calibration import Calibration, OperatingPoint, rounded
from train.measure.evaluation_set import CONDITIONS
from train.measure.scoring import Tally
from train.measure.stream_report import Detectability
from train.reporting.clips import Confusion
from train.reporting.pictures import Picture, draw, percent_axis, rate_axis
from train.reporting.theme import LIGHT, Theme

WIDTH = 4.8
"""Inches of a picture that has another one beside it."""
MISSED = "words missed"
MOST_SHOWN = 60.0
"""False alarms per hour; lower thresholds than it takes for more hardly let a trigger re-arm."""
PER_HOUR = "false alarms per hour"
_SHARES = (0.0, 0.01, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0)
_CONDITIONS = {condition.name: condition for condition in CONDITIONS}
_LEVELS = list(dict.fromkeys(condition.snr_db for condition in CONDITIONS))


def operating_curve(
    calibration: Calibration, chosen: OperatingPoint | None, said: Tally, unsaid: Tally
) -> Picture:
    """What thresholds cost, all keywords together, as it stands in the model file.

    Args:
        calibration: the curve.
        chosen: the point of the thresholds in force; None where they are none of it.
        said: what was counted here, with these thresholds, of keywords.
        unsaid: the same in the evaluation audio.
    """
    rates = [point.false_alarms_per_hour for point in calibration.points]
    shares = [point.miss_rate for point in calibration.points]
    rate, share = unsaid.false_alarms_per_hour, said.miss_rate

    def paint(figure: Figure, theme: Theme) -> None:
        axes = figure.subplots()
        most = max(*rates, unsaid.false_alarm_bound if rate is not None else 0)
        none = rate_axis(axes, max(calibration.hours, unsaid.hours), most, PER_HOUR)
        _share_axis(axes, max(*shares, said.miss_interval[1] if said.words else 0))
        axes.step(
            [each or none for each in rates],
            shares,
            where="post",
            color=theme.accent,
            label="when it was calibrated",
        )
        if chosen is not None:
            axes.plot(
                chosen.false_alarms_per_hour or none,
                chosen.miss_rate,
                "o",
                color=theme.accent,
                label="thresholds in force",
            )
        if rate is not None and share is not None:
            low, high = said.miss_interval
            axes.plot([rate or none, unsaid.false_alarm_bound], [share] * 2, color=theme.bad)
            axes.plot([rate or none] * 2, [low, high], color=theme.bad)
            axes.plot(
                rate or none, share, "D", color=theme.bad, label="the same in evaluation audio"
            )
        axes.legend(loc="lower left")

    alt = (
        f"Share of missed keywords against false alarms per hour: from {_percent(shares[0])} at "
        f"{rounded(rates[0])} per hour to {_percent(shares[-1])} at {rounded(rates[-1])}."
    )
    return draw("operating-curve", alt, (WIDTH, 3.9), paint)


def detectability(curve: Detectability, threshold: float, name: str) -> Picture:
    """Miss rate of a keyword against its false alarms per hour, a line for each condition.

    Args:
        curve: what its thresholds cost.
        threshold: the one in force.
        name: of the picture's file.
    """
    rates = [count / curve.hours for count in curve.false_alarms]
    chosen = int(np.argmin([abs(each - threshold) for each in curve.thresholds]))
    shares = {
        condition: [count / curve.words[condition] for count in counts]
        for condition, counts in curve.misses.items()
        if curve.words[condition]
    }

    def paint(figure: Figure, theme: Theme) -> None:
        axes = figure.subplots()
        none = rate_axis(axes, curve.hours, min(MOST_SHOWN, max(rates)), PER_HOUR)
        _share_axis(axes, 1.0)
        places = [each or none for each in rates]
        axes.axvline(places[chosen], color=theme.muted, linewidth=0.8, linestyle=(0, (4, 3)))
        for condition, share in shares.items():
            colour, line = _look(condition, theme)
            axes.plot(places, share, color=colour, linestyle=line, linewidth=1.4, label=condition)
            axes.plot(places[chosen], share[chosen], "o", color=colour, markersize=3.5)
        axes.set_title(curve.keyword)
        figure.legend(*_without_rooms_first(axes), loc="outside lower center", ncols=2)

    listed = "; ".join(f"{each} {_percent(share[chosen])}" for each, share in shares.items())
    alt = (
        f"{curve.keyword}: share missed against false alarms per hour. At its threshold of "
        f"{threshold:.4g}, {rounded(rates[chosen])} false alarms per hour, and missed: {listed}."
    )
    return draw(name, alt, (WIDTH, 5.0), paint)


def confusion_matrix(clips: Confusion) -> Picture:
    """What is said against what it is taken for, in clips; colour by the share of the row."""
    matrix = clips.matrix
    shares = matrix / np.maximum(1, matrix.sum(axis=1, keepdims=True))
    said = [*clips.keywords, "other words"]
    taken = [*clips.keywords, "none"]
    side = max(3.0, 0.32 * len(said))

    def paint(figure: Figure, theme: Theme) -> None:
        axes = figure.subplots()
        colours = LinearSegmentedColormap.from_list("shares", [theme.surface, theme.accent])
        axes.imshow(shares, cmap=colours, vmin=0, vmax=1)
        axes.grid(visible=False)
        axes.spines[:].set_visible(False)
        axes.set_xticks(range(len(taken)), taken, rotation=0 if len(taken) < 8 else 90)
        axes.set_yticks(range(len(said)), said)
        axes.xaxis.set_label_position("top")
        axes.xaxis.tick_top()
        axes.set_xlabel("taken for", labelpad=8)
        axes.set_ylabel("said")
        edges = np.arange(len(said) + 1) - 0.5
        axes.hlines(edges, -0.5, len(taken) - 0.5, color=theme.line, linewidth=0.6)
        axes.vlines(edges, -0.5, len(said) - 0.5, color=theme.line, linewidth=0.6)
        for (row, column), count in np.ndenumerate(matrix):
            if count:
                strong = shares[row, column] > 0.5
                wrong = theme.ink if row == column else theme.bad
                axes.text(
                    column,
                    row,
                    f"{count:,}",
                    ha="center",
                    va="center",
                    color=theme.surface if strong else wrong,
                    fontsize=10 if len(said) < 12 else 6,
                )

    alt = (
        f"Confusion matrix of {clips.words + clips.others:,} clips: {clips.right:,} of "
        f"{clips.words:,} keywords are taken for what they are, {clips.rejected:,} of "
        f"{clips.others:,} other words for none."
    )
    return draw("confusion-matrix", alt, (side + 1.6, side + 0.8), paint)


def _share_axis(axes: Axes, most: float) -> None:
    """Missed words in per cent, few of them with more room than many."""
    most = max(most, 0.05)
    axes.set_yscale("function", functions=(lambda share: np.sqrt(np.maximum(share, 0)), np.square))
    ticks = [share for share in _SHARES if share <= 1.3 * most]
    axes.set_yticks(ticks)
    axes.set_ylim(0, min(1.0, 1.15 * most))
    percent_axis(axes, MISSED)


def _look(condition: str, theme: Theme) -> tuple[str, str]:
    """Colour and style of a condition's line: colour for noise, dashes for a room."""
    known = _CONDITIONS.get(condition)
    if known is None or known.in_speech:
        return theme.muted, "-."
    colour = theme.ramp[_LEVELS.index(known.snr_db) % len(theme.ramp)]
    return colour, "--" if known.room_s else "-"


def _without_rooms_first(axes: Axes) -> tuple[list[Artist], list[str]]:
    """Lines and names for a legend of two columns."""
    pairs = list(zip(*axes.get_legend_handles_labels(), strict=True))
    ordered = sorted(pairs, key=lambda each: _look(each[1], LIGHT)[1] == "--")
    return [handle for handle, _ in ordered], [label for _, label in ordered]


def _percent(share: float) -> str:
    return f"{rounded(100 * share)} %"
