"""What is around a word: speech beside it, noise, a room, a channel, and how loud all of it is."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from kws.spotting.frontend import LogMel
from kws.typing import Samples
from train.data.features import Power
from train.scenes.augment import (
    add_noise,
    change_level,
    clip_peaks,
    coloured_noise,
    draw_band,
    limit_band,
    reverberate,
)
from train.scenes.settings import SceneSettings
from train.scenes.sources import Recordings

COMPANY_DB = 8.0
"""How much louder or quieter than a word the speech beside it may be, dB."""
BABBLE_VOICES = (2, 16)
"""Range of the number of voices where the noise is people talking."""
VOICE_SNR_DB = 15.0
"""Least level of a word above each of these voices: louder ones are company."""


class Surroundings:
    """Draws what is around a word.

    Args:
        settings: of the scenes.
        speech: recordings without keywords; there may be none.
        noise: recordings of noise; there may be none.
    """

    def __init__(self, settings: SceneSettings, speech: Recordings, noise: Recordings) -> None:
        self._settings = settings
        self._speech, self._noise = speech, noise
        self._log_mel = LogMel(settings.front_end)

    @property
    def can_talk(self) -> bool:
        """Whether there is speech at all."""
        return bool(self._speech)

    def frames(self, samples: Samples) -> Tensor:
        """Log-mel frames, shape (frames, bands)."""
        return torch.from_numpy(self._log_mel(samples))

    def power(self, samples: Samples) -> Power:
        """Mel power."""
        power: Power = self.frames(samples).exp().numpy()
        return power

    def company(self, near: Sequence[int | None], draw: np.random.Generator) -> Samples | None:
        """Speech in a scene that is silent otherwise; None where the scene has no room for it.

        Args:
            near: last frame of the speech before a word and first frame of that after it, where
                there is some.
            draw: draws it.
        """
        hop, samples = self._settings.front_end.hop_length, self._settings.samples
        company = np.zeros(samples, np.float32)
        before, after = near
        if before is not None and before > 0:
            company[: before * hop] = self._speech.whole(before * hop, draw)
        if after is not None and after * hop < samples:
            company[after * hop :] = self._speech.whole(samples - after * hop, draw)
        return company if company.any() else None

    def noise(self, draw: np.random.Generator) -> tuple[Samples, float]:
        """A scene of noise: recorded, coloured, or people talking.

        Returns:
            The noise, and how far below the word it is to be, dB.
        """
        settings, samples = self._settings.augmentation, self._settings.samples
        snr_db = draw.uniform(*settings.snr_db)
        kind = draw.random()
        if self._speech and kind < settings.babble_probability:
            babble, least_db = self._babble(samples, draw)
            return babble, max(snr_db, least_db)
        if not self._noise or kind > 1 - settings.coloured_probability:
            return coloured_noise(samples, draw), snr_db
        return self._noise.whole(samples, draw), snr_db

    def _babble(self, samples: int, draw: np.random.Generator) -> tuple[Samples, float]:
        """People talking, near or far, and how far below a word all of them have to be, dB."""
        fewest, most = np.log2(BABBLE_VOICES)
        voices = round(2 ** draw.uniform(fewest, most))
        babble = np.sum([self._speech.whole(samples, draw) for _ in range(voices)], axis=0)
        settings = self._settings
        if draw.random() < settings.augmentation.room_probability:
            room_s = draw.uniform(*settings.augmentation.room_s)
            babble = reverberate(babble, settings.front_end.sample_rate, room_s, draw)
        return babble.astype(np.float32), VOICE_SNR_DB - 10 * np.log10(voices)

    def vary(self, scene: Samples, power: float, draw: np.random.Generator) -> Samples:
        """A scene in a room, with noise, through a channel, at a level.

        Args:
            scene: shape (samples,).
            power: mean power of what counts in it, such as of a word.
            draw: draws all of it.
        """
        settings, rate = self._settings.augmentation, self._settings.front_end.sample_rate
        if draw.random() < settings.room_probability:
            scene = reverberate(scene, rate, draw.uniform(*settings.room_s), draw)
        if draw.random() < settings.noise_probability:
            noise, snr_db = self.noise(draw)
            scene = add_noise(scene, noise, snr_db, power)
        if draw.random() < settings.band_probability:
            scene = limit_band(scene, rate, draw_band(draw))
        if draw.random() < settings.clipping_probability:
            scene = clip_peaks(scene, draw.uniform(0.1, 0.6))
        return change_level(scene, draw.uniform(*settings.gain_db))
