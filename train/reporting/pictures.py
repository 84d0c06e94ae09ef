"""Pictures of a report, each drawn for day and night."""

from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

from matplotlib import style
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter
from PIL import Image

from kws.spotting.calibration import rounded
from train.reporting.html import Html, data_address, element, joined
from train.reporting.theme import LIGHT, THEMES, Theme

DOTS_PER_INCH = 100
"""Pixels of a page."""
SHARPNESS = 2
"""Pixels of a picture for each of a page, in each direction."""
COLOURS = 256


@dataclass(frozen=True)
class Picture:
    """A drawing.

    Attributes:
        name: of its file, without an ending.
        alt: what it shows, for those who do not see it.
        size: width and height, pixels of a page.
        images: PNG, by the name of the theme.
    """

    name: str
    alt: str
    size: tuple[int, int]
    images: dict[str, bytes]

    def write(self, folder: Path) -> None:
        """Write it as it is by day.

        Raises:
            OSError: it cannot be written.
        """
        (folder / f"{self.name}.png").write_bytes(self.images[LIGHT.name])

    def element(self) -> Html:
        """The picture in a page, whose style shows the one or the other."""
        width, height = map(str, self.size)
        return joined(
            element(
                "img",
                src=data_address("image/png", self.images[theme.name]),
                alt=self.alt,
                width=width,
                height=height,
                class_=theme.name,
            )
            for theme in THEMES
        )


def draw(
    name: str, alt: str, size: tuple[float, float], paint: Callable[[Figure, Theme], None]
) -> Picture:
    """Draw by day and by night.

    Args:
        name: of the file, without an ending.
        alt: what is to be seen, for those who do not.
        size: width and height, inches of 100 pixels of a page.
        paint: draws.
    """
    images = {}
    for theme in THEMES:
        with style.context(_style(theme)):
            figure = Figure(figsize=size, dpi=DOTS_PER_INCH * SHARPNESS)
            paint(figure, theme)
            images[theme.name] = _png(figure)
    width, height = (round(each * DOTS_PER_INCH) for each in size)
    return Picture(name, alt, (width, height), images)


def _png(figure: Figure) -> bytes:
    """The figure with a palette, a third of the size of one with all colours."""
    drawn, content = BytesIO(), BytesIO()
    figure.savefig(drawn, format="png", pil_kwargs={"compress_level": 0})
    image = Image.open(drawn).convert("RGB")
    few = image.quantize(COLOURS, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    few.save(content, format="png")
    return content.getvalue()


def _style(theme: Theme) -> dict[str, Any]:
    return {
        "axes.axisbelow": True,
        "axes.edgecolor": theme.line,
        "axes.facecolor": theme.surface,
        "axes.grid": True,
        "axes.labelcolor": theme.muted,
        "axes.linewidth": 0.8,
        "axes.spines.right": False,
        "axes.spines.top": False,
        "axes.titlecolor": theme.ink,
        "axes.titlelocation": "left",
        "axes.titlesize": 11,
        "axes.titleweight": "bold",
        "figure.constrained_layout.h_pad": 0.08,
        "figure.constrained_layout.use": True,
        "figure.constrained_layout.w_pad": 0.08,
        "figure.facecolor": theme.surface,
        "font.family": "DejaVu Sans",
        "font.size": 9.5,
        "grid.color": theme.line,
        "grid.linewidth": 0.6,
        "legend.fontsize": 8.5,
        "legend.frameon": False,
        "legend.labelcolor": theme.ink,
        "lines.linewidth": 1.7,
        "lines.solid_capstyle": "round",
        "text.color": theme.ink,
        "text.parse_math": False,
        "xtick.color": theme.muted,
        "xtick.major.size": 0,
        "xtick.minor.size": 0,
        "ytick.color": theme.muted,
        "ytick.major.size": 0,
        "ytick.minor.size": 0,
    }


def rate_axis(axes: Axes, hours: float, most: float, label: str) -> float:
    """Make x a logarithmic axis of false alarms per hour, on which none has a place too.

    Args:
        axes: to change.
        hours: that were heard.
        most: the highest rate.
        label: of the axis.

    Returns:
        Where "none" is.
    """
    none = 0.4 / hours
    axes.set_xscale("log")
    axes.set_xlim(0.8 * none, max(4 / hours, 1.25 * most))
    axes.xaxis.set_major_locator(LogLocator(10, subs=(1.0, 2.0, 5.0), numticks=30))
    axes.xaxis.set_major_formatter(
        FuncFormatter(lambda rate, _: rounded(rate) if rate > 2 * none else "")
    )
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.axvline(none, color=axes.spines["bottom"].get_edgecolor(), linewidth=0.8)
    axes.annotate(
        "none",
        (none, 0),
        (0, -5),
        xycoords=("data", "axes fraction"),
        textcoords="offset points",
        ha="center",
        va="top",
        color=axes.xaxis.label.get_color(),
    )
    axes.set_xlabel(label)
    return none


def percent_axis(axes: Axes, label: str) -> None:
    """Write y, a share, in per cent."""
    axes.yaxis.set_major_formatter(FuncFormatter(lambda share, _: f"{100 * share:g} %"))
    axes.set_ylabel(label)


def series(theme: Theme, index: int) -> tuple[str, str]:
    """Colour and line style of a keyword."""
    colours = theme.series
    styles = ("-", "--", ":", "-.")
    return colours[index % len(colours)], styles[index // len(colours) % len(styles)]
