"""The batches of a teacher's training, the same however often it is interrupted."""

import json
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from train.teacher.config import SHARD, TeacherConfig, TeacherStep
from train.teacher.network import TeacherNetwork
from train.teacher.shards import HiddenShards, SoundShards

TOGETHER = 4
"""Shards whose examples are mixed."""
MOST_PASSES, OWN_EXAMPLES = 100, 10_000
"""Numbers of shards are apart by so much for each pass that has examples of its own."""
_SHAPING = ("keywords", "pause_s", "seed", "proposer", "hardest", "mixture", "augmentation")
"""Settings that examples depend on."""


class Shards(Protocol):
    """Gives examples by the number of their shard."""

    def shard(self, number: int) -> tuple[Tensor, Tensor]:
        """Inputs and labels."""


class TeacherBatches:
    """Gives the batches of each step.

    Args:
        config: of the training.
        sound: draws examples.
        network: whose encoder's first blocks are applied to them where these do not learn.
        cache: folder for what they make of them.
        data: tells these recordings from others.
    """

    def __init__(
        self,
        config: TeacherConfig,
        sound: SoundShards,
        network: TeacherNetwork,
        cache: Path,
        data: str,
    ) -> None:
        self._config, self._sound, self._network = config, sound, network
        self._cache, self._data = cache, data

    def in_pass(self, step: TeacherStep) -> int:
        """Batches in a pass of a step; its last shard is a whole one."""
        return _shard_count(step) * SHARD // self._config.batch

    def kept_blocks(self, number: int) -> int:
        """First blocks of the encoder whose outputs are kept in a step: those that have never
        learned in this training, and do not now."""
        most = max(step.trained_blocks for step in self._config.steps[: number + 1])
        kept = self._config.cached_blocks
        return kept if most <= self._network.blocks - kept else 0

    def of(self, number: int, first: int = 0) -> Iterator[tuple[Tensor, Tensor]]:
        """The batches of a step: sound, or what the kept blocks made of it, and labels.

        Args:
            number: of the step.
            first: batch to begin with.

        Raises:
            AudioFileError: too many recordings cannot be read.
            ConfigError: the cache cannot be written.
        """
        step, size = self._config.steps[number], self._config.batch
        count = _shard_count(step)
        batch = 0
        for turn in range(step.passes):
            draw = np.random.default_rng((self._config.seed, number, turn))
            order = draw.permutation(count)
            for at in range(0, count, TOGETHER):
                group = [int(each) for each in order[at : at + TOGETHER]]
                mixed = draw.permutation(len(group) * SHARD)
                ready = len(mixed) // size
                if batch + ready > first:
                    inputs, labels = self._load(number, turn, group)
                    for part in np.split(mixed, ready)[max(0, first - batch) :]:
                        yield inputs[part], labels[part]
                batch += ready

    def folder(self, blocks: int) -> Path:
        """Where the outputs of the first blocks are kept, for these examples and blocks only."""
        settings = self._config.shaping()
        shaping = {name: settings[name] for name in _SHAPING}
        weights = zlib.crc32(b"")
        encoder = self._network.encoder
        for module in (encoder.conv1, encoder.conv2, *encoder.blocks[:blocks]):
            for values in module.state_dict().values():
                weights = zlib.crc32(values.numpy().tobytes(), weights)
        said = json.dumps([shaping, self._data, blocks, weights], sort_keys=True)
        return self._cache / f"{zlib.crc32(said.encode()):08x}"

    def _load(self, number: int, turn: int, group: list[int]) -> tuple[Tensor, Tensor]:
        """Some shards as one; where nothing is kept, each pass has examples of its own."""
        shards: Shards = self._sound
        if blocks := self.kept_blocks(number):
            shards = HiddenShards(self._sound, self._network.encoder, blocks, self.folder(blocks))
        else:
            group = [each + OWN_EXAMPLES * (number * MOST_PASSES + turn + 1) for each in group]
        loaded = [shards.shard(each) for each in group]
        return torch.cat([each[0] for each in loaded]), torch.cat([each[1] for each in loaded])


def _shard_count(step: TeacherStep) -> int:
    return -(-step.examples // SHARD)
