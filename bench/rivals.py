"""What kws and other spotters cost, in one run on the same recording, one thread each.

`python -m bench.rivals [--recording FILE] [--rounds N] [--seconds S] [--json FILE] [--plot FILE]`;
`bench/README.md` says what each figure is.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median

from bench.checkout import OWN, Checkout
from bench.environments import (
    Environment,
    NotInstalledError,
    cache_folder,
    with_kws,
    with_packages,
)
from bench.process import MeasuredProcess, one_thread, pace
from bench.recordings import RATE, demo, pcm, read
from kws.errors import KwsError
from tests.support.limits import TIMEOUT
from tests.support.process import Lines

YARDSTICK = "pymicro-wakeword"
"""The rival that the others are compared with."""
BLOCK_S = 0.05
"""Seconds of sound that a process in real time gets at once."""
SETTLING_S = 2.0
_MODELS_OF = "pyopen-wakeword"
"""openWakeWord downloads its models when it first runs; this package has the same ones in it."""


@dataclass(frozen=True)
class Rival:
    """A program or library that detects words.

    Attributes:
        name: of it; what `bench.rival_loop` calls it.
        detects: how many words or phrases.
        requirements: packages, each at a version; of kws none: it comes from a checkout.
        extra: of the kws package.
    """

    name: str
    detects: str
    requirements: tuple[str, ...] = ()
    extra: str = ""

    @property
    def engine(self) -> str | None:
        """Of kws: its engine; None where this is another program."""
        return None if self.requirements else self.name.removeprefix("kws-")


RIVALS = (
    Rival("kws-onnx", "10 words"),
    Rival("kws-torch", "10 words", extra="torch"),
    Rival(
        "pymicro-wakeword",
        "1 phrase",
        ("pymicro-wakeword==2.5.0", "pymicro-features==2.0.2", "numpy==2.4.6"),
    ),
    Rival("pyopen-wakeword", "1 phrase", ("pyopen-wakeword==1.1.0", "numpy==2.4.6")),
    # tflite-runtime is built for numpy 1.
    Rival(
        "openwakeword",
        "1 phrase",
        ("openwakeword==0.6.0", "numpy==1.26.4", "tflite-runtime==2.14.0", "onnxruntime==1.23.2"),
    ),
    Rival("pocketsphinx", "10 words", ("pocketsphinx==5.1.1",)),
)


@dataclass
class Result:
    """What a rival cost; of each list, one value a round.

    Attributes:
        name: of the rival.
        detects: how many words or phrases.
        versions: of its packages.
        failed: why it could not be measured; empty where it was.
        memory_ms: CPU milliseconds per second of audio, from memory, all threads.
        memory_ratio: median over the rounds of that by what the yardstick took in the same round.
        detections: in the recording.
        realtime_ms: CPU milliseconds per second as a process in real time.
        realtime_ratio: as `memory_ratio`.
        resident_mb: resident memory of that process at its end, 10^6 bytes.
        start_s: seconds from its start until it waited for sound.
        installed_mb: its site-packages, 10^6 bytes.
    """

    name: str
    detects: str
    versions: dict[str, str] = field(default_factory=dict)
    failed: str = ""
    memory_ms: list[float] = field(default_factory=list)
    memory_ratio: float | None = None
    detections: int | None = None
    realtime_ms: list[float] = field(default_factory=list)
    realtime_ratio: float | None = None
    resident_mb: list[float] = field(default_factory=list)
    start_s: list[float] = field(default_factory=list)
    installed_mb: float | None = None


class Contender:
    """A rival in its environment.

    Args:
        rival: which.
        checkout: of kws.
        cache: folder of the environments.

    Attributes:
        rival: which.
        result: what it cost so far.
    """

    def __init__(self, rival: Rival, checkout: Checkout, cache: Path) -> None:
        self.rival = rival
        self.result = Result(rival.name, rival.detects)
        self._models = cache / _MODELS_OF
        self._settings = checkout.settings
        self._loop: MeasuredProcess | None = None
        try:
            self._environment = self._install(checkout, cache)
            self.result.versions = self._environment.versions()
            self.result.installed_mb = self._installed_bytes() / 1e6
        except NotInstalledError as error:
            self.result.failed = f"cannot be installed: {error}"

    @property
    def measured(self) -> bool:
        """Whether nothing has failed so far."""
        return not self.result.failed

    def open_loop(self, stack: ExitStack, recording: Path) -> None:
        """Start the process whose loop is fed from memory."""
        try:
            self._loop = stack.enter_context(
                MeasuredProcess(
                    self._loop_command(str(recording)),
                    folder=recording.parent,
                    variables=one_thread(),
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                )
            )
        except TimeoutError as error:
            self.result.failed = f"does not start: {error}"
            return
        assert self._loop.process.stdout is not None
        self._answers = Lines(self._loop.process.stdout)

    def from_memory(self, seconds: float) -> None:
        """Let the loop process the recording of so many seconds once."""
        assert self._loop is not None
        assert self._loop.process.stdin is not None
        rounds = len(self.result.memory_ms) + 1
        try:
            self._loop.process.stdin.write(b"\n")
            self._loop.process.stdin.flush()
            answer = json.loads(self._answers.first(rounds, TIMEOUT + seconds)[-1])
        except (TimeoutError, BrokenPipeError):
            self._loop.end()
            self.result.failed = f"fails: {self._loop.last_words()}"
            return
        self.result.memory_ms.append(1_000 * answer["cpu_s"] / seconds)
        self.result.detections = answer["detections"]

    def in_real_time(self, audio: bytes, seconds: float) -> None:
        """Run it as a process that is fed in real time.

        Args:
            audio: 16-bit samples; from the start again at their end.
            seconds: that are measured, after some for settling.
        """
        with self._process() as process:
            self.result.start_s.append(process.ready_s)
            feeding = _fed(process, audio, SETTLING_S)
            next(feeding)
            before, begun = process.cpu_seconds(), time.monotonic()
            for _ in feeding:
                if time.monotonic() - begun >= seconds:
                    break
            spent, took = process.cpu_seconds() - before, time.monotonic() - begun
            self.result.realtime_ms.append(1_000 * spent / took)
            self.result.resident_mb.append(process.resident_bytes() / 1e6)

    def _process(self) -> MeasuredProcess:
        if self.rival.engine is None:
            command = self._loop_command("-")
        else:
            options = ("--log-format", "json", "--set", "server.port=0", "--source", "-")
            command = [str(self._environment.python), "-m", "kws", "run", *options]
            for each in ("model.path=commands-10", *self._settings):
                command += ["--set", each]
        return MeasuredProcess(
            command,
            folder=self._environment.folder,
            variables=one_thread(),
            stdin=subprocess.PIPE,
        )

    def _loop_command(self, source: str) -> list[str]:
        script = Path(__file__).with_name("rival_loop.py")
        models = self._model_files()[0].parent if self.rival.name == "openwakeword" else Path()
        return [str(self._environment.python), str(script), self.rival.name, source, str(models)]

    def _install(self, checkout: Checkout, cache: Path) -> Environment:
        """Make its environment.

        Raises:
            NotInstalledError: that cannot be done.
        """
        folder = cache / self.rival.name
        if self.rival.engine is None:
            return with_packages(folder, self.rival.requirements)
        environment = with_kws(folder, checkout, self.rival.extra)
        setting = f"model.engine={self.rival.engine}"
        checked = subprocess.run(
            [str(environment.python), "-m", "kws", "check", "--set", setting],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if not checked.returncode:
            self._settings += (setting,)
        elif self.rival.engine != "torch" or "model.engine" not in checked.stderr:
            raise NotInstalledError(checked.stderr.strip().splitlines()[-1])
        return environment

    def _model_files(self) -> list[Path]:
        """What openWakeWord would have downloaded.

        Raises:
            NotInstalledError: it cannot be had.
        """
        names = ("okay_nabu", "melspectrogram", "embedding_model")
        source = next(each for each in RIVALS if each.name == _MODELS_OF)
        packages = with_packages(self._models, source.requirements).site_packages
        return [packages / "pyopen_wakeword" / "models" / f"{name}.tflite" for name in names]

    def _installed_bytes(self) -> int:
        files = self._model_files() if self.rival.name == "openwakeword" else []
        return self._environment.installed_bytes() + sum(each.stat().st_size for each in files)


def _fed(process: MeasuredProcess, audio: bytes, settling_s: float) -> Iterator[None]:
    """Feed a process in real time, for ever; gives way once it has settled, and at each block."""
    assert process.process.stdin is not None
    step = 2 * round(BLOCK_S * RATE)
    begin, index = time.monotonic(), 0
    while True:
        at = index * step % (len(audio) - step + 1)
        time.sleep(pace(BLOCK_S, begin, index))
        process.process.stdin.write(audio[at : at + step])
        process.process.stdin.flush()
        index += 1
        if index * BLOCK_S >= settling_s:
            yield


@contextmanager
def _on_one_core() -> Iterator[None]:
    """Children that are started inside stay on one core: no library gets a second thread's."""
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(before)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def compare(
    rivals: Sequence[Rival],
    checkout: Checkout,
    cache: Path,
    audio: bytes,
    rounds: int,
    seconds: float,
) -> list[Result]:
    """Measure all rivals, in turns.

    Args:
        rivals: which.
        checkout: of kws.
        cache: folder of the environments.
        audio: 16-bit samples at 16 kHz.
        rounds: of each.
        seconds: in real time, in each round.
    """
    contenders = []
    for rival in rivals:
        print(f"installing {rival.name}", file=sys.stderr)
        contenders.append(Contender(rival, checkout, cache))
    duration = len(audio) / 2 / RATE
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        recording = Path(folder) / "recording.raw"
        recording.write_bytes(audio)
        with _on_one_core():
            for each in contenders:
                if each.measured:
                    each.open_loop(stack, recording)
        for number in range(rounds):
            print(f"round {number + 1} of {rounds}", file=sys.stderr)
            running = [each for each in contenders if each.measured]
            for each in running:
                each.from_memory(duration)
    for number in range(rounds):
        print(f"round {number + 1} of {rounds} in real time", file=sys.stderr)
        for each in (each for each in contenders if each.measured):
            try:
                each.in_real_time(audio, seconds)
            except (TimeoutError, BrokenPipeError) as error:
                each.result.failed = f"fails as a process: {error}"
    results = [each.result for each in contenders]
    yardstick = next((each for each in results if each.name == YARDSTICK), None)
    if yardstick is None:
        return results
    for result in results:
        result.memory_ratio = _ratio(result.memory_ms, yardstick.memory_ms)
        result.realtime_ratio = _ratio(result.realtime_ms, yardstick.realtime_ms)
    return results


def _ratio(values: Sequence[float], others: Sequence[float]) -> float | None:
    pairs = list(zip(values, others, strict=False))
    return median(value / other for value, other in pairs) if pairs else None


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
    """Draw four figures of each rival as bars, on logarithmic axes."""
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
        axes.bar_label(bars, fmt="%.3g", padding=3)
        axes.set_xscale("log")
        axes.margins(x=0.2)
        axes.invert_yaxis()
        axes.set_title(title)
    figure.savefig(path, dpi=120)


def _colours(names: Sequence[str]) -> list[str]:
    return ["C0" if name.startswith("kws") else "0.6" for name in names]


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m bench.rivals", description=__doc__)
    parser.add_argument("--recording", type=Path, metavar="FILE", help="default: the demo")
    parser.add_argument("--checkout", type=Checkout.parse, default=OWN, metavar="DIR", help="kws")
    parser.add_argument("--rounds", type=int, default=5, metavar="N", help="default: 5")
    parser.add_argument(
        "--seconds", type=float, default=15.0, metavar="S", help="in real time; default: 15"
    )
    parser.add_argument(
        "--only", default="", metavar="NAME,...", help=", ".join(each.name for each in RIVALS)
    )
    parser.add_argument("--cache", type=Path, default=cache_folder(), metavar="DIR")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures there")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="draw them there; .png or .svg")
    options = parser.parse_args(arguments)
    names = [name for name in options.only.split(",") if name]
    if unknown := set(names) - {each.name for each in RIVALS}:
        parser.error(f"--only {', '.join(sorted(unknown))}: no such rival")
    if options.rounds < 1 or options.seconds < 1:
        parser.error("--rounds and --seconds should be 1 or more")
    try:
        samples = demo().samples if options.recording is None else read(options.recording)
    except KwsError as error:
        print(f"bench.rivals: {error}", file=sys.stderr)
        return error.exit_code
    before = os.getloadavg()
    results = compare(
        [each for each in RIVALS if not names or each.name in names],
        options.checkout,
        options.cache.resolve(),
        pcm(samples),
        options.rounds,
        options.seconds,
    )
    load = f"{before[0]:.1f} before, {os.getloadavg()[0]:.1f} after"
    duration = len(samples) / RATE
    print(table(results))
    print(f"\nMedians of {options.rounds} rounds; {duration:.0f} s of audio; load {load}")
    if options.json:
        found = {
            "recording": "demo" if options.recording is None else options.recording.name,
            "seconds": duration,
            "python": platform.python_version(),
            "machine": platform.machine(),
            "cores": os.cpu_count(),
            "load": load,
            "rivals": [asdict(each) for each in results],
        }
        options.json.write_text(json.dumps(found, indent=2) + "\n")
    if options.plot:
        plot(results, options.plot)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
