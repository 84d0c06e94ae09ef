"""What rivals cost, as a table and as a plot."""

from collections.abc import Sequence
from pathlib import Path
from statistics import median

from bench.installed_rival import Result


def table(results: Sequence[Result]) -> str:
    """The results for people: medians over the rounds."""

    def middle(values: Sequence[float], digits: int) -> str:
        return f"{median(values):.{digits}f}" if values else "-"

    def times(ratio: float | None) -> str:
        return "-" if ratio is None else f"{ratio:.2f}"

    rows = [
        ("", "", "memory", "ratio", "real time", "ratio", "resident", "start", "installed"),
        ("", "detects", "ms/s", "", "ms/s", "", "MB", "s", "MB"),
    ]
    for each in results:
        rows.append(
            (
                each.name,
                each.detects,
                middle(each.memory_ms, 2),
                times(each.memory_ratio),
                middle(each.realtime_ms, 1),
                times(each.realtime_ratio),
                middle(each.resident_mb, 0),
                middle(each.start_s, 2),
                "-" if each.installed_mb is None else f"{each.installed_mb:.0f}",
            )
        )
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        "  ".join(
            f"{cell:>{width}}" if index > 1 else f"{cell:<{width}}"
            for index, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
    lines += [f"{each.name}: {each.failed}" for each in results if each.failed]
    return "\n".join(lines)


def plot(results: Sequence[Result], path: Path) -> None:
    """Draw four figures of each rival as bars."""
    from matplotlib.figure import Figure

    panels = (
        ("CPU from memory, ms/s", [each.memory_ms for each in results]),
        ("CPU as a process in real time, ms/s", [each.realtime_ms for each in results]),
        ("resident memory, MB", [each.resident_mb for each in results]),
        ("installed, MB", [[each.installed_mb or 0.0] for each in results]),
    )
    figure = Figure(figsize=(10, 6), layout="constrained")
    names = [each.name for each in results]
    for axes, (title, rounds) in zip(figure.subplots(2, 2).flat, panels, strict=True):
        values = [median(each) if each else 0.0 for each in rounds]
        bars = axes.barh(names, values, color=_colours(names))
        axes.bar_label(
            bars, [f"{value:,.{0 if value >= 100 else 1}f}" for value in values], padding=3
        )
        axes.margins(x=0.15)
        axes.invert_yaxis()
        axes.set_title(title)
    figure.savefig(path, dpi=120)


def _colours(names: Sequence[str]) -> list[str]:
    return ["C0" if name.startswith("kws") else "0.6" for name in names]
