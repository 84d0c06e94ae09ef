"""A stretch of a stream to look at: what is said, the spectrogram, posteriors and detections."""

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MultipleLocator

from kws.spotting.frontend import FrontEndSettings, hertz_to_mel
from kws.spotting.trigger import TriggerSettings
from train.reporting.pictures import Picture, draw, series
from train.reporting.scenes import Scene
from train.reporting.theme import Theme

FLOOR = 0.15
"""Posterior below which a keyword that nobody says is not worth a colour of its own."""
MOST_COLOURED = 8
_LEFT, _RIGHT = 0.6, 0.15
"""Inches beside the axes."""
_HEIGHTS = (0.3, 1.25, 1.45)
"""Inches of words, spectrogram and posteriors."""
_BELOW, _GAP, _ABOVE = 0.45, 0.1, 0.3
"""Inches below, between and above the axes; above for each row of the legend."""
_HERTZ = (500, 1000, 2000, 4000, 8000)


@dataclass(frozen=True)
class Drawn:
    """A picture of a stretch.

    Attributes:
        picture: the drawing.
        left: where in it the stretch begins, as a share of its width.
        right: where it ends.
    """

    picture: Picture
    left: float
    right: float


def draw_scene(
    name: str,
    alt: str,
    scene: Scene,
    front_end: FrontEndSettings,
    trigger: Mapping[str, TriggerSettings],
    width: float,
) -> Drawn:
    """Draw a stretch.

    Args:
        name: of the picture's file, without an ending.
        alt: what is to be seen, for those who do not.
        scene: the stretch.
        front_end: how its frames came about.
        trigger: settings of each keyword, in the model's order.
        width: of the picture, inches of 100 pixels.
    """
    coloured = _worth_a_colour(scene, list(trigger))
    columns = 4 if width < 8 else MOST_COLOURED
    above = _ABOVE * max(1, -(-len(coloured) // columns))
    height = _BELOW + sum(_HEIGHTS) + 2 * _GAP + above
    left, right = _LEFT / width, 1 - _RIGHT / width

    def paint(figure: Figure, theme: Theme) -> None:
        figure.set_layout_engine("none")
        top = height - above
        axes = []
        for each in _HEIGHTS:
            top -= each
            axes.append(figure.add_axes((left, top / height, right - left, each / height)))
            axes[-1].set_xlim(0, scene.duration)
            axes[-1].tick_params(labelbottom=False)
            top -= _GAP
        words, spectrogram, posteriors = axes
        keywords = list(trigger)
        _words(words, scene, keywords, theme)
        _spectrogram(spectrogram, scene, front_end)
        _posteriors(posteriors, scene, trigger, coloured, theme)
        posteriors.tick_params(labelbottom=True)
        posteriors.xaxis.set_major_locator(MultipleLocator(5 if scene.duration > 10 else 0.5))
        posteriors.xaxis.set_major_formatter("{x:g}")
        posteriors.set_xlabel("seconds")
        figure.legend(
            *posteriors.get_legend_handles_labels(),
            loc="upper right",
            bbox_to_anchor=(right, 1.0),
            borderaxespad=0.3,
            columnspacing=1.2,
            handlelength=1.4,
            ncols=columns,
        )

    return Drawn(draw(name, alt, (width, height), paint), left, right)


def _words(axes: Axes, scene: Scene, keywords: Sequence[str], theme: Theme) -> None:
    """What is said, each word from its start to its end; what was missed is crossed out."""
    axes.set_ylim(0, 1)
    axes.set_yticks([0.5], ["said"])
    axes.grid(visible=False)
    axes.spines[:].set_visible(False)
    axes.set_xticks([])
    for word in scene.words:
        known = word.keyword in keywords
        colour = series(theme, keywords.index(word.keyword))[0] if known else theme.muted
        missed = word in scene.missed
        axes.axvspan(word.start, word.end, color=colour, alpha=0.1 if missed else 0.3, linewidth=0)
        axes.text(
            np.clip((word.start + word.end) / 2, 0, scene.duration),
            0.48,
            f"{word.keyword} ✗" if missed else word.keyword,
            ha="center",
            va="center",
            color=theme.bad if missed else theme.ink,
            weight="bold" if missed else "normal",
            clip_on=True,
        )


def _spectrogram(axes: Axes, scene: Scene, front_end: FrontEndSettings) -> None:
    bands = front_end.bands
    hop_s = front_end.hop_length / front_end.sample_rate
    # Each frame is drawn around its middle.
    middle = front_end.frame_length / front_end.sample_rate / 2
    start, count = middle - hop_s / 2, len(scene.frames)
    if count:
        low, high = np.percentile(scene.frames, (5, 99.7))
        axes.imshow(
            scene.frames.T,
            cmap="magma",
            vmin=low,
            vmax=max(high, low + 1),
            aspect="auto",
            origin="lower",
            extent=(start, start + count * hop_s, 0, bands),
            interpolation="nearest",
        )
    axes.set_xlim(0, scene.duration)
    axes.set_ylim(0, bands)
    axes.grid(visible=False)
    edges = hertz_to_mel(np.array([front_end.low_hz, front_end.high_hz]))
    step = (edges[1] - edges[0]) / (bands + 1)
    hertz = [each for each in _HERTZ if front_end.low_hz < each < front_end.high_hz]
    places = (hertz_to_mel(np.array(hertz, np.float64)) - edges[0]) / step - 0.5
    axes.set_yticks(places, [f"{each / 1000:g}" for each in hertz])
    axes.set_ylabel("kHz")


def _posteriors(
    axes: Axes,
    scene: Scene,
    trigger: Mapping[str, TriggerSettings],
    coloured: Container[str],
    theme: Theme,
) -> None:
    axes.set_ylim(0, 1.02)
    axes.set_yticks([0, 0.25, 0.5, 0.75, 1])
    axes.set_yticklabels(["0", "", "0.5", "", "1"])
    axes.set_ylabel("posterior")
    keywords = list(trigger)
    for index, keyword in enumerate(keywords):
        colour, line = series(theme, index)
        values = scene.smoothed[:, index]
        if keyword not in coloured:
            axes.plot(scene.times, values, color=theme.line, linewidth=0.8, zorder=1)
            continue
        axes.plot(scene.times, values, color=colour, linestyle=line, label=keyword)
        threshold = trigger[keyword].threshold
        axes.axhline(threshold, color=colour, linestyle=(0, (1, 2)), linewidth=1.1)
    for each in scene.detections:
        colour = series(theme, keywords.index(each.keyword))[0]
        right = each in scene.hits
        axes.plot(
            each.t,
            each.confidence,
            marker="o" if right else "X",
            color=colour if right else theme.bad,
            markeredgecolor=theme.surface,
            markersize=7 if right else 9,
            zorder=4,
            clip_on=False,
        )


def _worth_a_colour(scene: Scene, keywords: Sequence[str]) -> set[str]:
    """Keywords that something happens with; all of them where there are few."""
    if len(keywords) <= MOST_COLOURED:
        return set(keywords)
    peaks = scene.smoothed.max(axis=0, initial=0.0)
    there = {each.keyword for each in scene.words} | {each.keyword for each in scene.detections}
    ranked = sorted(zip(keywords, peaks, strict=True), key=lambda each: -each[1])
    high = [keyword for keyword, peak in ranked if peak >= FLOOR or keyword in there]
    return set(sorted(high, key=lambda each: each not in there)[:MOST_COLOURED])
