"""An example along its time: what is said, the spectrogram, posteriors and detections."""

from collections.abc import Container, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MultipleLocator

from kws.spotting.frontend import FrontEndSettings, hertz_to_mel
from kws.spotting.trigger import TriggerSettings
from train.reporting.drawing import CENTRED, COLOURS, Drawing, draw, keyword_track
from train.reporting.examples import Example

FLOOR = 0.15
"""Posterior below which a keyword that nobody says gets no colour of its own."""
MOST_COLOURED = 8
_LEFT, _RIGHT = 0.6, 0.15
"""Inches beside the axes."""
_HEIGHTS = (0.3, 1.25, 1.45)
"""Inches of words, spectrogram and posteriors."""
_BELOW, _GAP, _ABOVE = 0.45, 0.1, 0.3
"""Inches below, between and above the axes; above for each row of the legend."""
_COMPACT: dict[str, Any] = {"borderaxespad": 0.3, "columnspacing": 1.2, "handlelength": 1.4}
_HERTZ = (500, 1000, 2000, 4000, 8000)


def draw_timeline(
    name: str,
    example: Example,
    front_end: FrontEndSettings,
    trigger: Mapping[str, TriggerSettings],
    width: float,
) -> Drawing:
    """Draw an example; the settings of the trigger are in the model's order, the width is in inches
    of 100 CSS pixels."""
    keywords = list(trigger)
    coloured = _coloured(example, keywords)
    columns = 4 if width < 8 else MOST_COLOURED
    above = _ABOVE * max(1, -(-len(coloured) // columns))
    height = _BELOW + sum(_HEIGHTS) + 2 * _GAP + above
    left, right = _LEFT / width, 1 - _RIGHT / width

    def paint(figure: Figure) -> None:
        figure.set_layout_engine("none")
        edges = {"left": left, "right": right, "bottom": _BELOW / height, "top": 1 - above / height}
        grid = {**edges, "hspace": 3 * _GAP / sum(_HEIGHTS), "height_ratios": _HEIGHTS}
        words, spectrogram, posteriors = figure.subplots(3, sharex=True, gridspec_kw=grid)
        _draw_words(words, example, keywords)
        _draw_spectrogram(spectrogram, example, front_end)
        _draw_posteriors(posteriors, example, trigger, coloured)
        posteriors.set_xlim(0, example.duration)
        posteriors.xaxis.set_major_locator(MultipleLocator(5 if example.duration > 10 else 0.5))
        posteriors.xaxis.set_major_formatter("{x:g}")
        posteriors.set_xlabel("seconds")
        corner = {"loc": "upper right", "bbox_to_anchor": (right, 1.0), "ncols": columns}
        figure.legend(*posteriors.get_legend_handles_labels(), **corner, **_COMPACT)

    drawing = draw(name, _described(example, keywords), (width, height), paint)
    return replace(drawing, span=(left, right))


def _draw_words(axes: Axes, example: Example, keywords: Sequence[str]) -> None:
    """What is said, each word from its start to its end; what was missed is crossed out."""
    axes.set_ylim(0, 1)
    axes.set_yticks([0.5], ["said"])
    axes.grid(visible=False)
    axes.spines[:].set_visible(False)
    for word in example.words:
        known = word.keyword in keywords
        colour = keyword_track(keywords.index(word.keyword))[0] if known else COLOURS["muted"]
        missed = word in example.missed
        axes.axvspan(word.start, word.end, color=colour, alpha=0.1 if missed else 0.3, linewidth=0)
        middle = np.clip((word.start + word.end) / 2, 0, example.duration)
        text = f"{word.keyword} ✗" if missed else word.keyword
        colour, weight = (COLOURS["bad"], "bold") if missed else (COLOURS["ink"], "normal")
        axes.text(middle, 0.48, text, color=colour, weight=weight, clip_on=True, **CENTRED)


def _draw_spectrogram(axes: Axes, example: Example, front_end: FrontEndSettings) -> None:
    bands = front_end.bands
    hop_s = front_end.hop_length / front_end.sample_rate
    # Each frame is drawn around its middle.
    start = (front_end.frame_length / front_end.sample_rate - hop_s) / 2
    if len(example.frames):
        low, high = np.percentile(example.frames, (5, 99.7))
        extent = (start, start + len(example.frames) * hop_s, 0, bands)
        axes.imshow(example.frames.T, vmin=low, vmax=max(high, low + 1), extent=extent)
    axes.set_ylim(0, bands)
    axes.grid(visible=False)
    edges = hertz_to_mel(np.array([front_end.low_hz, front_end.high_hz]))
    step = (edges[1] - edges[0]) / (bands + 1)
    hertz = [each for each in _HERTZ if front_end.low_hz < each < front_end.high_hz]
    places = (hertz_to_mel(np.array(hertz, np.float64)) - edges[0]) / step - 0.5
    axes.set_yticks(places, [f"{each / 1000:g}" for each in hertz])
    axes.set_ylabel("kHz")


def _draw_posteriors(
    axes: Axes,
    example: Example,
    trigger: Mapping[str, TriggerSettings],
    coloured: Container[str],
) -> None:
    axes.set_ylim(0, 1.02)
    axes.set_yticks([0, 0.25, 0.5, 0.75, 1], ["0", "", "0.5", "", "1"])
    axes.set_ylabel("posterior")
    colours: dict[str, str] = {}
    for index, (keyword, values) in enumerate(zip(trigger, example.smoothed.T, strict=True)):
        colours[keyword], line = keyword_track(index)
        if keyword not in coloured:
            axes.plot(example.times, values, color=COLOURS["line"], linewidth=0.8, zorder=1)
            continue
        colour = colours[keyword]
        axes.plot(example.times, values, color=colour, linestyle=line, label=keyword)
        level = trigger[keyword].threshold
        axes.axhline(level, color=colour, linestyle=(0, (1, 2)), linewidth=1.1)
    for each in example.detections:
        hit = each in example.hits
        colour = colours[each.keyword] if hit else COLOURS["bad"]
        edge: dict[str, Any] = {"markeredgecolor": COLOURS["surface"], "clip_on": False}
        marker, size = ("o", 7) if hit else ("X", 9)
        axes.plot(each.t, each.confidence, marker, color=colour, markersize=size, zorder=4, **edge)


def _coloured(example: Example, keywords: Sequence[str]) -> set[str]:
    """Keywords that something happens with; all of them where there are few."""
    if len(keywords) <= MOST_COLOURED:
        return set(keywords)
    there = {each.keyword for each in example.words} | {each.keyword for each in example.detections}
    ranked = [word for word, peak in example.peaks(keywords) if peak >= FLOOR or word in there]
    return set(sorted(ranked, key=lambda each: each not in there)[:MOST_COLOURED])


def _described(example: Example, keywords: Sequence[str]) -> str:
    """An example in words."""
    said = [
        f"{word.keyword} at {word.start:.1f} s" + (" (missed)" if word in example.missed else "")
        for word in example.words
    ]
    detected = [
        f"{each.keyword} at {each.t:.1f} s" + ("" if each in example.hits else " (wrong)")
        for each in example.detections
    ]
    highest = (f"{word} {peak:.2f}" for word, peak in example.peaks(keywords)[:4])
    return (
        f"Spectrogram and posteriors of {example.duration:.1f} s. "
        f"Said: {', '.join(said) or 'no known word'}. "
        f"Detected: {', '.join(detected) or 'nothing'}. "
        f"Highest posteriors: {', '.join(highest)}."
    )
