"""What detection costs: CPU time, memory, start, and the delay of events.

`python -m bench.cost [--data DIR] [--minutes N] [--json]`; `bench/README.md` describes each
figure.
"""

import argparse
import json
import statistics
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

import kws
from bench.command import add_json, number, run_program
from bench.process import Process
from bench.recordings import clips, demo, repeated
from kws.audio.feed import Feed
from kws.audio.ring import Chunk
from kws.config.schema import Config
from kws.engine.batch import Inference
from kws.engine.build import make_spotter
from kws.engine.output import StreamOutput
from kws.engine.stream import Stream as EngineStream
from kws.printing import parse, print_line
from kws.protocol.events import Detected
from kws.serving.hub import Hub
from kws.typing import AudioFormat, Frames
from train.measure.labelled_streams import LabelledStream
from train.measure.scoring import StreamScore, score

BLOCK_S = 0.025
"""Seconds in a block of a microphone."""
STARTS = 5
MEASURED_S = 10.0
_QUEUE = 1_000_000


@dataclass(frozen=True)
class Figure:
    """A measured value beside what is aimed at.

    Attributes:
        name: what was measured.
        value: in `unit`; None where nothing was detected.
        unit: of the value and the aim.
        aim: what the value should be at most; None where there is none.
        at_least: the aim is what the value should be at least.
    """

    name: str
    value: float | None
    unit: str
    aim: float | None = None
    at_least: bool = False

    @property
    def met(self) -> bool | None:
        """Whether the aim is met; None where there is nothing to compare."""
        if self.value is None or self.aim is None:
            return None
        return self.value >= self.aim if self.at_least else self.value <= self.aim


class EagerFeed(Feed):
    """A feed whose reader writes the next blocks itself: a microphone that never has to be
    waited for, all in one thread.

    Args:
        stream: what the microphone delivers.
    """

    def __init__(self, stream: LabelledStream) -> None:
        super().__init__(AudioFormat(stream.sample_rate, 1), time.monotonic)
        self._blocks = _blocks(stream)

    def take(
        self, at_least: int, *, limit: int | None = None, behind: int | None = None
    ) -> Chunk | None:
        """Write blocks until `at_least` frames are there, and take them."""
        written = 0
        while written < at_least and not self.ended:
            block = next(self._blocks, None)
            if block is None:
                self.end()
            else:
                self.write(block)
                written += len(block)
        return super().take(at_least, limit=limit, behind=behind)


def _blocks(stream: LabelledStream) -> Iterator[Frames]:
    step = round(BLOCK_S * stream.sample_rate)
    frames = stream.samples[:, None]
    return (frames[start : start + step] for start in range(0, len(frames), step))


def live(stream: LabelledStream, model: kws.KeywordModel) -> tuple[float, StreamScore]:
    """Process a stream on the daemon's own path.

    Returns:
        CPU seconds of the process, and what was detected.
    """
    spotter = make_spotter(Config(), model)
    hub = Hub("bench", lambda: datetime.now(UTC))
    subscription = hub.subscribe(threading.Event(), _QUEUE)
    inference = Inference(model)
    engine_stream = EngineStream(spotter, StreamOutput("bench", hub), live=True)
    inference.add(engine_stream)
    engine_stream.queue.attach(EagerFeed(stream))
    start = time.process_time()
    inference.work()
    spent = time.process_time() - start
    events = [each.body for each in subscription.take() if each and not isinstance(each, str)]
    detected = [
        kws.Detection(what.keyword, what.confidence, what.t)
        for what in events
        if isinstance(what, Detected)
    ]
    return spent, score(detected, stream.truth, stream.duration)


def process_figures() -> list[Figure]:
    """What the real daemon takes as a process that plays the demo in real time.

    Raises:
        TimeoutError: it does not start.
    """
    starts = []
    for _ in range(STARTS):
        with Process() as process:
            starts.append(process.ready_s)
    with Process() as process:
        time.sleep(MEASURED_S / 2)
        before = process.cpu_seconds()
        time.sleep(MEASURED_S)
        cpu = 1000 * (process.cpu_seconds() - before) / MEASURED_S
        memory = process.resident_bytes() / 1e6
    return [
        Figure("CPU, whole `kws run` process", cpu, "ms/s"),
        Figure("resident memory", memory, "MB", 260),
        Figure("start to ready (median of 5)", statistics.median(starts), "s", 3),
    ]


def measure(stream: LabelledStream, model: kws.KeywordModel) -> tuple[list[Figure], StreamScore]:
    """All figures, and what was detected in the stream.

    Raises:
        TimeoutError: the daemon does not start.
    """
    kws.Spotter(model).push(np.zeros(model.window_samples, np.float32))  # the first takes longer
    spent, result = live(stream, model)
    delays = [1000 * delay for delay in result.delays]
    median, p95 = np.percentile(delays, (50, 95)).tolist() if delays else (None, None)
    figures = [
        Figure("CPU, live path, one thread", 1000 * spent / stream.duration, "ms/s", 5),
        *process_figures(),
        Figure("delay from word end, median", median, "ms", 300),
        Figure("delay from word end, p95", p95, "ms"),
    ]
    return figures, result


def table(figures: Sequence[Figure]) -> str:
    """The figures in columns."""
    rows = [("", "value", "aim", "unit", "")]
    for figure in figures:
        value = "-" if figure.value is None else f"{figure.value:.1f}"
        sign = "≥" if figure.at_least else "≤"
        aim = "" if figure.aim is None else f"{sign} {figure.aim:g}"
        verdict = {True: "met", False: "NOT MET", None: ""}[figure.met]
        rows.append((figure.name, value, aim, figure.unit, verdict))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        f"{row[0]:<{widths[0]}}  {row[1]:>{widths[1]}}  {row[2]:>{widths[2]}}  "
        f"{row[3]:<{widths[3]}}  {row[4]}"
        for row in rows
    ]
    return "\n".join(line.rstrip() for line in lines)


def main() -> None:
    """Measure and print; the exit code is 0 whether or not the aims are met."""
    parser = argparse.ArgumentParser(prog="python -m bench.cost", description=__doc__)
    parser.add_argument(
        "--data", type=Path, metavar="DIR", help="holds speech_commands/<word>/*.wav, as for train"
    )
    parser.add_argument(
        "--minutes", type=number(1, 600), default=30.0, metavar="N", help="default: 30"
    )
    add_json(parser)
    options = parse(parser)
    model = kws.load_model()
    if options.data is None:
        stream = repeated(demo(model.classes), 60 * options.minutes)
    else:
        words = options.data / "speech_commands"
        stream = clips(words, model.classes, model.sample_rate, 60 * options.minutes)
    figures, result = measure(stream, model)
    source = "the bundled demo, repeated (no --data)" if options.data is None else "clips"
    if options.json:
        scored = {name: value for name, value in asdict(result).items() if name != "delays"}
        rows = [
            {**asdict(figure), "value": figure.value and round(figure.value, 3), "met": figure.met}
            for figure in figures
        ]
        found = {"source": source, "stream": scored, "figures": rows}
        print_line(json.dumps(found, ensure_ascii=False))
        return
    print_line(table(figures))
    print_line(
        f"\nstream: {source}; {stream.duration / 60:.1f} min, {len(stream.truth)} words: "
        f"{result.hits} hit, {result.misses} missed, {result.repeats} detected twice or "
        f"beside another word, {result.false_alarms} false alarms"
    )


if __name__ == "__main__":
    run_program(main, one_thread=True)
