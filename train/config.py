"""What a training is to do."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Annotated, Any

from msgspec import Meta, to_builtins

from kws.config.validation import problems
from kws.errors import ConfigError
from kws.spotting.frontend import FrontEndSettings
from kws.spotting.header import Context
from kws.spotting.trigger import TriggerSettings
from train.scenes.augment import Augmentation, Probability
from train.scenes.settings import Mixture, SceneSettings

WINDOW_FRAMES = 98
OneOrMore = Annotated[int, Meta(ge=1)]
ZeroOrMore = Annotated[int, Meta(ge=0)]
Positive = Annotated[float, Meta(gt=0)]
_NOT_SHAPING = frozenset(
    (
        *("words", "output", "features", "synthetic", "speech", "noise", "name", "workers"),
        *("threads", "resume", "restart", "checkpoint_s", "licence", "sources", "trigger"),
    )
)


@dataclass(frozen=True)
class FitConfig:
    """What to train on and how.

    Attributes:
        words: folder of `<word>/*.wav` in the Speech Commands layout.
        output: the model file to write.
        keywords: the classes; without any, all words in the folder.
        context: "anywhere": keywords count wherever they are spoken; "alone": only between pauses.
        features: log-mel images of words, with a table beside them: `train.data.features`.
        features_high_hz: highest frequency of these images, Hz; the front end's by default.
        architecture: of the network, one of `kws.spotting.graphs.ARCHITECTURES`.
        network: arguments of the architecture's own, such as the width of BCResNet.
        initial: a model to start from, by its name or file; its weights are then adapted, without
            batch normalisation. From a training's .checkpoint, that continues too.
        teacher: a model to learn from beside the labels, by its name or file; without, labels only.
        teacher_share: of the loss that is the teacher's.
        temperature: that softens the posteriors of teacher and student.
        synthetic: further folders of `<word>/*.wav`, trained on and never validated with.
        speech: folders of recordings without the keywords.
        noise: folders of noise.
        name: name of the vocabulary; the output's by default.
        epochs: passes.
        windows: training windows in an epoch.
        views: windows that are cut from each scene.
        scene_frames: frames of a scene; a window has 98.
        batch: windows in a step, those of all processes together.
        hard_after: epochs before the first search for hard negatives.
        hard_every: epochs between two searches.
        hard_share: share of the recordings that each search covers; what earlier ones found in the
            others is kept.
        learning_rate: the highest, reached after a tenth of the steps (one-cycle policy).
        weight_decay: of AdamW.
        dropout: as the architecture has it.
        label_smoothing: share of the target spread over the other classes.
        keyword_prior: nats by which keywords are made likelier in the model file than they were in
            training, where "none" is said more often (logit adjustment, arXiv 2007.07314).
        workers: processes that read and vary recordings, for each process that trains.
        threads: that compute, in each process that trains; more than one pay where the network
            costs more than the recordings, as with BCResNet.
        seed: of everything drawn.
        resume: continue from the checkpoint beside the output.
        restart: start over although there is a checkpoint of an unfinished training.
        checkpoint_s: seconds of training after which a checkpoint is written inside an epoch.
        licence: of the weights, for the model file.
        sources: what was trained on, with licences, for the model file.
        front_end: how samples become frames.
        trigger: when a posterior becomes an event, for each keyword.
        mixture: what scenes hold.
        augmentation: how they are varied.
    """

    words: Path
    output: Path
    keywords: tuple[str, ...] = ()
    context: Context = "alone"
    features: Path | None = None
    features_high_hz: Positive | None = None
    architecture: str = "SmallCNN"
    network: dict[str, int] = field(default_factory=dict)
    initial: str = ""
    teacher: str = ""
    teacher_share: Probability = 0.7
    temperature: Positive = 2.0
    synthetic: tuple[Path, ...] = ()
    speech: tuple[Path, ...] = ()
    noise: tuple[Path, ...] = ()
    name: str = ""
    epochs: OneOrMore = 30
    windows: OneOrMore = 24_000
    views: OneOrMore = 4
    scene_frames: Annotated[int, Meta(ge=WINDOW_FRAMES)] = 173
    batch: OneOrMore = 128
    hard_after: ZeroOrMore = 6
    hard_every: OneOrMore = 4
    hard_share: Probability = 0.3
    learning_rate: Positive = 2e-3
    weight_decay: Annotated[float, Meta(ge=0)] = 1e-2
    dropout: Annotated[float, Meta(ge=0, lt=1)] = 0.3
    label_smoothing: Probability = 0.05
    keyword_prior: Annotated[float, Meta(ge=-10, le=10)] = 0.0
    workers: ZeroOrMore = 1
    threads: OneOrMore = 1
    seed: ZeroOrMore = 1
    resume: bool = False
    restart: bool = False
    checkpoint_s: Annotated[float, Meta(ge=0)] = 60.0
    licence: str = ""
    sources: tuple[str, ...] = ()
    front_end: FrontEndSettings = field(default_factory=FrontEndSettings)
    trigger: TriggerSettings = field(default_factory=TriggerSettings)
    mixture: Mixture = field(default_factory=Mixture)
    augmentation: Augmentation = field(default_factory=Augmentation)

    @property
    def checkpoint(self) -> Path:
        """Where checkpoints go."""
        return self.output.with_name(self.output.name + ".checkpoint")

    @property
    def starts_from_checkpoint(self) -> bool:
        """Whether what it starts from is another training's checkpoint."""
        return self.initial.endswith(".checkpoint")

    @property
    def scenes(self) -> SceneSettings:
        """How scenes are made."""
        return SceneSettings(
            keywords=self.keywords,
            front_end=self.front_end,
            window_frames=WINDOW_FRAMES,
            scene_frames=self.scene_frames,
            mixture=self.mixture,
            augmentation=self.augmentation,
            context=self.context,
        )

    @property
    def epoch_scenes(self) -> int:
        """Scenes in an epoch."""
        return self.windows // self.views

    @property
    def batch_scenes(self) -> int:
        """Scenes in a step."""
        return self.batch // self.views

    @property
    def steps(self) -> int:
        """Steps in an epoch."""
        return -(-self.epoch_scenes // self.batch_scenes)

    def shaping(self) -> dict[str, Any]:
        """The settings that shape the result, as plain values; without the recordings."""
        return {name: said for name, said in asdict(self).items() if name not in _NOT_SHAPING}

    def check(self) -> None:
        """Find what contradicts itself.

        Raises:
            ConfigError: something does.
        """
        plain = to_builtins(self, enc_hook=str)
        if wrong := list(problems(plain, FitConfig)) or list(self._contradictions()):
            raise ConfigError("\n".join(wrong))

    def _contradictions(self) -> Iterator[str]:
        if self.batch % self.views or self.windows < self.views:
            yield (
                f"batch and windows: a scene gives {self.views} windows (views), so a batch has to "
                f"be a multiple of that, not {self.batch}, and windows no less, not {self.windows}"
            )
        if len(set(self.keywords)) < len(self.keywords) or not all(self.keywords):
            yield f"keywords: have to be different words, not {', '.join(self.keywords)}"
        if self.resume and self.restart:
            yield "resume and restart: only one of them makes sense"
        if self.output.is_dir():
            yield f"{self.output}: is a folder; name a file for the model"
