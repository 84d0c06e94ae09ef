"""Writes what a teacher makes of every recording that may be trained on: soft targets."""

import logging
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from tqdm import tqdm

from kws.errors import AudioFileError, ConfigError
from kws.spotting.whisper_mel import SAMPLE_RATE
from kws.typing import Samples
from train.data.index import Recording, TrainingRecordings
from train.data.samples import active_region, read_samples
from train.data.skipped import SkippedRecordings
from train.scenes.word_scenes import add_at
from train.teacher.network import WINDOW_SAMPLES, in_batches
from train.teacher.shards import write_arrays
from train.teacher.teacher_file import TeacherFile

log = logging.getLogger(__name__)

PAUSE_S = 0.3
"""Seconds of a word's window behind the word."""
HOP_S = 0.2
"""Seconds between two windows of running speech."""
FIRST_END_S = 0.5
"""End of the first window of running speech, seconds; what is before the recording is silence."""


@dataclass(frozen=True, eq=False)
class Targets:
    """What a teacher makes of a collection of recordings.

    Attributes:
        keywords: classes beside "none".
        clips: of each recording `Row.place`, shape (recordings,).
        first: index of each recording's first window, shape (recordings + 1,); the last one is
            the number of windows.
        ends: sample of its recording at which each window ends, which may be behind the recording;
            int32 of shape (windows,).
        logits: "none" first, float16 of shape (windows, 1 + keywords).
    """

    keywords: tuple[str, ...]
    clips: npt.NDArray[np.str_]
    first: npt.NDArray[np.int64]
    ends: npt.NDArray[np.int32]
    logits: npt.NDArray[np.float16]

    def of(self, number: int) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.float16]]:
        """Ends and logits of a recording's windows."""
        part = slice(int(self.first[number]), int(self.first[number + 1]))
        return self.ends[part], self.logits[part]


def write_targets(teacher: TeacherFile, recordings: TrainingRecordings, folder: Path) -> int:
    """Write `folder/<pack with _ for />.npz` for each collection; those that exist are left alone.

    Args:
        teacher: gives the targets.
        recordings: to give them for; of another use than training there are none among these.
        folder: of one teacher's targets.

    Returns:
        The number of recordings that got targets.

    Raises:
        AudioFileError: too many recordings cannot be read.
        ConfigError: the folder cannot be written.
    """
    skipped = SkippedRecordings(len(recordings))
    count = 0
    by_pack = sorted(recordings, key=lambda each: each.row.pack)
    for pack, group in groupby(by_pack, key=lambda each: each.row.pack):
        path = targets_path(folder, pack)
        if path.exists():
            log.info("%s: is there already", path)
            continue
        targets = _targets(teacher, list(group), skipped)
        write_arrays(
            path,
            keywords=np.array(targets.keywords, np.str_),
            clips=targets.clips,
            first=targets.first,
            ends=targets.ends,
            logits=targets.logits,
        )
        count += len(targets.clips)
        log.info("%s: %d recordings, %d windows", path, len(targets.clips), len(targets.ends))
    return count


def targets_path(folder: Path, pack: str) -> Path:
    """Where the targets of a collection are."""
    return folder / f"{re.sub('[^A-Za-z0-9]+', '_', pack)}.npz"


def read_targets(path: Path) -> Targets:
    """Read what `write_targets` wrote.

    Raises:
        ConfigError: it cannot be read, or is something else.
    """
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return Targets(
                tuple(arrays["keywords"].tolist()),
                *(arrays[name] for name in ("clips", "first", "ends", "logits")),
            )
    except (OSError, ValueError, KeyError) as error:
        raise ConfigError(
            f"{path}: no targets to read; write them with python -m train teacher targets"
        ) from error


def window_ends(samples: Samples, word: bool) -> list[int]:
    """Samples at which the windows of a recording end.

    Args:
        samples: of the recording.
        word: whether it holds a single word: then there is one window, which ends a pause after it.
    """
    if word:
        return [active_region(samples, SAMPLE_RATE)[1] + int(PAUSE_S * SAMPLE_RATE)]
    first, hop = int(FIRST_END_S * SAMPLE_RATE), int(HOP_S * SAMPLE_RATE)
    return list(range(first, max(first, len(samples) + hop) + 1, hop))


def _targets(
    teacher: TeacherFile, recordings: list[Recording], skipped: SkippedRecordings
) -> Targets:
    names, counts, ends, logits = [], [0], [], []
    for recording, samples in tqdm(
        _read(recordings, skipped),
        total=len(recordings),
        desc=recordings[0].row.pack,
        unit=" recordings",
        leave=False,
        disable=None,
    ):
        word = bool(recording.row.word) and not recording.row.word.startswith("_")
        places = window_ends(samples, word or len(samples) < WINDOW_SAMPLES)
        windows = torch.from_numpy(np.stack([_window(samples, end) for end in places]))
        logits.append(in_batches(teacher.network, windows).half().numpy())
        names.append(recording.row.place)
        counts.append(len(places))
        ends += places
    return Targets(
        teacher.keywords,
        np.array(names, np.str_),
        np.cumsum(counts),
        np.array(ends, np.int32),
        np.concatenate(logits),
    )


def _read(
    recordings: list[Recording], skipped: SkippedRecordings
) -> Iterator[tuple[Recording, Samples]]:
    for recording in recordings:
        try:
            yield recording, read_samples(recording.path, SAMPLE_RATE)
        except AudioFileError as error:
            skipped.skip(error)


def _window(samples: Samples, end: int) -> Samples:
    """The window that ends at a sample, with silence where the recording does not reach."""
    window = np.zeros(WINDOW_SAMPLES, np.float32)
    add_at(window, samples, WINDOW_SAMPLES - end)
    return window
