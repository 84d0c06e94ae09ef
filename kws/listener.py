"""One stream from its source's frames to what was heard: resampler and spotter as one.

The daemon and `kws scan` both hear through this. Pure: no thread, no clock.
"""

import logging
from collections.abc import Callable

import numpy as np

from kws.arrays import Frames
from kws.audio.feed import AudioFormat, Feed
from kws.audio.resample import MonoResampler, warn_not_finite
from kws.config import Config, trigger_settings
from kws.errors import ConfigError
from kws.events import Dropped, Heard
from kws.spotting.model_file import KeywordModel
from kws.spotting.spotter import Detection, Spotter, hop_frames

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
        self.dropped_samples = 0

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

    def skip(self, lost: int) -> tuple[int, list[Detection]]:
        """`lost` frames are missing here.

        Returns:
            How many samples that is at the model's rate, and what was heard before it.
        """
        heard = self.spotter.push(self._resampler.flush())
        samples = self._resampler.output_length(lost)
        self.spotter.skip(samples)
        self.dropped_samples += samples
        return samples, heard

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


def listen(
    feed: Feed,
    listener: Listener,
    publish: Callable[[Heard | Dropped], object],
    *,
    stream: str,
    live: bool,
) -> None:
    """Hear a feed to its end.

    A live source does not wait: where we are more than a window behind, the newest window is
    heard next and what came before it is dropped. Other sources wait, and nothing is lost.

    Args:
        feed: where frames come from.
        listener: hears them.
        publish: takes what happened.
        stream: name of the stream.
        live: whether the source does not wait.
    """

    spotter, rate = listener.spotter, feed.format.sample_rate
    name = spotter.model.header.name

    def report(detections: list[Detection]) -> None:
        for each in detections:
            publish(Heard(stream, each.t, each.keyword, each.confidence, name))

    hop = round(rate * spotter.hop_s)
    window = round(rate * spotter.model.window_samples / spotter.model.sample_rate)
    behind = window if live else None
    while (chunk := feed.read(hop, limit=4 * window, behind=behind)) is not None:
        if chunk.lost:
            samples, detections = listener.skip(chunk.lost)
            report(detections)
            reason = "sound was lost, or could not be heard in time"
            log.warning("stream %r: %d samples dropped: %s", stream, samples, reason)
            publish(Dropped(stream, listener.seconds, samples, reason))
        report(listener.push(chunk.frames))
    if not live:
        report(listener.silence())
    warn_not_finite(f"stream {stream!r}", listener.not_finite)
