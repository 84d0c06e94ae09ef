"""How fast `kws scan` goes through recordings, and how much memory it takes, case by case.

`python -m bench.scan [--cases NAME,...] [--daemon DIR]... [--minutes N] [--json FILE]`;
`bench/README.md` describes each case.
"""

import argparse
import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import numpy as np
import psutil
import soundfile
import soxr

from bench.checkout import OWN, Checkout
from bench.command import add_checkouts, add_json_file, run_program, write_rows
from bench.process import environment
from bench.recordings import RATE, demo, repeated
from kws.config.values import items
from kws.errors import ConfigError
from kws.printing import parse, print_line

STARTS = 3
MEASURE_S = 0.5
"""Between two measurements of memory."""
_CLIP_S = 1.5


@dataclass(frozen=True)
class Recordings:
    """What a case scans.

    Attributes:
        files: their paths, relative to the folder they are in.
        seconds: of audio in all of them.
    """

    files: tuple[str, ...]
    seconds: float


@dataclass(frozen=True)
class Scanned:
    """What one call of `kws scan` took.

    Attributes:
        wall_s: seconds of wall time.
        cpu_s: CPU seconds of the process and its children.
        peak_bytes: highest sum of their resident memory.
        detections: lines that it printed.
    """

    wall_s: float
    cpu_s: float
    peak_bytes: int
    detections: int


@dataclass(frozen=True)
class Row:
    """What a case took.

    Attributes:
        daemon: name of the checkout.
        case: its name.
        files: how many.
        audio_s: seconds of audio.
        wall_s: seconds of the whole command.
        start_s: of these, what a tenth of a second of audio takes too: start and end.
        speed: seconds of audio by second of wall time, without the start; None where the start
            took longer: too short a recording.
        speed_a_core: the same by CPU second.
        peak_mb: highest resident memory, children included, 10^6 bytes.
        detections: found.
    """

    daemon: str
    case: str
    files: int
    audio_s: float
    wall_s: float
    start_s: float
    speed: float | None
    speed_a_core: float | None
    peak_mb: float
    detections: int


@dataclass(frozen=True)
class Size:
    """How large the cases are.

    Attributes:
        minutes: of audio in each of the formats.
        hours: of the long recording.
        files: in the folder of many.
    """

    minutes: float
    hours: float
    files: int


def _recording(
    folder: Path, name: str, minutes: float, *, rate: int = RATE, subtype: str | None = None
) -> Recordings:
    """The demo again and again, in the format of the name's ending."""
    samples = demo().samples if rate == RATE else soxr.resample(demo().samples, RATE, rate)
    rounds = max(1, round(60 * minutes * rate / len(samples)))
    with soundfile.SoundFile(folder / name, "w", rate, 1, subtype) as file:
        for _ in range(rounds):
            file.write(samples)
    return Recordings((name,), rounds * len(samples) / rate)


def wav(folder: Path, size: Size) -> Recordings:
    """16-bit WAV at 16 kHz, which the model takes as it is."""
    return _recording(folder, "scan.wav", size.minutes, subtype="PCM_16")


def flac(folder: Path, size: Size) -> Recordings:
    """FLAC at 16 kHz."""
    return _recording(folder, "scan.flac", size.minutes)


def mp3(folder: Path, size: Size) -> Recordings:
    """MP3 at 16 kHz."""
    return _recording(folder, "scan.mp3", size.minutes)


def wav44(folder: Path, size: Size) -> Recordings:
    """16-bit WAV at 44.1 kHz, which is resampled."""
    return _recording(folder, "scan.wav", size.minutes, rate=44_100, subtype="PCM_16")


def long(folder: Path, size: Size) -> Recordings:
    """A recording of many hours."""
    return _recording(folder, "scan.wav", 60 * size.hours, subtype="PCM_16")


def folder(folder: Path, size: Size) -> Recordings:
    """Many files of one word each: many names of the same few files on the disk."""
    clip = round(_CLIP_S * RATE)
    stream = repeated(demo(), 0)
    sources = []
    for index, word in enumerate(stream.truth):
        middle = round((word.start + word.end) / 2 * RATE)
        samples = np.zeros(clip, np.float32)
        found = stream.samples[max(0, middle - clip // 2) :][:clip]
        samples[: len(found)] = found
        sources.append(folder / f"source-{index}")
        soundfile.write(sources[-1], samples, RATE, subtype="PCM_16", format="WAV")
    names = tuple(f"{index:05}.wav" for index in range(size.files))
    for index, name in enumerate(names):
        (folder / name).hardlink_to(sources[index % len(sources)])
    return Recordings(names, size.files * _CLIP_S)


CASES: dict[str, Callable[[Path, Size], Recordings]] = {
    each.__name__: each for each in (wav, flac, mp3, wav44, long, folder)
}


def scan(checkout: Checkout, folder: Path, files: Sequence[str]) -> Scanned:
    """Run `kws scan` on files of a folder.

    Raises:
        ConfigError: the command failed.
    """
    paths = [str(folder / name) for name in files]
    before, begun = _children_seconds(), time.perf_counter()
    peak = 0
    with tempfile.TemporaryFile() as printed, tempfile.TemporaryFile() as log:
        with subprocess.Popen(
            checkout.command("scan", *paths),
            cwd=checkout.folder,
            env=environment(),
            stdin=subprocess.DEVNULL,
            stdout=printed,
            stderr=log,
        ) as process:
            while process.poll() is None:
                peak = max(peak, _tree_bytes(process.pid))
                with suppress(subprocess.TimeoutExpired):
                    process.wait(MEASURE_S)
        wall = time.perf_counter() - begun
        for each in (printed, log):
            each.seek(0)
        if process.returncode:
            raise ConfigError(f"kws scan failed: {log.read().decode(errors='replace')}")
        lines = sum(1 for _ in printed)
    return Scanned(wall, _children_seconds() - before, peak, lines)


def _children_seconds() -> float:
    """CPU seconds of all children that have ended, and of theirs."""
    times = os.times()
    return times.children_user + times.children_system


def _tree_bytes(pid: int) -> int:
    total = 0
    with suppress(psutil.NoSuchProcess):
        process = psutil.Process(pid)
        for each in (process, *process.children(recursive=True)):
            with suppress(psutil.NoSuchProcess, psutil.ZombieProcess):
                total += each.memory_info().rss
    return total


def measure(case: str, checkouts: Sequence[Checkout], size: Size) -> list[Row]:
    """Scan what a case has with each checkout.

    Raises:
        ConfigError: a command failed.
    """
    rows = []
    with tempfile.TemporaryDirectory(prefix="kws-scan-") as temporary:
        place = Path(temporary)
        soundfile.write(place / "short", np.zeros(RATE // 10, np.float32), RATE, format="WAV")
        recordings = CASES[case](place, size)
        for checkout in checkouts:
            starts = [scan(checkout, place, ["short"]) for _ in range(STARTS)]
            start_s = median(each.wall_s for each in starts)
            start_cpu_s = median(each.cpu_s for each in starts)
            found = scan(checkout, place, recordings.files)
            rows.append(
                Row(
                    daemon=checkout.name,
                    case=case,
                    files=len(recordings.files),
                    audio_s=recordings.seconds,
                    wall_s=found.wall_s,
                    start_s=start_s,
                    speed=_speed(recordings.seconds, found.wall_s - start_s),
                    speed_a_core=_speed(recordings.seconds, found.cpu_s - start_cpu_s),
                    peak_mb=found.peak_bytes / 1e6,
                    detections=found.detections,
                )
            )
    return rows


def _speed(audio_s: float, took_s: float) -> float | None:
    return audio_s / took_s if took_s > 0 else None


def describe(row: Row) -> str:
    """A row for people."""
    speed, a_core = (
        "-" if each is None else f"{each:.0f}" for each in (row.speed, row.speed_a_core)
    )
    return (
        f"{row.daemon}: {row.case:6} {row.files:6} files {row.audio_s / 60:6.0f} min: "
        f"{speed:>6} x real time, {a_core:>6} x a core; start "
        f"{row.start_s:.2f} s; peak {row.peak_mb:.0f} MB; {row.detections} detections"
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m bench.scan", description=__doc__)
    parser.add_argument("--cases", default=",".join(CASES), metavar="NAME,...")
    add_checkouts(parser)
    parser.add_argument(
        "--minutes", type=float, default=30.0, metavar="N", help="of one format; default: 30"
    )
    parser.add_argument(
        "--hours", type=float, default=10.0, metavar="N", help="of `long`; default: 10"
    )
    parser.add_argument(
        "--files", type=int, default=10_000, metavar="N", help="of `folder`; default: 10000"
    )
    add_json_file(parser)
    options = parse(parser)
    cases = items(options.cases)
    if unknown := [each for each in cases if each not in CASES]:
        parser.error(f"--cases {unknown[0]}: there are {', '.join(CASES)}")
    size = Size(options.minutes, options.hours, options.files)
    rows = []
    for case in cases:
        for row in measure(case, options.daemon or [OWN], size):
            rows.append(row)
            print_line(describe(row))
    write_rows(rows, options.json)


if __name__ == "__main__":
    run_program(main)
