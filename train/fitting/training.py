"""One training: epochs of batches, validation, checkpoints, and the model at the end."""

import logging
import time
from collections.abc import Iterator
from dataclasses import asdict, replace
from typing import Any

import msgspec
import torch
from torch import Tensor

from kws.errors import AudioFileError, ConfigError, KwsError
from kws.spotting.load import load_model
from kws.spotting.model import KeywordModel
from train.config import FitConfig
from train.data.dataset_files import DatasetFiles
from train.fitting.checkpoint import unusable, write_checkpoint, write_model
from train.fitting.hard_negatives import is_time_to_search, search_hard_negatives
from train.fitting.initial import read_initial
from train.fitting.learner import Learner
from train.fitting.parallel import Processes
from train.fitting.progress import Meter, duration
from train.fitting.progress_state import EpochRecord, ProgressState
from train.fitting.resume import check_settings
from train.measure.evaluate import ClipAccuracy, evaluate
from train.scenes.batches import Batches
from train.scenes.dataset import Drawings, Drawn, Scenes

log = logging.getLogger(__name__)

_WINDOWS_FOR_STATISTICS = 2_000


class Training:
    """One training: what all epochs share.

    Args:
        config: its settings.
        processes: that train together.
        files: the recordings to train on.
        saved: the checkpoint to continue from, if there is one.

    Raises:
        ConfigError: the checkpoint is of another training, or there is nothing to train with.
        AudioFileError: too many recordings are broken.
    """

    def __init__(
        self,
        config: FitConfig,
        processes: Processes,
        files: DatasetFiles,
        saved: dict[str, Any] | None,
    ) -> None:
        self._config, self._processes, self._files = config, processes, files
        # Before anything that takes memory, which each worker would take too.
        self._batches = Batches(
            Drawings(Scenes(config.scenes, files.material), config.views, config.seed),
            scenes=config.epoch_scenes,
            size=config.batch_scenes,
            workers=config.workers,
        )
        self._settings: dict[str, Any] = msgspec.to_builtins(
            config.shaping() | {"data": files.fingerprint}
        )
        self._teacher = load_model(config.teacher, "torch") if config.teacher else None
        self._state = ProgressState()
        self._since = self._saved_at = time.monotonic()
        if saved is None:
            initial = read_initial(config)
            if initial is None:
                mean, scale = self._statistics()
            else:
                mean, scale = map(torch.tensor, (initial.mean, initial.scale))
            self._learner = Learner(config, processes, mean, scale, self._teacher)
            if initial is not None:
                self._learner.start_from(initial)
            self._save()
        else:
            self._learner = self._resumed(saved)

    def run(self) -> ClipAccuracy | None:
        """Train to the end.

        Raises:
            AudioFileError: too many recordings are broken.
            ConfigError: a file cannot be written.
            KwsError: a process that helps was lost.
        """
        config = self._config
        accuracy = None
        while self._state.epoch < config.epochs:
            self._since = time.monotonic()
            if self._state.step == 0 and is_time_to_search(config, self._files, self._state.epoch):
                self._search_hard_negatives()
            pace = self._train_epoch()
            accuracy = self._validate()
            self._end_epoch(accuracy, pace)
        if not self._processes.leads:
            return None
        accuracy = accuracy or self._validate()
        assert accuracy is not None
        write_model(self._model(accuracy), config.output)
        log.info("wrote %s", config.output)
        return accuracy

    def _model(self, accuracy: ClipAccuracy) -> KeywordModel:
        """The model at the end, with all that its file says of its training."""
        elsewhere = ("keywords", "context", "front_end")
        settings = {name: said for name, said in self._settings.items() if name not in elsewhere}
        history = [asdict(record) for record in self._state.history]
        measured = {"validation_clips": asdict(accuracy)} if len(self._files.validation) else {}
        return self._learner.model(training={**settings, "history": history}, measured=measured)

    def _statistics(self) -> tuple[Tensor, Tensor]:
        """Mean and standard deviation of ln power per band over training windows."""
        config = self._config
        log.info("measuring the mean spectrum")
        count, sums, squares = 0, torch.zeros(1), torch.zeros(1)
        # Every process draws all of it: so nothing depends on their number.
        drawn = self._batches.of(0)
        for _ in range(min(config.steps, -(-_WINDOWS_FOR_STATISTICS // config.batch))):
            frames = self._next(drawn).windows.double()
            count += frames[:, 0].numel()
            sums, squares = sums + frames.sum((0, 2)), squares + frames.square().sum((0, 2))
        mean = sums / count
        scale = (squares / count - mean.square()).clamp_min(0).sqrt()
        return mean.float(), scale.float().clamp_min(1e-3)

    def _search_hard_negatives(self) -> None:
        model = self._learner.model()
        hard = search_hard_negatives(model, self._config, self._files, self._state, self._processes)
        self._state = replace(self._state, hard=hard)

    def _train_epoch(self) -> float:
        """Go through an epoch, or what is left of it, and return the clips per second."""
        config, epoch = self._config, self._state.epoch
        size, first = config.batch_scenes, self._state.step
        drawn = self._batches.of(
            epoch, first=first, hard=self._state.hard, processes=self._processes
        )
        with Meter(
            f"epoch {epoch + 1}/{config.epochs}",
            clips=config.epoch_scenes,
            done=min(first * size, config.epoch_scenes),
            shown=self._processes.leads,
        ) as meter:
            for number in range(first, config.steps):
                part = self._next(drawn)
                scenes = min(size, config.epoch_scenes - number * size)
                tally = self._learner.step(
                    part.windows, part.labels, scenes * config.views, epoch, number
                )
                self._state = replace(self._state, step=number + 1, tally=self._state.tally + tally)
                meter.advance(scenes, self._state.tally)
                if time.monotonic() - self._saved_at >= config.checkpoint_s:
                    self._save()
            return meter.pace

    def _next(self, drawn: Iterator[Drawn]) -> Drawn:
        """The next part of a batch; what one process could not read, all name.

        Raises:
            AudioFileError: too many recordings are broken.
            KwsError: a process that helps was lost.
        """
        part, error = None, None
        try:
            part = next(drawn)
        except KwsError as lost:
            error = lost
        unreadable = part.unreadable if part else ()
        if part and part.failed:
            error = AudioFileError("\n".join(unreadable))
        self._files.skipped.add(self._processes.agree(error, unreadable))
        assert part is not None
        return part

    def _validate(self) -> ClipAccuracy | None:
        if not self._processes.leads:
            return None
        return evaluate(self._learner.model(), self._files.validation, self._files.skipped.skip)

    def _end_epoch(self, accuracy: ClipAccuracy | None, pace: float) -> None:
        state, epochs = self._state, self._config.epochs
        record = EpochRecord(
            epoch=state.epoch + 1,
            loss=state.tally.mean_loss,
            accuracy=state.tally.accuracy,
            validation_accuracy=accuracy.keyword_accuracy if accuracy else None,
            validation_rejection=accuracy.rejection if accuracy else None,
            learning_rate=self._learner.learning_rate,
            seconds=self._seconds(),
        )
        self._state = state.next_epoch(record)
        self._since = time.monotonic()
        self._save()
        history = self._state.history
        left = sum(each.seconds for each in history) / len(history) * (epochs - len(history))
        log.info(
            "epoch %d/%d: loss %.4f, %.2f %% right; validation: keywords right %s, others rejected "
            "%s; %.0f clips/s, %s, %s left",
            *(record.epoch, epochs, record.loss, 100 * record.accuracy),
            *(_percent(record.validation_accuracy), _percent(record.validation_rejection)),
            *(pace, duration(record.seconds), duration(left)),
        )

    def _seconds(self) -> float:
        """That the epoch has taken so far, in earlier runs too."""
        return self._state.seconds + time.monotonic() - self._since

    def _save(self) -> None:
        self._state = replace(self._state, seconds=self._seconds())
        self._since = self._saved_at = time.monotonic()
        if self._processes.leads:
            write_checkpoint(
                {
                    "settings": self._settings,
                    "standing": self._state.plain(),
                    "learner": self._learner.state(),
                },
                self._config.checkpoint,
            )

    def _resumed(self, saved: dict[str, Any]) -> Learner:
        """The learner of a checkpoint, and the state beside it.

        Raises:
            ConfigError: it is of another training, or of recordings that are gone.
        """
        path = self._config.checkpoint
        try:
            check_settings(saved["settings"], self._settings, path)
            state = saved["learner"]
            learner = Learner(
                self._config, self._processes, state["mean"], state["scale"], self._teacher
            )
            learner.restore(state)
            self._state = ProgressState.of(saved["standing"])
        except (KeyError, TypeError, ValueError, RuntimeError) as error:
            raise unusable(path) from error
        moved = [each.path for each in self._state.hard if not each.path.exists()]
        if moved:
            raise ConfigError(f"{path}: made with recordings that are gone, such as {moved[0]}")
        log.info(
            "continuing after %d of %d epochs and %d of %d steps",
            *(self._state.epoch, self._config.epochs),
            *(self._state.step, self._config.steps),
        )
        return learner


def _percent(share: float | None) -> str:
    return "unknown" if share is None else f"{100 * share:.2f} %"
