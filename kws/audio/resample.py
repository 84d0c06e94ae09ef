"""Any rate and channel count to mono at the model's rate, as a stream."""

import logging

import numpy as np
import soxr

from kws.typing import Frames, Samples

log = logging.getLogger(__name__)


_CANCEL_SECONDS = 1.0
_CANCEL_POWER = 0.05
"""Share of the power that channels which have nothing to do with each other would leave."""
_QUIET_POWER = 1e-8


class MonoResampler:
    """Mixes down and resamples a stream; the output has no delay against the input.

    Channels that cancel each other out in the mix are warned of, once.

    Samples that are not finite become silence and are counted; the rest is clipped to [-1, 1].

    Args:
        input_rate: samples per second that come in.
        output_rate: samples per second that go out.
        name: of the stream, for the warning.
    """

    def __init__(self, input_rate: int, output_rate: int, name: str = "sound") -> None:
        self.input_rate = input_rate
        self.output_rate = output_rate
        self.not_finite = 0
        self._name, self._warned = name, False
        self._counted, self._power, self._mixed_power = 0, 0.0, 0.0
        self._soxr = self._start()

    def push(self, frames: Frames) -> Samples:
        """Take frames of shape (n, channels), return float32 of shape (m,)."""
        frames, not_finite = clean(frames)
        self.not_finite += not_finite
        return self._resample(frames[:, 0] if frames.shape[1] == 1 else self._mix(frames))

    def flush(self, silence_s: float = 0.0) -> Samples:
        """The samples still inside, then so much silence; the next ones start a new stream."""
        rest = self._resample(np.empty(0, np.float32), last=True)
        self._soxr = self._start()
        silence = np.zeros(round(silence_s * self.output_rate), np.float32)
        return np.concatenate((rest, silence)) if len(silence) else rest

    def output_length(self, frames: int) -> int:
        """Samples that `frames` frames become."""
        return round(frames * self.output_rate / self.input_rate)

    def _mix(self, frames: Frames) -> Samples:
        mixed: Samples = frames.mean(axis=1)
        if not self._warned:
            self._counted += len(frames)
            self._power += float(np.vdot(frames, frames))
            self._mixed_power += float(np.vdot(mixed, mixed))
            if self._counted >= _CANCEL_SECONDS * self.input_rate:
                self._judge(frames.shape[1])
        return mixed

    def _judge(self, channels: int) -> None:
        """Warn where little is left in the mix of a second."""
        independent = self._power / channels**2
        loud = self._power > _QUIET_POWER * self._counted * channels
        if loud and self._mixed_power < _CANCEL_POWER * independent:
            self._warned = True
            log.warning(
                "%s: its %d channels cancel each other out in their mix; choose one, such as "
                "audio.channel: 0",
                *(self._name, channels),
            )
        self._counted, self._power, self._mixed_power = 0, 0.0, 0.0

    def _start(self) -> soxr.ResampleStream | None:
        if self.input_rate == self.output_rate:
            return None
        return soxr.ResampleStream(self.input_rate, self.output_rate, 1, dtype="float32")

    def _resample(self, samples: Samples, *, last: bool = False) -> Samples:
        if self._soxr is None:
            return samples
        resampled: Samples = self._soxr.resample_chunk(samples, last=last)
        return resampled


def clean(frames: Frames) -> tuple[Frames, int]:
    """Frames with silence for what is not finite, and the rest clipped to [-1, 1].

    Args:
        frames: shape (n, channels).

    Returns:
        The frames, and how many samples were not finite.
    """
    # One test finds both what is too loud and what is no number.
    if not frames.size or (frames.max() <= 1.0 and frames.min() >= -1.0):
        return frames, 0
    cleaned = np.nan_to_num(frames, nan=0.0, posinf=0.0, neginf=0.0).clip(-1.0, 1.0)
    return cleaned, int(np.count_nonzero(~np.isfinite(frames)))


def warn_not_finite(name: str, count: int) -> None:
    """Log how many samples of a stream or file were no numbers, if any."""
    if count:
        log.warning("%s: %d samples were no numbers and were taken as silence", name, count)
