"""Scenes of a word: where it stands, what is beside it, and how it may be seen."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from kws.typing import Samples
from train.data.clips import Clip
from train.data.features import FeatureClip, Power, band_centres, change_frame_rate, power_span
from train.data.samples import active_region, read_samples
from train.scenes.augment import change_speed, draw_band
from train.scenes.scene import Scene, View, any_view, crowded_views, keyword_views
from train.scenes.settings import SceneSettings
from train.scenes.surroundings import COMPANY_DB, Surroundings

FULL_SCALE_POWER = 6e3
"""Mel power of the loudest frame of a word whose peak is full scale, summed over the bands: the
median of Speech Commands."""
EDGE_HZ = 100.0
"""What a band's centre has to be below the highest frequency of an image to be seen in it."""
EARLIEST = 4
"""First frame of a scene that a word may begin at."""
LATEST = 10
"""Frames that are left behind a word, if the scene is long enough."""
CLOSE = 0.6
"""How often speech beside a word is close to it."""
CLOSE_GAP, WIDE_GAP = (0, 10), (30, 70)
"""Ranges that the gap between a word and the speech beside it is drawn from, frames."""


@dataclass(frozen=True, eq=False)
class _Stage:
    """Where a clip begins in its scene, frames; the speech beside it; how it may be seen."""

    start: int
    company: Samples | None
    views: tuple[View, ...]


class WordScenes:
    """Makes scenes of clips.

    Args:
        settings: of the scenes.
        surroundings: what there is around words.
    """

    def __init__(self, settings: SceneSettings, surroundings: Surroundings) -> None:
        self._settings = settings
        self._around = surroundings
        self._centres = band_centres(settings.front_end)

    def of_clip(self, clip: Clip, label: int, draw: np.random.Generator) -> Scene:
        """A scene of a recorded clip.

        Raises:
            AudioFileError: a recording cannot be read.
        """
        front_end, augmentation = self._settings.front_end, self._settings.augmentation
        samples = read_samples(clip.path, front_end.sample_rate)
        if draw.random() < augmentation.speed_probability:
            samples = change_speed(
                samples, 1 + draw.uniform(-augmentation.speed, augmentation.speed)
            )
        hop = front_end.hop_length
        first, last = active_region(samples, front_end.sample_rate)
        stage = self._stage((first // hop, -(-last // hop)), label, draw)
        scene = np.zeros(self._settings.samples, np.float32)
        add_at(scene, samples, stage.start * hop)
        power = float(np.square(samples[first:last]).mean())
        if stage.company is not None:
            loud = float(np.square(stage.company[stage.company != 0]).mean())
            gain = np.sqrt(power / max(1e-12, loud))
            level = 10 ** (draw.uniform(-COMPANY_DB, COMPANY_DB) / 20)
            scene += stage.company * np.float32(gain * level)
        return Scene(self._around.frames(self._around.vary(scene, power, draw)), stage.views)

    def of_image(self, clip: FeatureClip, label: int, draw: np.random.Generator) -> Scene:
        """The same of a log-mel image, as far as powers can do it.

        Raises:
            AudioFileError: a recording cannot be read.
        """
        settings = self._settings.augmentation
        power = clip.power
        if draw.random() < settings.speed_probability:
            power = change_frame_rate(power, 1 + draw.uniform(-settings.speed, settings.speed))
        span = power_span(power)
        stage = self._stage(span, label, draw)
        scene: Power = np.zeros((self._settings.frames, power.shape[1]), np.float32)
        add_at(scene, power, stage.start)
        level = float(power[span[0] : span[1]].sum(1).mean())
        if stage.company is not None:
            beside = self._around.power(stage.company)
            loud = beside.sum(1)
            gain = level / max(1e-12, float(loud[loud > 1e-3 * loud.max()].mean()))
            scene += beside * np.float32(gain * 10 ** (draw.uniform(-COMPANY_DB, COMPANY_DB) / 10))
        if draw.random() < settings.noise_probability:
            samples, snr_db = self._around.noise(draw)
            noise = self._around.power(samples)
            gain = level / max(1e-12, float(noise.sum(1).mean()))
            scene += noise * np.float32(gain * 10 ** (-snr_db / 10))
        if draw.random() < settings.band_probability:
            scene *= np.square(draw_band(draw).gain(self._centres)).astype(np.float32)
        # What the image could not show is missing in all of the scene, as behind a narrow channel.
        scene *= self._centres < clip.high_hz - EDGE_HZ
        most = FULL_SCALE_POWER / max(1e-12, float(scene.sum(1).max()))
        scene *= np.float32(min(most, 10 ** (draw.uniform(*settings.gain_db) / 10)))
        frames = torch.from_numpy(scene).add_(self._settings.front_end.floor).log_()
        return Scene(frames, stage.views)

    def _stage(self, span: tuple[int, int], label: int, draw: np.random.Generator) -> _Stage:
        """Draw where a word stands and what is beside it.

        Args:
            span: of the word in its clip, frames.
            label: what windows that see it are to say.
            draw: draws it.
        """
        settings = self._settings
        frames, length = settings.frames, settings.window_frames
        if not settings.augmentation.shift:
            views = tuple(View(each.first, each.last, label) for each in any_view(frames, length))
            return _Stage(0, None, views)
        size = span[1] - span[0]
        first = int(draw.integers(EARLIEST, max(EARLIEST + 1, frames - size - LATEST)))
        word = (first, first + size)
        views = any_view(frames, length)
        if label:
            views = keyword_views(word, label, frames, length, settings.context)
        company = None
        if self._around.can_talk and draw.random() < settings.mixture.company:
            close = draw.random() < CLOSE
            near = _near(word, CLOSE_GAP if close else WIDE_GAP, draw)
            company = self._around.company(near, draw)
            if label and close and settings.context == "alone":
                crowded = crowded_views(word, near, frames, length)
                views = crowded or views
                company = company if crowded else None
        return _Stage(first - span[0], company, views)


def _near(
    word: tuple[int, int], gaps: tuple[int, int], draw: np.random.Generator
) -> tuple[int | None, int | None]:
    """Draw where speech before a word ends and where speech after it begins; one may be missing."""
    which = int(draw.integers(1, 4))
    before = word[0] - int(draw.integers(*gaps)) if which & 1 else None
    after = word[1] + int(draw.integers(*gaps)) if which & 2 else None
    return before, after


def add_at(scene: npt.NDArray[Any], clip: npt.NDArray[Any], offset: int) -> None:
    """Add a clip to the scene from `offset` on, where there is room for it."""
    first, last = max(0, -offset), min(len(clip), len(scene) - offset)
    if last > first:
        scene[offset + first : offset + last] += clip[first:last]
