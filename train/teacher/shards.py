"""Examples in shards, each drawn by its number: as sound, or as what frozen blocks made of it."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from kws.errors import AudioFileError, ConfigError
from kws.typing import Samples
from train.data.skipped import SkippedRecordings
from train.teacher.config import SHARD
from train.teacher.examples import TeacherExamples
from train.teacher.network import WINDOW_SAMPLES
from train.teacher.whisper import WhisperEncoder

ENCODED = 20
"""Examples that the encoder takes at once."""


class SoundShards:
    """Draws shards.

    Args:
        examples: draws their windows.
        seed: of everything drawn.
        skipped: takes what recordings cannot be read.
    """

    def __init__(self, examples: TeacherExamples, seed: int, skipped: SkippedRecordings) -> None:
        self._examples, self._seed, self._skipped = examples, seed, skipped

    def shard(self, number: int) -> tuple[Tensor, Tensor]:
        """Windows of shape (SHARD, WINDOW_SAMPLES), and labels, int64 of shape (SHARD,).

        Raises:
            AudioFileError: too many recordings cannot be read.
        """
        windows = np.empty((SHARD, WINDOW_SAMPLES), np.float32)
        labels = np.empty(SHARD, np.int64)
        for index in range(SHARD):
            windows[index], labels[index] = self._example(number, index)
        return torch.from_numpy(windows), torch.from_numpy(labels)

    def _example(self, number: int, index: int) -> tuple[Samples, int]:
        attempt = 0
        while True:
            draw = np.random.default_rng((self._seed, number, index, attempt))
            try:
                return self._examples.draw(draw)
            except AudioFileError as error:
                self._skipped.skip(error)
                attempt += 1


class HiddenShards:
    """Keeps what the encoder's first blocks make of shards, as float16 on the disk.

    Args:
        sound: draws shards.
        encoder: whose first blocks do not change.
        blocks: how many these are.
        folder: of the files; for no other examples, nor another encoder.
    """

    def __init__(
        self, sound: SoundShards, encoder: WhisperEncoder, blocks: int, folder: Path
    ) -> None:
        self._sound, self._encoder, self._blocks = sound, encoder, blocks
        self._folder = folder

    def shard(self, number: int) -> tuple[Tensor, Tensor]:
        """Shape (SHARD, frames, width), float32, and labels, int64 of shape (SHARD,).

        Raises:
            AudioFileError: too many recordings cannot be read.
            ConfigError: the folder cannot be written.
        """
        path = self._folder / f"{number:06d}.npz"
        if not path.exists():
            windows, labels = self._sound.shard(number)
            hidden = hidden_of(self._encoder, windows, self._blocks)
            write_arrays(path, hidden=hidden.numpy(), labels=labels.numpy())
        with np.load(path) as arrays:
            kept, labels = (torch.from_numpy(arrays[key]) for key in ("hidden", "labels"))
        return kept.float(), labels


@torch.no_grad()
def hidden_of(encoder: WhisperEncoder, windows: Tensor, blocks: int) -> Tensor:
    """What the first `blocks` blocks make of windows, float16 of shape (n, frames, width)."""
    return torch.cat([encoder.lower(part, blocks).half() for part in torch.split(windows, ENCODED)])


def write_arrays(path: Path, **arrays: npt.NDArray[Any]) -> None:
    """Write arrays for `numpy.load`; the file is whole or not there.

    Raises:
        ConfigError: it cannot be written.
    """
    fresh = path.with_name(f"{path.name}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with fresh.open("wb") as file:
            np.savez(file, **arrays)  # type: ignore[arg-type]  # its keywords have other types too
        fresh.replace(path)
    except OSError as error:
        fresh.unlink(missing_ok=True)
        raise ConfigError(
            f"{path}: cannot be written: {error.strerror}; make that possible, then give the same "
            "command again"
        ) from error
