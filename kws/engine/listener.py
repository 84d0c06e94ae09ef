"""One stream from its source's frames to what was heard: resampler and spotter as one.

The daemon and `kws scan` both hear through this. Pure: no thread, no clock.
"""

import logging

import numpy as np
from torch import Tensor

from kws.audio.resample import MonoResampler
from kws.config.schema import Config
from kws.engine.build import trigger_settings
from kws.errors import ConfigError
from kws.spotting.model_file import KeywordModel
from kws.spotting.spotter import Detection, Spotter, hop_frames
from kws.typing import AudioFormat, Frames

log = logging.getLogger(__name__)

SILENCE_S = 1.0
"""Silence, in seconds, put around a recording so that words at its edges are heard."""


class Listener:
    """Hears a stream of frames as a source delivers them.

    Args:
        audio_format: of the frames.
        spotter: hears mono samples at the model's rate.
    """

    def __init__(self, audio_format: AudioFormat, spotter: Spotter) -> None:
        self._resampler = MonoResampler(audio_format.sample_rate, spotter.model.sample_rate)
        self.spotter = spotter

    @property
    def not_finite(self) -> int:
        """Samples that were no numbers, and were taken as silence."""
        return self._resampler.not_finite

    @property
    def seconds(self) -> float:
        """Length of the stream so far, at the spotter."""
        return self.spotter.position / self.spotter.model.sample_rate

    def push(self, frames: Frames) -> list[Detection]:
        """Take the next frames, shape (n, channels)."""
        return self.spotter.push(self._resampler.push(frames))

    def windows(self, frames: Frames) -> Tensor:
        """The windows that the next frames complete, as `Spotter.windows` gives them."""
        return self.spotter.windows(self._resampler.push(frames))

    def skip(self, lost: int) -> tuple[int, list[Detection]]:
        """`lost` frames are missing here.

        Returns:
            How many samples that is at the model's rate, and what was heard before it.
        """
        heard = self.finish()
        samples = self._resampler.output_length(lost)
        self.spotter.skip(samples)
        return samples, heard

    def finish(self) -> list[Detection]:
        """Hear what is still inside, at the end of a source."""
        return self.spotter.push(self._resampler.flush())

    def silence(self) -> list[Detection]:
        """Hear a second of silence, before a recording or after its end."""
        rest = self._resampler.flush()
        count = round(SILENCE_S * self.spotter.model.sample_rate)
        return self.spotter.push(np.concatenate((rest, np.zeros(count, np.float32))))


def make_spotter(config: Config, model: KeywordModel) -> Spotter:
    """A spotter with the model's settings where the configuration says nothing.

    Raises:
        ConfigError: the configuration does not fit the model.
    """
    trigger = trigger_settings(config, model.header.trigger, model.header.calibration)
    hop_s = model.header.hop_s if config.model.hop_s is None else config.model.hop_s
    try:
        hop_frames(model, hop_s)
    except ValueError as error:
        raise ConfigError(f"model.{error}") from error
    return Spotter(model, hop_s=hop_s, trigger=trigger)


def thresholds(spotter: Spotter) -> dict[str, float]:
    """The smoothed posterior that each keyword has to reach."""
    return {keyword: settings.threshold for keyword, settings in spotter.trigger.items()}


def warn_of_other_hop(spotter: Spotter) -> None:
    """Say so where a spotter hears at another hop than its thresholds were calibrated at."""
    header = spotter.model.header
    if spotter.hop_s != header.hop_s:
        log.warning(
            "model.hop_s is %g s, but the thresholds of model %r were calibrated at %g s",
            spotter.hop_s,
            header.name,
            header.hop_s,
        )
