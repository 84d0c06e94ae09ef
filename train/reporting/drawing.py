"""Figures of a report, drawn once: the page gives them the colours of its light or dark theme."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any

from markupsafe import Markup
from matplotlib import style
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter
from matplotlib.transforms import ScaledTranslation

from kws.spotting.calibration import rounded

FOLDER = Path(__file__).parent
STYLESHEET = (FOLDER / "report.css").read_text(encoding="utf-8")
COLOURS: dict[str, str] = dict(
    re.findall(r"--([\w-]+): (#[0-9a-f]{6});", STYLESHEET.partition("@media")[0])
)
"""The colours of the light theme, by the names of their variables in the stylesheet."""
KEYWORD_COLOURS = [value for name, value in COLOURS.items() if name.startswith("keyword-")]
"""Colours of keywords, told apart by colour-blind people too."""
CONDITION_COLOURS = [value for name, value in COLOURS.items() if name.startswith("condition-")]
"""Colours of conditions that get harder, the easiest first."""
CENTRED: dict[str, Any] = {"ha": "center", "va": "center"}
_VARIABLES = {value: f"var(--{name})" for name, value in COLOURS.items()}
_SETTINGS = {
    **dict.fromkeys(("axes.edgecolor", "grid.color"), COLOURS["line"]),
    **dict.fromkeys(("axes.labelcolor", "xtick.color", "ytick.color"), COLOURS["muted"]),
    **dict.fromkeys(("axes.titlecolor", "legend.labelcolor", "text.color"), COLOURS["ink"]),
}


@dataclass(frozen=True)
class Drawing:
    """A figure.

    Attributes:
        name: of its file, without a suffix.
        alt: what it shows, for those who do not see it.
        size: width and height, inches of 100 CSS pixels.
        svg: the content of an <svg> element whose user unit is 1/72 inch.
        png: the same on white.
        span: where its time axis begins and ends, as shares of the width.
    """

    name: str
    alt: str
    size: tuple[float, float]
    svg: Markup
    png: bytes
    span: tuple[float, float] = (0.0, 1.0)


def draw(
    name: str, alt: str, size: tuple[float, float], paint: Callable[[Figure], object]
) -> Drawing:
    """Draw a figure; the arguments are the attributes of `Drawing`, and what paints it."""
    svg, png = StringIO(), BytesIO()
    # The salt keeps apart what figures on the same page define.
    with style.context([FOLDER / "report.mplstyle", {**_SETTINGS, "svg.hashsalt": name}]):
        figure = Figure(figsize=size)
        paint(figure)
        no_metadata = dict.fromkeys(("Creator", "Date", "Format", "Type"))
        figure.savefig(svg, format="svg", metadata=no_metadata)
        figure.savefig(png, format="png", facecolor=COLOURS["surface"])
    return Drawing(name, alt, size, _inline(svg.getvalue()), png.getvalue())


def _inline(svg: str) -> Markup:
    """What is in an SVG file, without its rules for all of a page, without names of groups, which
    are the same in all figures, and with the stylesheet's variables for colours."""
    content = svg[svg.index(">", svg.index("<svg")) + 1 : svg.rindex("</svg>")]
    content = re.sub(r"<style.*?</style>", "", content, flags=re.DOTALL)
    content = re.sub(r'<g id="[^"]*"', "<g", content)
    return Markup(  # matplotlib escapes the texts
        re.sub(
            r"\b(fill|stroke): (#[0-9a-f]{6})",
            lambda found: f"{found[1]}: {_VARIABLES.get(found[2], found[2])}",
            content,
        )
    )


def rate_axis(axes: Axes, hours: float, most: float) -> float:
    """Make x a logarithmic axis of false alarms per hour, up to the most, as so many hours can show
    them; returns the place of none at all."""
    none = 0.4 / hours
    axes.set_xscale("log")
    axes.set_xlim(0.8 * none, max(4 / hours, 1.25 * most))
    axes.xaxis.set_major_locator(LogLocator(10, subs=(1.0, 2.0, 5.0), numticks=30))
    axes.xaxis.set_major_formatter(
        FuncFormatter(lambda rate, _: rounded(rate) if rate > 2 * none else "")
    )
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.axvline(none, color=COLOURS["line"], linewidth=0.8)
    shift = axes.get_xaxis_transform() + ScaledTranslation(0, -5 / 72, axes.figure.dpi_scale_trans)
    axes.text(none, 0, "none", transform=shift, ha="center", va="top", color=COLOURS["muted"])
    axes.set_xlabel("false alarms per hour")
    return none


def percent_axis(axes: Axes, label: str) -> None:
    """Label y, a share, in per cent."""
    axes.yaxis.set_major_formatter(FuncFormatter(lambda share, _: f"{100 * share:g} %"))
    axes.set_ylabel(label)


def keyword_track(index: int) -> tuple[str, str]:
    """Colour and line style of a keyword."""
    styles, (row, column) = ("-", "--", ":", "-."), divmod(index, len(KEYWORD_COLOURS))
    return KEYWORD_COLOURS[column], styles[row % len(styles)]
