"""A microphone, live: a level meter and the posterior of each keyword."""

import math
import shutil
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np

from kws.audio.feed import Feed
from kws.audio.reader import Reader
from kws.audio.source import Source
from kws.audio.timeout import run_with_timeout
from kws.printing import print_line, print_text
from kws.spotting.spotter import Spotter
from kws.typing import Clock, Frames

LOWEST_DB = -60.0
"""Level at the meter's left end, dB below full scale."""
_METER_WIDTH = 24
_LINE_SECONDS = 1.0
"""Between two lines where there is no terminal to draw on."""


@dataclass(frozen=True)
class Reading:
    """Level and posteriors of one hop.

    Attributes:
        level_db: of the loudest sample, dB relative to full scale; minus infinity for silence.
        smoothed: posterior of each keyword, as the trigger sees it.
        detected: keywords that fired.
    """

    level_db: float
    smoothed: Mapping[str, float]
    detected: tuple[str, ...]


def level_db(frames: Frames) -> float:
    """Level of the loudest sample, dB relative to full scale; minus infinity for silence."""
    peak = float(np.abs(frames).max(initial=0.0))
    return 20 * math.log10(peak) if peak > 0 else -math.inf


def line(reading: Reading, thresholds: Mapping[str, float], columns: int) -> str:
    """A line for people, no longer than `columns`.

    What fired is in brackets; the number after each keyword is its posterior, and its threshold
    stands behind a slash.
    """
    share = (max(reading.level_db, LOWEST_DB) - LOWEST_DB) / -LOWEST_DB
    filled = round(min(share, 1.0) * _METER_WIDTH)
    level = " silence" if math.isinf(reading.level_db) else f"{reading.level_db:5.0f} dB"
    meter = f"{level} |{'#' * filled:{_METER_WIDTH}}|"
    words = [
        f"[{word}] {reading.smoothed[word]:.2f}/{threshold:.2f}"
        if word in reading.detected
        else f" {word}  {reading.smoothed[word]:.2f}/{threshold:.2f}"
        for word, threshold in thresholds.items()
    ]
    return " ".join((meter, *words))[:columns]


def readings(feed: Feed, spotter: Spotter) -> Iterator[Reading]:
    """A reading for each hop, until the feed is exhausted.

    Raises:
        DeviceError: the source was lost.
    """
    hop_s = spotter.hop_s
    reader = Reader(feed, spotter.model.sample_rate, block_s=hop_s, limit_s=hop_s)
    while (block := reader.read()) is not None:
        if block.lost:
            spotter.skip(block.lost)
        keywords = tuple(each.keyword for each in spotter.push(block.samples))
        yield Reading(level_db(block.frames), spotter.smoothed, keywords)
    if feed.error is not None:
        raise feed.error


def run_meter(source: Source, spotter: Spotter, clock: Clock = time.monotonic) -> None:
    """Draw the audio of a source until it is lost or the command is interrupted.

    Raises:
        DeviceError: it cannot be opened, or was lost.
        HungError: the audio system hangs.
    """
    feed = Feed(run_with_timeout(source.open), clock)
    print(
        f"{source.kind} {source.name!r}: {feed.format.sample_rate} Hz, {feed.format.channels} "
        "channel(s); keyword posterior/threshold, [keyword] where it fires; Ctrl-C ends",
        file=sys.stderr,
    )
    run_with_timeout(partial(source.start, feed))
    terminal = sys.stdout.isatty()
    printed_at = -math.inf
    loudest: Reading | None = None
    try:
        for reading in readings(feed, spotter):
            if terminal:
                text = line(reading, spotter.thresholds, shutil.get_terminal_size().columns - 1)
                print_text(f"\r\x1b[K{text}")
                continue
            if loudest is None or reading.detected or reading.level_db > loudest.level_db:
                loudest = reading
            if clock() - printed_at >= _LINE_SECONDS or reading.detected:
                print_line(line(loudest, spotter.thresholds, 10_000))
                printed_at, loudest = clock(), None
    except KeyboardInterrupt:
        feed.end()
    finally:
        if terminal:
            print_line("")
        run_with_timeout(source.stop)
