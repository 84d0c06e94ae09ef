"""The front end: samples to log-mel frames, the same frames for any split into blocks.

Training, the daemon and `kws scan` all compute their features here.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from kws.config.schema import HIGHEST_RATE, LOWEST_RATE
from kws.typing import Samples


@dataclass(frozen=True)
class FrontEndSettings:
    """All figures of the front end; they stand in the model file.

    Lengths are in samples, frequencies in Hz; `floor` is added to the mel power (of samples in
    [-1, 1]) before the logarithm.
    """

    sample_rate: int = 16_000
    frame_length: int = 480
    hop_length: int = 160
    fft_length: int = 512
    bands: int = 40
    low_hz: float = 0.0
    high_hz: float = 8_000.0
    floor: float = 1e-6

    def __post_init__(self) -> None:
        if not 0 < self.hop_length <= self.frame_length <= self.fft_length <= 65_536:
            raise ValueError(
                "a front end needs 0 < hop_length <= frame_length <= fft_length <= 65536"
            )
        if not LOWEST_RATE <= self.sample_rate <= HIGHEST_RATE:
            raise ValueError(
                f"a front end needs a sample_rate from {LOWEST_RATE} to {HIGHEST_RATE}"
            )
        if not 0 <= self.low_hz < self.high_hz <= self.sample_rate / 2:
            raise ValueError("a front end needs 0 <= low_hz < high_hz <= sample_rate / 2")
        if not (1 <= self.bands <= 1_024 and 0 < self.floor <= 1):
            raise ValueError("a front end needs 1 to 1024 bands and a floor above 0 up to 1")

    def frames_in(self, samples: int) -> int:
        """Number of whole frames in `samples` samples."""
        return max(0, 1 + (samples - self.frame_length) // self.hop_length)

    def samples_in(self, frames: int) -> int:
        """Number of samples that `frames` frames span."""
        return self.frame_length + (frames - 1) * self.hop_length if frames else 0


def hertz_to_mel(hertz: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """HTK mel scale: 2595 log10(1 + f / 700) (The HTK Book, section 5.4)."""
    return 2595.0 * np.log10(1.0 + hertz / 700.0)


def mel_to_hertz(mel: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Inverse of `hertz_to_mel`."""
    return 700.0 * (10.0 ** (mel / 2595.0) - 1.0)


def mel_filters(settings: FrontEndSettings) -> npt.NDArray[np.float64]:
    """Triangular filters on the HTK mel scale, peak 1, not normalised.

    Returns:
        Weights of shape (fft_length // 2 + 1, bands).
    """
    limits = hertz_to_mel(np.array([settings.low_hz, settings.high_hz]))
    edges = mel_to_hertz(np.linspace(limits[0], limits[1], settings.bands + 2))
    bins = np.fft.rfftfreq(settings.fft_length, 1 / settings.sample_rate)[:, None]
    lower, centre, upper = edges[:-2], edges[1:-1], edges[2:]
    rising = (bins - lower) / (centre - lower)
    falling = (upper - bins) / (upper - centre)
    weights: npt.NDArray[np.float64] = np.maximum(0.0, np.minimum(rising, falling))
    return weights


class LogMel:
    """Log-mel power of whole signals, without state.

    Each frame is weighted by a periodic Hann window, zero-padded to the FFT length, and its power
    spectrum summed into mel bands; nothing is padded at the ends, nothing looks ahead.
    """

    def __init__(self, settings: FrontEndSettings) -> None:
        self.settings = settings
        length = settings.frame_length
        hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(length) / length)
        self._hann = hann.astype(np.float32)
        # A filter weighs the squares of real and imaginary part alike.
        self._filters = mel_filters(settings).astype(np.float32).repeat(2, axis=0)

    def __call__(self, samples: Samples) -> npt.NDArray[np.float32]:
        """Compute ln(mel power + floor).

        Args:
            samples: float32 of shape (..., samples), mono, in [-1, 1].

        Returns:
            float32 of shape (..., frames, bands); no frames where the signal is shorter than one.
        """
        settings = self.settings
        if samples.shape[-1] < settings.frame_length:
            return np.empty((*samples.shape[:-1], 0, settings.bands), np.float32)
        samples = np.ascontiguousarray(samples, np.float32)
        *others, step = samples.strides
        shape = (*samples.shape[:-1], settings.frames_in(samples.shape[-1]))
        # What `sliding_window_view` gives, in a tenth of its time: this runs in each hop.
        frames: Samples = np.ndarray(
            (*shape, settings.frame_length),
            np.float32,
            samples,
            strides=(*others, step * settings.hop_length, step),
        )
        padded = np.zeros((*shape, settings.fft_length), np.float32)
        np.multiply(frames, self._hann, out=padded[..., : settings.frame_length])
        # In float32 throughout: numpy keeps the precision of what it is given.
        parts = np.fft.rfft(padded).view(np.float32)
        mel_power = np.square(parts, out=parts) @ self._filters
        mel_power += np.float32(settings.floor)
        return np.log(mel_power, out=mel_power)


class StreamingLogMel:
    """Log-mel frames of a stream: each frame is computed once, when its last sample arrives."""

    def __init__(self, log_mel: LogMel) -> None:
        self._log_mel = log_mel
        self._rest = np.empty(0, np.float32)

    def push(self, samples: Samples) -> npt.NDArray[np.float32]:
        """Take the next samples and return the frames that they complete.

        Args:
            samples: float32 of shape (n,), any n.

        Returns:
            float32 of shape (frames, bands), the very frames that `LogMel` computes over the
            whole stream.
        """
        signal = np.concatenate((self._rest, samples))
        settings = self._log_mel.settings
        used = settings.frames_in(len(signal)) * settings.hop_length
        frames = self._log_mel(signal)
        self._rest = signal[used:].copy()
        return frames

    def reset(self) -> None:
        """Forget the samples of an unfinished frame: what comes next does not follow them."""
        self._rest = np.empty(0, np.float32)
