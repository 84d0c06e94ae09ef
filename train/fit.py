"""Trains a model file from recordings, with a checkpoint after every epoch."""

import logging
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader
from tqdm import tqdm

from kws.errors import ConfigError
from kws.spotting.frontend import FrontEndSettings, LogMel
from kws.spotting.model import SmallCNN
from kws.spotting.model_file import KeywordModel, ModelHeader, save_model
from kws.spotting.trigger import TriggerSettings
from train.augment import Augmentation, mask
from train.clips import BACKGROUND, of_split, recordings, word_clips
from train.dataset import Mixture, TrainingWindows
from train.evaluate import ClipAccuracy, evaluate

log = logging.getLogger(__name__)

WINDOW_FRAMES = 98
_WINDOWS_FOR_STATISTICS = 2_000


@dataclass(frozen=True)
class FitConfig:
    """What to train on and how.

    Attributes:
        words: folder of `<word>/*.wav` in the Speech Commands layout.
        output: the model file to write.
        keywords: the classes.
        synthetic: further folders of `<word>/*.wav`, trained on and never validated with.
        speech: folders of recordings without the keywords.
        noise: folders of noise.
        name: name of the vocabulary; the output's by default.
        epochs: passes.
        windows: training windows in an epoch.
        batch: windows in a step.
        learning_rate: the highest, reached after a tenth of the steps (one-cycle policy).
        weight_decay: of AdamW.
        dropout: before each dense layer.
        label_smoothing: share of the target spread over the other classes.
        workers: processes that read and vary recordings.
        seed: of everything drawn.
        resume: go on from the checkpoint beside the output.
        licence: of the weights, for the model file.
        sources: what was trained on, with licences, for the model file.
    """

    words: Path
    output: Path
    keywords: tuple[str, ...] = ("yes", "no", "up", "down")
    synthetic: tuple[Path, ...] = ()
    speech: tuple[Path, ...] = ()
    noise: tuple[Path, ...] = ()
    name: str = ""
    epochs: int = 30
    windows: int = 24_000
    batch: int = 64
    learning_rate: float = 2e-3
    weight_decay: float = 1e-2
    dropout: float = 0.3
    label_smoothing: float = 0.05
    workers: int = 1
    seed: int = 1
    resume: bool = False
    licence: str = ""
    sources: tuple[str, ...] = ()
    front_end: FrontEndSettings = field(default_factory=FrontEndSettings)
    trigger: TriggerSettings = field(default_factory=TriggerSettings)
    mixture: Mixture = field(default_factory=Mixture)
    augmentation: Augmentation = field(default_factory=Augmentation)


def fit(config: FitConfig) -> ClipAccuracy:
    """Train, write the model file and return its accuracy on the validation clips.

    Raises:
        ConfigError: a folder is missing or empty, a keyword has no recordings, or the checkpoint
            is of another training.
        AudioFileError: a recording cannot be read.
    """
    return _Fit(config).run()


class _Fit:
    """One training: what all epochs share."""

    def __init__(self, config: FitConfig) -> None:
        self.config = config
        if min(config.epochs, config.windows, config.batch) < 1:
            raise ConfigError("epochs, windows and batch have to be 1 or more")
        try:
            config.output.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ConfigError(f"{config.output}: cannot be written: {error.strerror}") from error
        clips = word_clips(config.words)
        training = of_split(clips, "training")
        synthetic = [clip for folder in config.synthetic for clip in word_clips(folder)]
        if missing := set(config.keywords) - {clip.word for clip in training}:
            raise ConfigError(
                f"{config.words}: no training recordings of {', '.join(sorted(missing))}"
            )
        background = config.words / BACKGROUND
        noise = (*config.noise, background) if background.is_dir() else config.noise
        self.validation = of_split(clips, "validation")
        self.log_mel = LogMel(config.front_end)
        self.windows = TrainingWindows(
            config.keywords,
            training,
            synthetic,
            recordings(config.speech),
            recordings(noise),
            length=config.front_end.samples_in(WINDOW_FRAMES),
            sample_rate=config.front_end.sample_rate,
            size=config.windows,
            mixture=config.mixture,
            augmentation=config.augmentation,
            seed=config.seed,
        )
        torch.manual_seed(config.seed)
        self.network = SmallCNN(
            len(config.keywords),
            config.front_end.bands,
            WINDOW_FRAMES,
            batch_norm=True,
            dropout=config.dropout,
        )
        self.optimiser = torch.optim.AdamW(
            self.network.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay
        )
        self.schedule = torch.optim.lr_scheduler.OneCycleLR(
            self.optimiser,
            config.learning_rate,
            epochs=config.epochs,
            steps_per_epoch=-(-config.windows // config.batch),
            pct_start=0.1,
        )
        self.checkpoint = config.output.with_suffix(".checkpoint")
        self.epoch = 0
        self.mean, self.scale = self._resume() if config.resume else self._statistics()
        log.info(
            "%d training, %d synthetic and %d validation clips, %d windows an epoch",
            len(training),
            len(synthetic),
            len(self.validation),
            config.windows,
        )

    def run(self) -> ClipAccuracy:
        accuracy = evaluate(self.model(), self.validation)
        while self.epoch < self.config.epochs:
            start = time.monotonic()
            loss = self._train_epoch()
            self.epoch += 1
            self._save_checkpoint()
            accuracy = evaluate(self.model(), self.validation)
            log.info(
                "epoch %d/%d: loss %.4f, keywords right %.2f %%, others rejected %.2f %%, %.0f s",
                self.epoch,
                self.config.epochs,
                loss,
                100 * accuracy.keyword_accuracy,
                100 * accuracy.rejection,
                time.monotonic() - start,
            )
        save_model(self.model(accuracy), self.config.output)
        log.info("wrote %s", self.config.output)
        return accuracy

    def model(self, accuracy: ClipAccuracy | None = None) -> KeywordModel:
        """The network as it stands, folded, with its header."""
        config = self.config
        self.network.eval()
        network = self.network.folded().requires_grad_(False)
        header = ModelHeader(
            name=config.name or config.output.stem,
            architecture=type(network).__name__,
            arguments=network.arguments(),
            classes=config.keywords,
            front_end=config.front_end,
            mean=tuple(self.mean.tolist()),
            scale=tuple(self.scale.tolist()),
            trigger=dict.fromkeys(config.keywords, config.trigger),
            window_frames=WINDOW_FRAMES,
            licence=config.licence,
            sources=config.sources,
            training=self._settings(),
            measured={} if accuracy is None else {"validation_clips": asdict(accuracy)},
        )
        return KeywordModel(header, network)

    def _settings(self) -> dict[str, Any]:
        """What shapes the result, as plain values."""
        config = self.config
        return {
            **{
                name: getattr(config, name)
                for name in (
                    *("epochs", "windows", "batch", "learning_rate", "weight_decay"),
                    *("dropout", "label_smoothing", "seed"),
                )
            },
            "augmentation": asdict(config.augmentation),
            "mixture": asdict(config.mixture),
        }

    def _batches(self) -> Iterator[tuple[Tensor, Tensor]]:
        """Log-mel windows, shape (n, bands, frames), and labels."""
        self.windows.epoch = self.epoch
        loader = DataLoader(
            self.windows, batch_size=self.config.batch, num_workers=self.config.workers
        )
        for samples, labels in loader:
            yield self.log_mel(samples).transpose(1, 2), labels

    def _statistics(self) -> tuple[Tensor, Tensor]:
        """Mean and standard deviation of ln power per band over training windows."""
        count = -(-_WINDOWS_FOR_STATISTICS // self.config.batch)
        windows = torch.cat([batch for batch, _ in islice(self._batches(), count)])
        return windows.mean((0, 2)), windows.std((0, 2)).clamp_min(1e-3)

    def _train_epoch(self) -> float:
        config = self.config
        self.network.train()
        random = torch.Generator().manual_seed(config.seed * 10_000 + self.epoch)
        torch.manual_seed(config.seed * 10_000 + self.epoch)
        total = count = 0.0
        steps = tqdm(
            self._batches(),
            total=-(-config.windows // config.batch),
            desc=f"epoch {self.epoch + 1}/{config.epochs}",
            leave=False,
            disable=None,
        )
        for windows, labels in steps:
            normal = (windows - self.mean[:, None]) / self.scale[:, None]
            logits = self.network(mask(normal, config.augmentation, random))
            with_none = torch.cat((torch.zeros(len(logits), 1), logits), 1)
            loss = nn.functional.cross_entropy(
                with_none, labels, label_smoothing=config.label_smoothing
            )
            self.optimiser.zero_grad(set_to_none=True)
            torch.autograd.backward(loss)
            self.optimiser.step()
            self.schedule.step()
            total += float(loss.detach()) * len(labels)
            count += len(labels)
            steps.set_postfix(loss=f"{total / count:.4f}")
        return total / count

    def _save_checkpoint(self) -> None:
        partial = self.checkpoint.with_suffix(".partial")
        state = {
            "epoch": self.epoch,
            "settings": self._settings(),
            "keywords": list(self.config.keywords),
            "network": self.network.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "schedule": self.schedule.state_dict(),
            "mean": self.mean,
            "scale": self.scale,
        }
        torch.save(state, partial)
        partial.replace(self.checkpoint)

    def _resume(self) -> tuple[Tensor, Tensor]:
        if not self.checkpoint.is_file():
            raise ConfigError(f"{self.checkpoint}: no checkpoint to resume from; fit without it")
        state = torch.load(self.checkpoint, weights_only=True)
        if state["settings"] != self._settings() or state["keywords"] != list(self.config.keywords):
            raise ConfigError(f"{self.checkpoint}: made with other settings; fit without --resume")
        self.epoch = state["epoch"]
        log.info("resuming after epoch %d", self.epoch)
        self.network.load_state_dict(state["network"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.schedule.load_state_dict(state["schedule"])
        return state["mean"], state["scale"]
