"""What scenes hold and how they are seen: the settings of everything that is drawn."""

from dataclasses import dataclass, field
from typing import Annotated

from msgspec import Meta

from kws.spotting.frontend import FrontEndSettings
from kws.spotting.header import Context
from train.scenes.augment import Augmentation, Probability

Share = Annotated[float, Meta(ge=0)]


@dataclass(frozen=True)
class Mixture:
    """Shares of an epoch, by what a scene holds; they need not sum to one.

    Attributes:
        keywords: one of the keywords, each equally often.
        words: another word.
        speech: running speech without keywords.
        noise: noise alone, or silence.
        hard: what a model took for a keyword (hard negatives), once there are any.
        synthetic: of keywords and of other words alike, the share that a synthesiser speaks, so
            that its sound does not tell the one from the other.
        features: of keywords and of other words alike, the share that comes from log-mel images.
        company: of the words, the share that has speech beside it.
        fragments: of the speech, the share that is cut up into pieces said alone.
    """

    keywords: Share = 0.4
    words: Share = 0.25
    speech: Share = 0.2
    noise: Share = 0.05
    hard: Share = 0.1
    synthetic: Probability = 0.2
    features: Probability = 0.5
    company: Probability = 0.2
    fragments: Probability = 0.5


@dataclass(frozen=True)
class SceneSettings:
    """How scenes are made.

    Attributes:
        keywords: the model's classes.
        front_end: how samples become frames.
        window_frames: frames of a window.
        scene_frames: frames of a scene, if words may be anywhere in it.
        mixture: what scenes hold.
        augmentation: how they are varied.
        context: where keywords count.
    """

    keywords: tuple[str, ...]
    front_end: FrontEndSettings = field(default_factory=FrontEndSettings)
    window_frames: int = 98
    scene_frames: int = 173
    mixture: Mixture = field(default_factory=Mixture)
    augmentation: Augmentation = field(default_factory=Augmentation)
    context: Context = "alone"

    @property
    def frames(self) -> int:
        """Frames of a scene."""
        return self.scene_frames if self.augmentation.shift else self.window_frames

    @property
    def samples(self) -> int:
        """Samples of a scene."""
        return self.front_end.samples_in(self.frames)
