"""The page of a report: one HTML file that needs nothing from elsewhere."""

import base64
import hashlib
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import jinja2
from markupsafe import Markup

import kws
from kws.spotting.calibration import rounded
from train.fitting.progress import duration
from train.measure.stream_table import notes
from train.reporting import verdict
from train.reporting.drawing import FOLDER, STYLESHEET
from train.reporting.findings import Findings, is_promised
from train.reporting.plots import Plots

MANY = 8
"""More keywords than that do not fit beside each other."""
MOST_LISTED = 8
NOTHING = "–"


def page(found: Findings, plots: Plots) -> str:
    """The page as HTML."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(FOLDER),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "base64": lambda content: base64.b64encode(content).decode(),
        "clock": _clock,
        "counts": _counts,
        "duration": duration,
        "false_alarms": lambda tallies: {word: each.false_alarms for word, each in tallies.items()},
        "interval": verdict.interval,
        "percent": lambda share: NOTHING if share is None else verdict.percent(share),
        "rounded": lambda figure: NOTHING if figure is None else rounded(figure),
        "seconds": lambda delay: NOTHING if delay is None else f"{delay:.2f} s",
    }
    script = (FOLDER / "report.js").read_text(encoding="utf-8")
    streams, header = found.streams, found.model.header
    return environment.get_template("report.html.j2").render(
        found=found,
        plots=plots,
        streams=streams,
        header=header,
        style=Markup(STYLESHEET),
        script=Markup(script),
        script_digest=hashlib.sha256(script.encode()).digest(),
        verdict=verdict,
        notes=notes(streams),
        few=len(streams.trigger) <= MANY,
        spoken=streams.of_kind("words", "words in speech"),
        is_promised=is_promised,
        settings=dict(_flat({**header.training, "history": {}})),
        now=datetime.now(UTC),
        version=kws.__version__,
    )


def _counts(counts: Mapping[str, int]) -> str:
    """Keywords with their counts, the highest first."""
    some = sorted((each for each in counts.items() if each[1]), key=lambda each: -each[1])
    listed = ", ".join(f"{word} {count}" for word, count in some[:MOST_LISTED]) or NOTHING
    return listed + (", …" if len(some) > MOST_LISTED else "")


def _clock(seconds: float) -> str:
    minutes, rest = divmod(max(0.0, seconds), 60)
    return f"{minutes:.0f}:{rest:05.2f} min"


def _flat(settings: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, str]]:
    """Names and values of nested settings."""
    for key, value in settings.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{before}{key}.")
        elif isinstance(value, list | tuple):
            yield f"{before}{key}", ", ".join(map(str, value)) or "none"
        else:
            yield f"{before}{key}", str(value)
