"""Trains a teacher, in steps, each of which can be interrupted."""

import json
import logging
import math
import time
import zlib
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from kws.errors import ConfigError
from train.data.skipped import SkippedRecordings
from train.fitting.checkpoint import read_checkpoint, unusable, write_checkpoint
from train.fitting.resume import check_settings
from train.teacher.batches import TeacherBatches
from train.teacher.config import TeacherConfig, TeacherStep
from train.teacher.examples import TeacherExamples
from train.teacher.material import TeacherMaterial
from train.teacher.measure import TeacherMeasure
from train.teacher.network import TeacherNetwork
from train.teacher.shards import SoundShards
from train.teacher.teacher_file import TeacherFile, network_state, restore_network, write_teacher

log = logging.getLogger(__name__)

CHECKPOINT_S = 600.0
"""Seconds between two checkpoints."""
LINE_S = 60.0
"""Seconds between two lines of the log."""
WARM_UP = 0.05
"""Share of a step in which the learning rate rises."""
LARGEST_GRADIENT = 1.0


@dataclass
class Place:
    """How far a training is.

    Attributes:
        step: number of the step.
        batch: batches of it that are done, of all passes.
        core_s: seconds of a core's time so far.
        history: a line a measurement.
    """

    step: int = 0
    batch: int = 0
    core_s: float = 0.0
    history: list[dict[str, Any]] = field(default_factory=list)


class TeacherTraining:
    """A training that continues where its checkpoint is.

    Args:
        config: what to do.
        material: to do it with.
        initial: what to start from: `untrained_teacher`, or a teacher of the same keywords.
        output: the teacher to write; its checkpoint and cache lie beside it.

    Raises:
        ConfigError: the checkpoint is damaged, or of another training, or the teacher to start
            from knows other keywords.
    """

    def __init__(
        self,
        config: TeacherConfig,
        material: TeacherMaterial,
        initial: TeacherFile,
        output: Path,
    ) -> None:
        config.check()
        if initial.keywords != config.keywords:
            raise ConfigError(f"the teacher to start from knows {', '.join(initial.keywords)}")
        self._config, self._material, self._output = config, material, output
        self._checkpoint = output.with_name(f"{output.name}.checkpoint")
        names = "\n".join(sorted(each.row.name for each in material.training))
        self._data = f"{len(material.training)} {zlib.crc32(names.encode()):08x}"
        torch.manual_seed(config.seed)
        self._network = initial.network
        self._sources = {**initial.sources, **material.training.sources()}
        self._place = Place(core_s=initial.core_s, history=[dict(each) for each in initial.history])
        self._begun = len(initial.history)
        self._optimizer_state: dict[str, Any] | None = None
        self._resume()
        self._batches = TeacherBatches(
            config,
            SoundShards(
                TeacherExamples(config, material),
                config.seed,
                SkippedRecordings(len(material.training)),
            ),
            self._network,
            output.with_name(f"{output.name}.cache"),
            self._data,
        )
        self._measure: tuple[int, TeacherMeasure] | None = None

    def run(self) -> TeacherNetwork:
        """Train to the end.

        Raises:
            AudioFileError: too many recordings cannot be read.
            ConfigError: a checkpoint cannot be written.
        """
        for number in range(self._place.step, len(self._config.steps)):
            self._run_step(number)
            self._place.step, self._place.batch = number + 1, 0
            self._optimizer_state = None
            self._save(None)
        write_teacher(self._state(None), self._output)
        log.info("wrote %s; %s", self._output, json.dumps(self._place.history[-1:]))
        return self._network.eval()

    def _run_step(self, number: int) -> None:
        step, config = self._config.steps[number], self._config
        network, place = self._network, self._place
        blocks = self._batches.kept_blocks(number)
        network.freeze_below(step.trained_blocks)
        optimizer = self._optimizer(step)
        total = self._batches.in_pass(step) * step.passes
        criterion = nn.CrossEntropyLoss(label_smoothing=config.label_smoothing)
        log.info("step %d, %s: batch %d of %d", number + 1, step.name, place.batch, total)
        if self._is_due(step, first=number == 0) and not self._is_noted(step):
            self._note(step, blocks)
        network.train()
        used = time.process_time()
        saved = said = time.monotonic()
        losses: list[float] = []
        for inputs, labels in self._batches.of(number, place.batch):
            _set_rates(optimizer, step, place.batch / total)
            loss = criterion(network.upper(inputs, blocks) if blocks else network(inputs), labels)
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_([each for _, each in network.learning()], LARGEST_GRADIENT)
            optimizer.step()
            losses.append(float(loss.detach()))
            place.batch += 1
            place.core_s += time.process_time() - used
            used, now = time.process_time(), time.monotonic()
            if now - said > LINE_S:
                log.info(
                    "%s: batch %d of %d, loss %.4f, %.2f core hours",
                    *(step.name, place.batch, total, np.mean(losses), place.core_s / 3600),
                )
                losses, said = [], now
            due = self._is_due(step)
            if due or now - saved > CHECKPOINT_S:
                self._save(optimizer)
                saved = now
            if due:
                self._note(step, blocks)
                used = time.process_time()

    def _is_due(self, step: TeacherStep, *, first: bool = False) -> bool:
        """Whether it is to be measured where it is: at times, after each pass, and at first."""
        batch, size = self._place.batch, self._config.batch
        if not batch:
            return first
        at_times = batch * size % self._config.measure_examples < size
        return at_times or batch % self._batches.in_pass(step) == 0

    def _is_noted(self, step: TeacherStep) -> bool:
        """Whether it was measured there before it was interrupted."""
        here = {"step": step.name, "examples": self._place.batch * self._config.batch}
        return any(here.items() <= line.items() for line in self._place.history[self._begun :])

    def _optimizer(self, step: TeacherStep) -> torch.optim.AdamW:
        network = self._network
        head = [each for name, each in network.learning() if name.startswith("head.")]
        encoder = [each for name, each in network.learning() if not name.startswith("head.")]
        optimizer = torch.optim.AdamW(
            [{"params": head, "lr": step.head_rate}, {"params": encoder, "lr": step.encoder_rate}],
            weight_decay=self._config.weight_decay,
        )
        if self._optimizer_state is not None:
            optimizer.load_state_dict(self._optimizer_state)
        return optimizer

    def _note(self, step: TeacherStep, blocks: int) -> None:
        """Measure, and keep it in the history."""
        if self._measure is None or self._measure[0] != blocks:
            self._measure = (
                blocks,
                TeacherMeasure(
                    *(self._material, self._config.keywords, self._network, blocks),
                    self._batches.folder(blocks),
                ),
            )
        place = self._place
        line = {
            "step": step.name,
            "examples": place.batch * self._config.batch,
            "core_hours": round(place.core_s / 3600, 3),
            **{
                name: None if share is None else round(share, 4)
                for name, share in asdict(self._measure[1].figures(self._network)).items()
            },
        }
        place.history.append(line)
        log.info("measured %s", json.dumps(line))

    def _state(self, optimizer: torch.optim.Optimizer | None) -> dict[str, Any]:
        return {
            "settings": self._config.shaping(),
            "data": self._data,
            "sources": self._sources,
            "place": {"step": self._place.step, "batch": self._place.batch},
            "core_s": self._place.core_s,
            "history": self._place.history,
            "network": network_state(self._network),
            "optimizer": None if optimizer is None else optimizer.state_dict(),
            "random": torch.get_rng_state(),
        }

    def _save(self, optimizer: torch.optim.Optimizer | None) -> None:
        write_checkpoint(self._state(optimizer), self._checkpoint)

    def _resume(self) -> None:
        """Go on from the checkpoint, if there is one."""
        if not self._checkpoint.exists():
            return
        saved = read_checkpoint(self._checkpoint)
        try:
            check_settings(
                {**saved["settings"], "data": saved["data"]},
                {**self._config.shaping(), "data": self._data},
                self._checkpoint,
            )
            place = saved["place"]
            self._place = Place(
                place["step"], place["batch"], saved["core_s"], list(saved["history"])
            )
            self._network = restore_network(saved["network"], len(self._config.keywords))
            self._optimizer_state = saved["optimizer"]
            torch.set_rng_state(saved["random"])
        except (KeyError, TypeError, RuntimeError) as error:
            raise unusable(self._checkpoint) from error
        log.info("%s: going on from there", self._checkpoint)


def _set_rates(optimizer: torch.optim.Optimizer, step: TeacherStep, done: float) -> None:
    """A short rise, then half a cosine to zero (arXiv 1608.03983, without restarts)."""
    share = min(1.0, (done + 1e-3) / WARM_UP) * 0.5 * (1 + math.cos(math.pi * done))
    for group, rate in zip(
        optimizer.param_groups, (step.head_rate, step.encoder_rate), strict=True
    ):
        group["lr"] = rate * share
