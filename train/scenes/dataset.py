"""An epoch of training windows: keywords, other words, running speech and noise, freshly drawn."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from kws.errors import AudioFileError, ConfigError
from kws.typing import Samples
from train.data.clips import NO_CLIPS, Clips
from train.data.features import NO_FEATURES, FeatureClips
from train.scenes.augment import change_speed, fragment
from train.scenes.scene import NONE, Scene, any_view
from train.scenes.settings import SceneSettings
from train.scenes.sources import ClipT, Moment, Recordings, Spoken, Words, around
from train.scenes.surroundings import Surroundings
from train.scenes.word_scenes import WordScenes, add_at

FRAGMENT_S = (0.2, 0.9)
"""Range of the length of speech that is cut out to stand alone, seconds."""
SILENCE = 0.2
"""How often noise alone is digital silence."""
ATTEMPTS = 20
"""Scenes in a row that may fail by recordings that cannot be read."""
STEP, RETRY, PICK, SEARCH = 1, 2, 3, 4
"""What else than a scene's first draw a generator is for: so no two have the same numbers."""


@dataclass(frozen=True)
class Material:
    """Everything that scenes are made of.

    Attributes:
        recorded: what people say, keywords and other words.
        synthetic: the same by synthesisers.
        features: the same as log-mel images.
        speech: recordings without keywords.
        noise: recordings of noise.
    """

    recorded: Clips = NO_CLIPS
    synthetic: Clips = NO_CLIPS
    features: FeatureClips = NO_FEATURES
    speech: Recordings = field(default_factory=Recordings)
    noise: Recordings = field(default_factory=Recordings)


class Scenes:
    """Draws scenes.

    Args:
        settings: how they are made.
        material: of what.

    Raises:
        ConfigError: of all that there should be a share of there is nothing.
    """

    def __init__(self, settings: SceneSettings, material: Material) -> None:
        self.settings = settings
        self._speech, self._noise = material.speech, material.noise
        self._around = Surroundings(settings, material.speech, material.noise)
        self._words = WordScenes(settings, self._around)
        self._recorded = _sides(material.recorded, settings.keywords)
        self._synthetic = _sides(material.synthetic, settings.keywords)
        self._features = _sides(material.features, settings.keywords)
        others = any(each[1] for each in (self._recorded, self._synthetic, self._features))
        mixture = settings.mixture
        self._shares = (
            mixture.keywords,
            mixture.words * others,
            mixture.speech * bool(material.speech),
            mixture.noise * bool(material.noise),
        )
        if not sum(self._shares):
            raise ConfigError("mixture: nothing to train with: raise the share of the keywords")

    def draw(self, draw: np.random.Generator, hard: Moment | None = None) -> Scene:
        """Draw one.

        Args:
            draw: draws it.
            hard: what to show where the model's mistakes are to be shown.

        Raises:
            AudioFileError: a recording cannot be read.
        """
        shares = np.array([*self._shares, self.settings.mixture.hard * (hard is not None)])
        kind = draw.choice(len(shares), p=shares / shares.sum())
        if kind == 0:
            keyword = int(draw.integers(len(self.settings.keywords)))
            return self._word(self.settings.keywords[keyword], keyword + 1, draw)
        if kind == 1:
            return self._word(None, NONE, draw)
        if kind == 2:
            shift = self.settings.augmentation.shift
            if draw.random() < self.settings.mixture.fragments * shift:
                return self._negative(self._fragment(draw), draw)
            return self._negative(self._speech.stretch(self.settings.samples, draw), draw)
        if hard is None or kind == 3:
            silent = draw.random() < SILENCE
            samples = self._noise.stretch(self.settings.samples, draw)
            return self._negative(samples * np.float32(not silent), draw)
        return self._negative(self._near(hard, draw), draw)

    def _word(self, word: str | None, label: int, draw: np.random.Generator) -> Scene:
        """A scene of a word, or of any that is no keyword."""
        side = 0 if label else 1
        recorded, synthetic = self._recorded[side], self._synthetic[side]
        features, mixture = self._features[side], self.settings.mixture
        wants_image = draw.random() < mixture.features or not recorded.has(word)
        if wants_image and features.has(word):
            return self._words.of_image(features.clip(draw, word), label, draw)
        wants_synthetic = draw.random() < mixture.synthetic or not recorded.has(word)
        source = synthetic if wants_synthetic and synthetic.has(word) else recorded
        return self._words.of_clip(source.clip(draw, word), label, draw)

    def _near(self, moment: Moment, draw: np.random.Generator) -> Samples:
        """A scene that holds the window of a moment, or most of it."""
        front_end = self.settings.front_end
        window = front_end.samples_in(self.settings.window_frames)
        jitter = int(draw.integers(self.settings.samples - window + 1))
        start = moment.end - window - jitter + front_end.sample_rate // 20
        return around(moment.path, front_end.sample_rate, start, self.settings.samples)

    def _fragment(self, draw: np.random.Generator) -> Samples:
        """A piece of speech that stands alone."""
        rate = self.settings.front_end.sample_rate
        piece = fragment(self._speech.whole(2 * rate, draw), rate, FRAGMENT_S, draw)
        scene = np.zeros(self.settings.samples, np.float32)
        add_at(scene, piece, int(draw.integers(max(1, len(scene) - len(piece)))))
        return scene

    def _negative(self, samples: Samples, draw: np.random.Generator) -> Scene:
        """A scene without a keyword."""
        settings = self.settings.augmentation
        if draw.random() < settings.speed_probability:
            factor = 1 + draw.uniform(-settings.speed, settings.speed)
            samples = np.resize(change_speed(samples, factor), self.settings.samples)
        power = float(np.square(samples).mean())
        frames = self._around.frames(self._around.vary(samples, power, draw))
        return Scene(frames, any_view(self.settings.frames, self.settings.window_frames))


def _sides(clips: Spoken[ClipT], keywords: Sequence[str]) -> tuple[Words[ClipT], Words[ClipT]]:
    """Clips of the keywords, and those of other words."""
    known = frozenset(keywords)
    return Words(clips, known.__contains__), Words(clips, lambda word: word not in known)


class Drawn(NamedTuple):
    """What a scene gives to the training.

    Attributes:
        windows: log-mel windows, float32 of shape (n, bands, frames).
        labels: int64 of shape (n,).
        unreadable: what is wrong with recordings that could not be read.
        failed: whether so many could not that there is no scene.
    """

    windows: Tensor
    labels: Tensor
    unreadable: tuple[str, ...] = ()
    failed: bool = False


class Key(NamedTuple):
    """What a drawn scene depends on, beside the seed and what there is.

    Attributes:
        epoch: from 0.
        number: of the scene in its epoch.
        hard: what to show where the model's mistakes are to be shown.
    """

    epoch: int
    number: int
    hard: Moment | None = None


@dataclass(frozen=True, eq=False)
class Drawings(Dataset[Drawn]):
    """Windows of scenes by their keys, the same wherever they are drawn.

    Attributes:
        scenes: draws them.
        views: windows that are cut from each.
        seed: of everything drawn.
    """

    scenes: Scenes
    views: int
    seed: int

    def __getitem__(self, key: Key) -> Drawn:
        """The windows of a scene; errors are reported, not raised, for a worker may draw it."""
        unreadable: list[str] = []
        for attempt in range(ATTEMPTS):
            # A recording that fails does so for whoever reads it: what is drawn in its stead
            # depends on nothing else either.
            again = (RETRY, attempt) if attempt else ()
            draw = np.random.default_rng((self.seed, key.epoch, key.number, *again))
            try:
                scene = self.scenes.draw(draw, key.hard)
            except AudioFileError as error:
                unreadable.append(str(error))
                continue
            length = self.scenes.settings.window_frames
            return Drawn(*scene.windows(self.views, length, draw), tuple(unreadable))
        return self.batch(())._replace(unreadable=tuple(unreadable), failed=True)

    def batch(self, drawn: Sequence[Drawn]) -> Drawn:
        """The windows of some scenes, or of none, as one."""
        settings = self.scenes.settings
        empty = torch.empty(0, settings.front_end.bands, settings.window_frames)
        return Drawn(
            torch.cat([empty, *(each.windows for each in drawn)]),
            torch.cat([torch.empty(0, dtype=torch.int64), *(each.labels for each in drawn)]),
            tuple(message for each in drawn for message in each.unreadable),
            any(each.failed for each in drawn),
        )
