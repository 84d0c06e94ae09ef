"""How training went: the figures of each epoch as curves."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from train.fitting.progress_state import EpochRecord
from train.reporting.pictures import Picture, draw, percent_axis
from train.reporting.theme import Theme

SIZE = (4.8, 3.0)
"""Inches."""


@dataclass(frozen=True)
class _Panel:
    """Curves that share an axis.

    Attributes:
        name: for the picture's file.
        title: for people.
        unit: of the axis; none for shares, which are shown in per cent.
        curves: values by epoch, None where they are not known.
    """

    name: str
    title: str
    unit: str
    curves: dict[str, list[float | None]]


def learning_curves(history: Sequence[EpochRecord]) -> list[Picture]:
    """Loss, accuracy, rejection and learning rate by epoch, as far as they are known."""
    panels = (
        _Panel(
            "loss",
            "Loss",
            "cross entropy (nats)",
            {"training windows": [each.loss for each in history]},
        ),
        _Panel(
            "accuracy",
            "Decided right",
            "",
            {
                "training windows": [each.accuracy for each in history],
                "validation clips of keywords": [each.validation_accuracy for each in history],
            },
        ),
        _Panel(
            "rejection",
            "Other words rejected",
            "",
            {"validation clips of other words": [each.validation_rejection for each in history]},
        ),
        _Panel(
            "rate",
            "Learning rate",
            "of an epoch's last step",
            {"learning rate": [each.learning_rate for each in history]},
        ),
    )
    epochs = [each.epoch for each in history]
    return [_draw(panel, epochs) for panel in panels if _known(panel)]


def _known(panel: _Panel) -> dict[str, list[float]]:
    """The curves of which something is known, with gaps where it is not."""
    return {
        label: [np.nan if value is None else value for value in values]
        for label, values in panel.curves.items()
        if any(value is not None for value in values)
    }


def _draw(panel: _Panel, epochs: Sequence[int]) -> Picture:
    curves = _known(panel)

    def paint(figure: Figure, theme: Theme) -> None:
        axes = figure.subplots()
        for colour, (label, values) in zip(theme.series, curves.items(), strict=False):
            marker = "o" if len(epochs) == 1 else ""
            axes.plot(epochs, values, color=colour, marker=marker, label=label)
        axes.set_title(panel.title)
        axes.set_xlabel("epoch")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        if len(curves) > 1:
            axes.legend(loc="lower right")
        if panel.unit:
            axes.set_ylim(bottom=0)
            axes.set_ylabel(panel.unit)
        else:
            percent_axis(axes, "share")

    ends = "; ".join(f"{label} {values[-1]:.4g}" for label, values in curves.items())
    alt = f"{panel.title}, epochs {epochs[0]} to {epochs[-1]}. At the end: {ends}."
    return draw(f"learning-{panel.name}", alt, SIZE, paint)
