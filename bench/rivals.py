"""What kws and other spotters cost, in one run on the same recording, one thread each.

`python -m bench.rivals [--recording FILE] [--rounds N] [--seconds S] [--json FILE] [--plot FILE]`;
`bench/README.md` describes each figure.
"""

import argparse
import os
import platform
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from pathlib import Path
from statistics import median

from bench.checkout import OWN, Checkout
from bench.command import add_json_file, run_program, write_json
from bench.environments import cache_folder
from bench.installed_rival import PY_OPEN_WAKE_WORD, InstalledRival, Result, Rival
from bench.recordings import RATE, demo, pcm, read
from bench.rivals_report import plot, table
from kws.config.values import items
from kws.printing import parse, print_line, print_lines

REFERENCE = "pymicro-wakeword"
"""The rival that the others are compared with."""
RIVALS = (
    Rival("kws-onnx", "10 words"),
    Rival("kws-torch", "10 words", extra="torch"),
    Rival(
        "pymicro-wakeword",
        "1 phrase",
        ("pymicro-wakeword==2.5.0", "pymicro-features==2.0.2", "numpy==2.4.6"),
    ),
    PY_OPEN_WAKE_WORD,
    # tflite-runtime is built for numpy 1.
    Rival(
        "openwakeword",
        "1 phrase",
        ("openwakeword==0.6.0", "numpy==1.26.4", "tflite-runtime==2.14.0", "onnxruntime==1.23.2"),
    ),
    Rival("pocketsphinx", "10 words", ("pocketsphinx==5.1.1",)),
)


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
    installed = []
    for rival in rivals:
        print(f"installing {rival.name}", file=sys.stderr)
        installed.append(InstalledRival(rival, checkout, cache))
    duration = len(audio) / 2 / RATE
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        recording = Path(folder) / "recording.raw"
        recording.write_bytes(audio)
        with _on_one_core():
            for each in installed:
                if each.measured:
                    each.open_loop(stack, recording)
        for number in range(rounds):
            print(f"round {number + 1} of {rounds}", file=sys.stderr)
            running = [each for each in installed if each.measured]
            for each in running:
                each.from_memory(duration)
    for number in range(rounds):
        print(f"round {number + 1} of {rounds} in real time", file=sys.stderr)
        for each in (each for each in installed if each.measured):
            try:
                each.in_real_time(audio, seconds)
            except (TimeoutError, BrokenPipeError) as error:
                each.result.failed = f"fails as a process: {error}"
    results = [each.result for each in installed]
    reference = next((each for each in results if each.name == REFERENCE), None)
    if reference is None:
        return results
    for result in results:
        result.memory_ratio = _ratio(result.memory_ms, reference.memory_ms)
        result.realtime_ratio = _ratio(result.realtime_ms, reference.realtime_ms)
    return results


def _ratio(values: Sequence[float], others: Sequence[float]) -> float | None:
    pairs = list(zip(values, others, strict=False))
    return median(value / other for value, other in pairs) if pairs else None


def main() -> None:
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
    add_json_file(parser)
    parser.add_argument("--plot", type=Path, metavar="FILE", help="draw them there; .png or .svg")
    options = parse(parser)
    names = items(options.only)
    if unknown := set(names) - {each.name for each in RIVALS}:
        parser.error(f"--only {', '.join(sorted(unknown))}: no such rival")
    if options.rounds < 1 or options.seconds < 1:
        parser.error("--rounds and --seconds should be 1 or more")
    samples = demo().samples if options.recording is None else read(options.recording)
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
    print_lines(table(results))
    print_line("")
    print_line(f"Medians of {options.rounds} rounds; {duration:.0f} s of audio; load {load}")
    found = {
        "recording": "demo" if options.recording is None else options.recording.name,
        "seconds": duration,
        "python": platform.python_version(),
        "machine": platform.machine(),
        "cores": os.cpu_count(),
        "load": load,
        "rivals": [asdict(each) for each in results],
    }
    write_json(found, options.json)
    if options.plot:
        plot(results, options.plot)


if __name__ == "__main__":
    run_program(main)
