"""What it costs to listen: CPU time, speed, memory, start, and the delay of events.

`python -m bench.cost [--data DIR] [--minutes N] [--json]`; `bench/README.md` says what each figure
is.
"""

import argparse
import json
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import cycle
from pathlib import Path

import numpy as np
import soundfile

from bench.process import Process
from kws.audio.feed import Feed
from kws.audio.file import demo_recording
from kws.audio.ring import Chunk
from kws.config.schema import Config
from kws.engine.batch import Inference
from kws.engine.build import make_spotter
from kws.engine.output import StreamOutput
from kws.engine.scan import scan
from kws.engine.stream import Stream as HeardStream
from kws.errors import ConfigError, KwsError
from kws.protocol.events import Detected
from kws.serving.hub import Hub
from kws.spotting.model import KeywordModel
from kws.spotting.model_file import load_model
from kws.spotting.spotter import Detection, warm_up
from kws.typing import AudioFormat, Frames
from train.data.clips import of_split, word_clips
from train.measure.labelled_streams import LabelledStream, Word, build_stream
from train.measure.scoring import StreamScore, score

BLOCK_S = 0.025
"""Seconds in a block of a microphone."""
STARTS = 5
LISTENING_S = 10.0
SEED = 1
_QUEUE = 1_000_000


@dataclass(frozen=True)
class Figure:
    """A measured value beside what is aimed at.

    Attributes:
        name: what was measured.
        value: in `unit`; None where nothing was detected.
        unit: of the value and the aim.
        aim: bound on the value; None where there is none.
        at_least: whether the aim is a lower bound.
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
        stream: what the microphone hears.
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


def clip_stream(
    folder: Path, keywords: Sequence[str], sample_rate: int, duration: float
) -> LabelledStream:
    """A stream of the keywords' validation clips in random order, again when all have been heard.

    Raises:
        ConfigError: the folder holds none.
        AudioFileError: a clip cannot be read.
    """
    clips = [clip for clip in of_split(word_clips(folder), "validation") if clip.word in keywords]
    if not clips:
        raise ConfigError(f"--data {folder}: no validation clips of: {', '.join(keywords)}")
    order = np.random.default_rng(SEED).permutation(len(clips))
    return build_stream(
        cycle([clips[index] for index in order]),
        sample_rate=sample_rate,
        duration=duration,
        seed=SEED,
    )


def demo_stream(keywords: Sequence[str], sample_rate: int, duration: float) -> LabelledStream:
    """The bundled demo recording, again and again.

    Raises:
        ConfigError: the model hears another sample rate than the recording's.
    """
    path = demo_recording()
    samples, rate = soundfile.read(path, dtype="float32")
    if rate != sample_rate:
        raise ConfigError(f"{path}: {rate} Hz, but the model hears {sample_rate} Hz; use --data")
    said = json.loads(path.with_suffix(".json").read_text())["words"]
    rounds = max(1, round(duration * rate / len(samples)))
    seconds = len(samples) / rate
    truth = tuple(
        Word(word["word"], word["start"] + seconds * turn, word["end"] + seconds * turn)
        for turn in range(rounds)
        for word in said
        if word["word"] in keywords
    )
    return LabelledStream(np.tile(samples, rounds), rate, truth)


def live(stream: LabelledStream, model: KeywordModel) -> tuple[float, StreamScore]:
    """Hear a stream on the daemon's own path.

    Returns:
        CPU seconds of the process, and what was heard.
    """
    spotter = make_spotter(Config(), model)
    hub = Hub("bench")
    subscription = hub.subscribe(threading.Event(), _QUEUE)
    inference = Inference(model)
    heard_stream = HeardStream(spotter, StreamOutput("bench", hub), live=True)
    inference.add(heard_stream)
    heard_stream.queue.attach(EagerFeed(stream))
    start = time.process_time()
    inference.work()
    spent = time.process_time() - start
    events = [each.body for each in subscription.take() if each and not isinstance(each, str)]
    heard = [
        Detection(what.keyword, what.confidence, what.t)
        for what in events
        if isinstance(what, Detected)
    ]
    return spent, score(heard, stream.truth, stream.duration)


def scan_seconds(stream: LabelledStream, model: KeywordModel) -> float:
    """Seconds of wall time that `kws.scan` takes for the stream as a 16-bit WAV file."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "stream.wav"
        soundfile.write(path, stream.samples, stream.sample_rate, subtype="PCM_16")
        start = time.perf_counter()
        for _ in scan(path, model):
            pass
        return time.perf_counter() - start


def process_figures() -> list[Figure]:
    """What the real daemon takes as a process that listens to the demo in real time.

    Raises:
        TimeoutError: it does not start.
    """
    starts = []
    for _ in range(STARTS):
        with Process() as process:
            starts.append(process.ready_s)
    with Process() as process:
        time.sleep(LISTENING_S / 2)
        before = process.cpu_seconds()
        time.sleep(LISTENING_S)
        cpu = 1000 * (process.cpu_seconds() - before) / LISTENING_S
        memory = process.resident_bytes() / 1e6
    return [
        Figure("CPU, whole `kws run` process", cpu, "ms/s"),
        Figure("resident memory", memory, "MB", 260),
        Figure("start to ready (median of 5)", statistics.median(starts), "s", 3),
    ]


def measure(stream: LabelledStream, model: KeywordModel) -> tuple[list[Figure], StreamScore]:
    """All figures, and what was heard of the stream.

    Raises:
        TimeoutError: the daemon does not start.
    """
    warm_up(model)
    spent, result = live(stream, model)
    speed = stream.duration / scan_seconds(stream, model)
    delays = [1000 * delay for delay in result.delays]
    median, p95 = np.percentile(delays, (50, 95)).tolist() if delays else (None, None)
    figures = [
        Figure("CPU, live path, one thread", 1000 * spent / stream.duration, "ms/s", 5),
        Figure("scan, one thread", speed, "× real time", 150, at_least=True),
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


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; the exit code is 0 whether or not the aims are met."""
    parser = argparse.ArgumentParser(prog="python -m bench.cost", description=__doc__)
    parser.add_argument(
        "--data", type=Path, metavar="DIR", help="holds speech_commands/<word>/*.wav, as for train"
    )
    parser.add_argument("--minutes", type=float, default=30.0, metavar="N", help="default: 30")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of a table")
    options = parser.parse_args(arguments)
    if not 1 <= options.minutes <= 600:
        parser.error(f"--minutes {options.minutes:g}: should be from 1 to 600")
    try:
        model = load_model()
        what = model.classes, model.sample_rate, 60 * options.minutes
        if options.data is None:
            stream = demo_stream(*what)
        else:
            stream = clip_stream(options.data / "speech_commands", *what)
        figures, result = measure(stream, model)
    except KwsError as error:
        print(f"bench.cost: {error}", file=sys.stderr)
        return 2
    source = "the bundled demo, repeated (no --data)" if options.data is None else "clips"
    if options.json:
        heard = {name: value for name, value in asdict(result).items() if name != "delays"}
        rows = [
            {**asdict(figure), "value": figure.value and round(figure.value, 3), "met": figure.met}
            for figure in figures
        ]
        print(json.dumps({"source": source, "stream": heard, "figures": rows}, ensure_ascii=False))
        return 0
    print(table(figures))
    print(
        f"\nstream: {source}; {stream.duration / 60:.1f} min, {len(stream.truth)} words: "
        f"{result.hits} hit, {result.misses} missed, {result.repeats} heard twice or "
        f"beside another word, {result.false_alarms} false alarms"
    )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
