"""What it takes to train on all of Speech Commands: memory, clips a second, seconds an epoch.

`python -m studies.train_memory --data DIR [--work DIR] [--clips N] [--workers N]`.
The clips are variations of real ones. PSS counts a page that n processes share as 1/n for each of
them, RSS as one for each; a clip drawn is one scene.
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import astuple, dataclass
from pathlib import Path

import numpy as np
import psutil
import soundfile
from tqdm import tqdm

from bench.cost import Figure, table
from kws.errors import ConfigError, KwsError
from kws.spotting.load import load_model
from train.config import FitConfig
from train.data.clips import BACKGROUND, read_samples, word_clips
from train.measure.evaluate import clip_window
from train.presets import with_overrides, with_preset
from train.scenes.augment import change_speed

CLIPS = 81_757
PRESET = "speech-commands-34"
RATE = 16_000
SEED = 1
MEASURE_S = 0.25
"""Between two measurements of memory."""
TAKES = 3
"""Clips of a word by the same speaker, at most."""


def make_data(source: Path, target: Path, count: int, words: Sequence[str]) -> None:
    """Write `count` clips of `words` into `target/speech_commands`, each one unlike all others.

    They are real clips of the same word, or of any where there are none of it, a little faster or
    slower, shifted and louder or quieter.

    Raises:
        ConfigError: there are no clips in `source`, or no room in `target`.
        AudioFileError: a clip cannot be read.
    """
    root = target / "speech_commands"
    if (root / f"made-{count}").exists():
        return
    clips = word_clips(source / "speech_commands")
    spoken = clips.by_word()
    draw = np.random.default_rng(SEED)
    try:
        for index in tqdm(range(count), desc="making clips", leave=False, disable=None):
            word = words[index % len(words)]
            path = root / word / _name(index // len(words))
            path.parent.mkdir(parents=True, exist_ok=True)
            of_word = spoken.get(word)
            number = int(draw.integers(len(clips) if of_word is None else len(of_word)))
            clip = clips[number if of_word is None else int(of_word[number])]
            soundfile.write(path, _varied(read_samples(clip.path, RATE), draw), RATE)
        shutil.copytree(source / "speech_commands" / BACKGROUND, root / BACKGROUND)
        (root / f"made-{count}").touch()
    except OSError as error:
        raise ConfigError(f"{target}: cannot be written: {error.strerror}") from error


def _name(number: int) -> str:
    return f"{number // TAKES * 2_654_435_761 % 2**32:08x}_nohash_{number % TAKES}.wav"


def _varied(samples: np.ndarray, draw: np.random.Generator) -> np.ndarray:
    faster = change_speed(samples, draw.uniform(0.9, 1.1))
    shifted = np.roll(clip_window(faster, RATE), int(draw.integers(-800, 800)))
    return shifted * np.float32(draw.uniform(0.3, 1.0))


@dataclass(frozen=True)
class Memory:
    """Memory of some processes.

    Attributes:
        resident: bytes, what they share counted for each of them.
        proportional: bytes, what they share divided by those who do.
        processes: how many they are.
    """

    resident: int = 0
    proportional: int = 0
    processes: int = 0


def tree_memory(pid: int) -> Memory:
    """Memory of a process and its descendants, now."""
    found = []
    with suppress(psutil.NoSuchProcess):
        process = psutil.Process(pid)
        for each in (process, *process.children(recursive=True)):
            with suppress(psutil.NoSuchProcess, psutil.ZombieProcess):
                found.append(each.memory_full_info())
    return Memory(sum(each.rss for each in found), sum(each.pss for each in found), len(found))


def train(data: Path, workers: int, overrides: Sequence[str]) -> tuple[Memory, float, float]:
    """Train for an epoch with the real command.

    Returns:
        Peaks of memory, seconds that the epoch took, and seconds that all of it took.

    Raises:
        ConfigError: the training failed.
    """
    output = data / "model.pt"
    command = (
        *(sys.executable, "-m", "train", "fit", "--preset", PRESET, "--epochs", "1", "--restart"),
        *("--data", str(data), "--output", str(output), "--workers", str(workers)),
        *(word for override in overrides for word in ("--set", override)),
    )
    start = time.monotonic()
    peak = Memory()
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        while process.poll() is None:
            now = tree_memory(process.pid)
            peak = Memory(*map(max, zip(astuple(peak), astuple(now), strict=True)))
            time.sleep(MEASURE_S)
    spent = time.monotonic() - start
    if process.returncode:
        raise ConfigError(f"{' '.join(command)}: failed, see above")
    (record,) = load_model(output).header.training["history"]
    return peak, float(record["seconds"]), spent


@contextmanager
def _work(folder: Path | None) -> Iterator[Path]:
    if folder is not None:
        yield folder
        return
    with tempfile.TemporaryDirectory(prefix="train-memory-") as temporary:
        yield Path(temporary)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; the exit code is 0 whether or not the aims are met."""
    parser = argparse.ArgumentParser(prog="python -m studies.train_memory", description=__doc__)
    parser.add_argument(
        "--data", type=Path, required=True, metavar="DIR", help="real clips, as for train"
    )
    parser.add_argument(
        "--work",
        type=Path,
        metavar="DIR",
        help="where the clips are made, 2.6 GB, and left for the next time; default: a temporary "
        "folder",
    )
    parser.add_argument("--clips", type=int, default=CLIPS, metavar="N", help=f"default: {CLIPS}")
    parser.add_argument("--workers", type=int, default=2, metavar="N", help="default: 2")
    parser.add_argument(
        "--set",
        dest="overrides",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="a setting of the training, as for train",
    )
    options = parser.parse_args(arguments)
    if options.clips < 1_000:
        parser.error(f"--clips {options.clips}: should be 1000 or more")
    try:
        config = with_preset(FitConfig(options.data, options.data / "model.pt"), PRESET)
        config = with_overrides(config, options.overrides)
        with _work(options.work) as folder:
            make_data(options.data, folder, options.clips, config.keywords)
            peak, epoch_s, all_s = train(folder, options.workers, options.overrides)
    except KwsError as error:
        print(f"studies.train_memory: {error}", file=sys.stderr)
        return 2
    figures = [
        Figure("peak memory, sum of PSS", peak.proportional / 1e6, "MB", 1_000),
        Figure("peak memory, sum of RSS", peak.resident / 1e6, "MB", 1_000),
        Figure("processes", peak.processes, ""),
        Figure("epoch, with validation", epoch_s, "s"),
        Figure("clips drawn", config.epoch_scenes / epoch_s, "1/s"),
        Figure("whole command", all_s, "s"),
    ]
    print(table(figures))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
