"""What a teacher's training is to do."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Annotated, Any

from msgspec import Meta, to_builtins

from kws.config.load import convert
from kws.config.validation import problems
from kws.config.yaml12 import read_yaml
from kws.errors import ConfigError
from train.scenes.augment import Augmentation, Probability
from train.scenes.settings import Share

SHARD = 512
"""Examples that are drawn, and kept, together."""
PRESETS = Path(__file__).parent / "presets"
OneOrMore = Annotated[int, Meta(ge=1)]
ZeroOrMore = Annotated[int, Meta(ge=0)]
Positive = Annotated[float, Meta(gt=0)]
Range = tuple[Annotated[float, Meta(ge=0, le=2)], Annotated[float, Meta(ge=0, le=2)]]


@dataclass(frozen=True)
class TeacherMixture:
    """Shares of the examples, by what a window holds; they need not sum to one.

    Attributes:
        keywords: a keyword that stands alone.
        company: a keyword right beside other speech, which is to be "none".
        partial: a keyword of which most is outside the window, which is to be "none".
        near: a word that sounds like a keyword.
        words: any other word said alone.
        speech: running speech, or a piece of it that stands alone.
        noise: noise alone.
        proposed: sound that the proposer takes for a keyword.
        synthetic: of the keywords, the share that a synthesiser speaks.
        images: of the keywords and other words, the share that is sound of log-mel images.
        apart: of the keywords and words that stand alone, the share with speech before them
            beyond a pause.
    """

    keywords: Share = 0.42
    company: Share = 0.07
    partial: Share = 0.05
    near: Share = 0.16
    words: Share = 0.12
    speech: Share = 0.15
    noise: Share = 0.03
    proposed: Share = 0.0
    synthetic: Probability = 0.12
    images: Probability = 0.0
    apart: Probability = 0.2


@dataclass(frozen=True)
class TeacherStep:
    """A part of the training.

    Attributes:
        name: of it, for the log.
        trained_blocks: last blocks of the encoder that learn beside the head; 0 for the head alone.
        examples: different examples.
        passes: over them.
        head_rate: highest learning rate of the head.
        encoder_rate: the same of the encoder.
    """

    name: str
    trained_blocks: ZeroOrMore
    examples: OneOrMore
    passes: OneOrMore
    head_rate: Positive = 1e-3
    encoder_rate: Positive = 1e-4


@dataclass(frozen=True)
class TeacherConfig:
    """What to train a teacher on and how.

    Attributes:
        keywords: the classes.
        steps: parts of the training, one after the other.
        cached_blocks: blocks of the encoder whose output is kept on the disk while they do not
            learn.
        batch: examples in a step of the optimiser.
        weight_decay: of AdamW.
        label_smoothing: share of the target spread over the other classes.
        pause_s: range of the time between a word's end and the window's, seconds.
        measure_examples: examples between two measurements.
        seed: of everything drawn.
        proposer: name of the keyword model whose false detections are examples of "none"; empty for
            no such examples.
        mixture: what windows hold.
        augmentation: how they are varied.
    """

    keywords: tuple[str, ...]
    steps: tuple[TeacherStep, ...]
    cached_blocks: ZeroOrMore = 2
    batch: OneOrMore = 32
    weight_decay: Annotated[float, Meta(ge=0)] = 1e-2
    label_smoothing: Probability = 0.05
    pause_s: Range = (0.05, 0.6)
    measure_examples: OneOrMore = 40 * SHARD
    seed: ZeroOrMore = 1
    proposer: str = ""
    mixture: TeacherMixture = field(default_factory=TeacherMixture)
    augmentation: Augmentation = field(
        default_factory=lambda: Augmentation(
            snr_db=(3.0, 30.0), gain_db=(-25.0, 10.0), mask_frames=0, mask_bands=0
        )
    )

    def check(self) -> None:
        """Find what contradicts itself.

        Raises:
            ConfigError: something does.
        """
        plain = to_builtins(self, enc_hook=str)
        if wrong := list(problems(plain, TeacherConfig)) or list(self._contradictions()):
            raise ConfigError("\n".join(wrong))

    def shaping(self) -> dict[str, Any]:
        """All settings as plain values, but for when it is measured."""
        return {name: value for name, value in asdict(self).items() if name != "measure_examples"}

    def _contradictions(self) -> Iterator[str]:
        if len(set(self.keywords)) < len(self.keywords) or not all(self.keywords):
            yield f"keywords: have to be different words, not {', '.join(self.keywords)}"
        if not self.keywords or not self.steps:
            yield "keywords and steps: there has to be one at least of each"
        if SHARD % self.batch:
            yield f"batch: has to divide {SHARD}, the examples of a shard, not {self.batch}"
        if self.pause_s[0] > self.pause_s[1]:
            yield f"pause_s: is a range from low to high, not from {self.pause_s}"


def read_teacher_preset(preset: str) -> TeacherConfig:
    """Read a preset of `train/teacher/presets`, or a YAML file.

    Raises:
        ConfigError: there is no such preset, or it says something that cannot be.
    """
    for path in (PRESETS / f"{preset}.yaml", Path(preset)):
        if path.is_file():
            return convert(read_yaml(path), TeacherConfig, str(path))
    names = ", ".join(sorted(each.stem for each in PRESETS.glob("*.yaml")))
    raise ConfigError(f"preset {preset!r} not found; there are: {names}")
