#!/usr/bin/env python3
"""Draw the demo recording: log-mel spectrogram, posteriors, thresholds and events."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import soundfile

import kws
from kws.audio.file import demo_recording
from kws.spotting.frontend import LogMel

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7")


def main(arguments: Sequence[str] | None = None) -> int:
    """Draw and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, default=Path("docs/demo.png"), metavar="FILE")
    options = parser.parse_args(arguments)
    try:
        draw(options.output)
    except ImportError as error:
        print(f"{error.name} is missing: pip install {error.name}", file=sys.stderr)
        return 2
    return 0


def draw(output: Path) -> None:
    """Write the picture.

    Raises:
        ImportError: matplotlib is not installed.
    """
    from matplotlib import pyplot

    model = kws.load_model()
    samples, rate = soundfile.read(demo_recording(), dtype="float32")
    spotter = kws.Spotter(model)
    hop = round(spotter.hop_s * rate)
    times, smoothed, detections = [], [], []
    for start in range(0, len(samples), hop):
        detections += spotter.push(samples[start : start + hop])
        times.append(spotter.position / rate)
        smoothed.append(list(spotter.smoothed.values()))
    detections += spotter.finish()

    figure, (above, below) = pyplot.subplots(
        2, sharex=True, figsize=(12, 5), height_ratios=(1, 1.2), layout="constrained"
    )
    frames = LogMel(model.header.front_end)(samples).T
    seconds = len(samples) / rate
    above.imshow(np.clip(frames, -8, 4), aspect="auto", origin="lower", extent=(0, seconds, 0, 40))
    above.set_ylabel("mel band")
    for index, keyword in enumerate(model.classes):
        colour = COLOURS[index % len(COLOURS)]
        below.plot(times, np.array(smoothed)[:, index], color=colour)
        threshold = spotter.thresholds[keyword]
        below.axhline(threshold, color=colour, linestyle=":", linewidth=0.8)
        for detection in (each for each in detections if each.keyword == keyword):
            below.annotate(
                keyword,
                (detection.t, detection.confidence),
                (detection.t, 1.06),
                color=colour,
                ha="center",
                arrowprops={"arrowstyle": "-", "color": colour},
            )
    below.set(xlabel="seconds", ylabel="smoothed posterior", ylim=(0, 1.18), xlim=(0, seconds))
    output.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(output, dpi=80)


if __name__ == "__main__":
    sys.exit(main())
