"""From the last sample of a word to its event at a subscriber, and where that time goes.

`python -m bench.latency [--subscribers N,...] [--words N] [--daemon DIR]... [--json FILE]`;
`bench/README.md` describes each figure.
"""

import argparse
import json
import math
import os
import subprocess
import sys
import time
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Any

import numpy as np

import kws
from bench.checkout import OWN, Checkout
from bench.command import add_checkouts, add_json_file, run_program, write_rows
from bench.process import MeasuredProcess, pace
from bench.recordings import pcm, words_between_pauses
from bench.subscribers import Message
from kws.printing import parse, print_line
from tests.support.limits import TIMEOUT
from tests.support.process import Lines
from train.measure.labelled_streams import LabelledStream, Word

BLOCK_S = 0.025
"""Seconds in a block, as a sound card delivers them."""
LATEST_S = 1.0
"""Seconds after a word's end in which its event still counts as its own."""
_EPSILON_S = 1e-6


@dataclass(frozen=True)
class Delay:
    """Where the time went from a word's end to its event, in seconds; the parts add up.

    Attributes:
        hop_wait: until the first window that contains the word's end was complete.
        window_fill: from then to the first window whose posterior reached the threshold;
            negative where the network recognised the word before it ended.
        trigger: from that window to the one that fired: smoothing and patience.
        compute: from the firing window's last sample in the ring to the event in the hub.
        socket: from the hub to the subscriber's socket.
    """

    hop_wait: float
    window_fill: float
    trigger: float
    compute: float
    socket: float

    @property
    def total(self) -> float:
        """From the word's last sample in the ring to the event at the subscriber."""
        return self.hop_wait + self.window_fill + self.trigger + self.compute + self.socket


PARTS = ("hop_wait", "window_fill", "trigger", "compute", "socket", "total")


class Posteriors:
    """What the model makes of each window of a stream, computed apart from the daemon.

    Args:
        stream: that the daemon gets.
        model: that it uses.
    """

    def __init__(self, stream: LabelledStream, model: kws.KeywordModel) -> None:
        spotter = kws.Spotter(model)
        self._first = model.window_samples / model.sample_rate
        self._hop = spotter.hop_s
        self._thresholds = spotter.thresholds
        self._index = {keyword: at for at, keyword in enumerate(model.classes)}
        self._rows: list[list[float]] = model.posteriors(spotter.windows(stream.samples)).tolist()

    def first_window(self, seconds: float) -> float:
        """End of the first window that ends at or after a moment of the stream."""
        hops = math.ceil((seconds - self._first) / self._hop - _EPSILON_S)
        return self._first + max(0, hops) * self._hop

    def first_above(self, word: Word, fired: float) -> float:
        """End of the first window of a word whose posterior reaches the threshold.

        Args:
            word: it ends after the word's start.
            fired: end of the window that the word's event came of; the latest it can be.
        """
        begin = self.first_window(word.start)
        for hop in range(round((fired - begin) / self._hop)):
            end = begin + hop * self._hop
            row = self._rows[round((end - self._first) / self._hop)]
            if row[self._index[word.keyword]] >= self._thresholds[word.keyword]:
                return end
        return fired


class Clocks:
    """When audio entered the ring and events were published, as `bench.timed_daemon` wrote it.

    Args:
        lines: that it wrote.
        sample_rate: of the ring.
    """

    def __init__(self, lines: Iterable[str], sample_rate: int) -> None:
        rows = [line.split() for line in lines]
        blocks = [(int(count), float(when)) for kind, count, when in rows if kind == "ring"]
        self._ends = [frames / sample_rate for frames in accumulate(count for count, _ in blocks)]
        self._times = [when for _, when in blocks]
        self.published = {int(seq): float(when) for kind, seq, when in rows if kind == "event"}

    def in_ring(self, seconds: float) -> float:
        """When the ring held the stream up to there."""
        return self._times[min(bisect_left(self._ends, seconds - _EPSILON_S), len(self._ends) - 1)]


@dataclass(frozen=True)
class Row:
    """What one number of subscribers cost.

    Attributes:
        daemon: name of the checkout.
        subscribers: connected.
        words: spoken.
        detected: of them.
        received: deliveries of their events; detected × subscribers, if none was lost.
        delays_ms: of each part and of their total: median, 95th and 99th percentile,
            milliseconds, over all deliveries.
    """

    daemon: str
    subscribers: int
    words: int
    detected: int
    received: int
    delays_ms: dict[str, tuple[float, float, float]]


def run(checkout: Checkout, count: int, stream: LabelledStream, posteriors: Posteriors) -> Row:
    """Play a stream to a daemon with subscribers, in real time.

    Raises:
        TimeoutError: daemon or subscribers do not start, or do not end.
    """
    reading, writing = os.pipe()
    with ExitStack() as stack:
        timed = str(Path(__file__).with_name("timed_daemon.py"))
        options = ("--log-format", "json", "--set", "server.port=0", "--source", "-")
        limit = f"server.max_connections={count + 10}"
        arguments = checkout.command("run", *options, "--set", limit)
        python, _, _, *arguments = arguments
        daemon = stack.enter_context(
            MeasuredProcess(
                [python, timed, str(writing), *arguments],
                folder=checkout.folder,
                stdin=subprocess.PIPE,
                pass_fds=(writing,),
            )
        )
        os.close(writing)
        clocks = Lines(os.fdopen(reading, "rb"))
        command = [sys.executable, "-m", "bench.subscribers", str(daemon.port), str(count)]
        readers = stack.enter_context(MeasuredProcess(command, stdout=subprocess.PIPE))
        assert readers.process.stdout is not None
        came = Lines(readers.process.stdout)
        _play(daemon, stream)
        daemon.process.wait(TIMEOUT)
        readers.process.wait(TIMEOUT)
        received = [json.loads(line) for line in came.finish()]
        delays, detected = _delays(
            received, stream, posteriors, Clocks(clocks.finish(), stream.sample_rate)
        )
    found = {part: _percentiles([getattr(each, part) for each in delays]) for part in PARTS}
    return Row(checkout.name, count, len(stream.truth), detected, len(delays), found)


def _play(daemon: MeasuredProcess, stream: LabelledStream) -> None:
    """Feed a stream through standard input in real time, to its end."""
    pipe = daemon.process.stdin
    assert pipe is not None
    audio, step = pcm(stream.samples), 2 * round(BLOCK_S * stream.sample_rate)
    begin = time.monotonic()
    for index, at in enumerate(range(0, len(audio), step)):
        time.sleep(pace(BLOCK_S, begin, index))
        pipe.write(audio[at : at + step])
        pipe.flush()
    pipe.close()


def _delays(
    received: Sequence[dict[str, Any]],
    stream: LabelledStream,
    posteriors: Posteriors,
    clocks: Clocks,
) -> tuple[list[Delay], int]:
    """The delays of all deliveries, and how many words were detected."""
    waiting = list(stream.truth)
    delays = []
    for each in received:
        event: Message = each["event"]
        if event["type"] != "detection":
            continue
        fired = event["t"]
        word = next((word for word in waiting if _is_of(fired, event["keyword"], word)), None)
        if word is None:
            continue
        waiting.remove(word)
        spoken = clocks.in_ring(word.end)
        containing = clocks.in_ring(posteriors.first_window(word.end))
        above = clocks.in_ring(posteriors.first_above(word, fired))
        complete, published = clocks.in_ring(fired), clocks.published[event["seq"]]
        delays += [
            Delay(
                containing - spoken,
                above - containing,
                complete - above,
                published - complete,
                arrived - published,
            )
            for arrived in each["arrivals"]
        ]
    return delays, len(stream.truth) - len(waiting)


def _is_of(fired: float, keyword: str, word: Word) -> bool:
    return word.keyword == keyword and word.start <= fired <= word.end + LATEST_S


def _percentiles(seconds: Sequence[float]) -> tuple[float, float, float]:
    if not seconds:
        return (math.nan, math.nan, math.nan)
    median, p95, p99 = (1_000 * np.percentile(seconds, (50, 95, 99))).round(3).tolist()
    return median, p95, p99


def table(row: Row) -> str:
    """A row for people."""
    lines = [
        f"{row.daemon}, {row.subscribers} subscribers: {row.detected} of {row.words} words "
        f"detected, {row.received} deliveries",
        f"{'ms':12} {'median':>8} {'95 %':>8} {'99 %':>8}",
    ]
    for part, values in row.delays_ms.items():
        lines.append(f"{part.replace('_', ' '):12} " + " ".join(f"{each:8.1f}" for each in values))
    return "\n".join(lines)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m bench.latency", description=__doc__)
    parser.add_argument("--subscribers", default="1,10,200", metavar="N,...")
    parser.add_argument("--words", type=int, default=150, metavar="N", help="default: 150")
    add_checkouts(parser)
    add_json_file(parser)
    options = parse(parser)
    stream = words_between_pauses(options.words)
    posteriors = Posteriors(stream, kws.load_model())
    rows = []
    for count in map(int, options.subscribers.split(",")):
        for checkout in options.daemon or [OWN]:
            rows.append(run(checkout, count, stream, posteriors))
            print_line(table(rows[-1]) + "\n")
    write_rows(rows, options.json)


if __name__ == "__main__":
    run_program(main)
