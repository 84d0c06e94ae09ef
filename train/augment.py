"""What happens to a clip on its way into training: place, speed, level, noise, masks.

Everything random comes from the generator that is passed in.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from kws.arrays import Samples


@dataclass(frozen=True)
class Augmentation:
    """How clips are varied. Probabilities are 0 to 1, levels in dB, times in seconds.

    Attributes:
        speed: largest relative change of speed (and pitch) either way.
        speed_probability: how often the speed is changed.
        noise_probability: how often noise is added.
        snr_db: range that the signal-to-noise ratio is drawn from.
        level_db: range that the peak level is drawn from, dB of full scale.
        mask_frames: SpecAugment (arXiv 1904.08779): longest mask in time, frames.
        mask_bands: the same over frequency, bands.
    """

    speed: float = 0.12
    speed_probability: float = 0.5
    noise_probability: float = 0.7
    snr_db: tuple[float, float] = (0.0, 35.0)
    level_db: tuple[float, float] = (-40.0, -1.0)
    mask_frames: int = 12
    mask_bands: int = 5


def change_speed(samples: Samples, factor: float) -> Samples:
    """Play `samples` faster (factor above 1) or slower, by linear interpolation."""
    positions = np.arange(0, len(samples) - 1, factor)
    faster: Samples = np.interp(positions, np.arange(len(samples)), samples).astype(np.float32)
    return faster


def place(
    samples: Samples, region: tuple[int, int], length: int, generator: np.random.Generator
) -> Samples:
    """Put a word somewhere into a window of `length` samples, whole wherever it fits.

    Args:
        samples: the clip, shape (n,).
        region: first sample of the word and the sample after its last.
        length: samples of the window.
        generator: draws the place.

    Returns:
        float32 of shape (length,), silence where the clip does not reach.
    """
    start, end = region
    slack = length - (end - start)
    offset = int(generator.integers(min(0, slack), max(0, slack) + 1)) - start
    window = np.zeros(length, np.float32)
    first, last = max(0, offset), min(length, offset + len(samples))
    window[first:last] = samples[first - offset : last - offset]
    return window


def add_noise(samples: Samples, noise: Samples, snr_db: float) -> Samples:
    """Add `noise` of the same length at a signal-to-noise ratio of the mean powers, in dB."""
    signal_power = float(np.square(samples).mean())
    noise_power = float(np.square(noise).mean())
    if signal_power <= 0 or noise_power <= 0:
        return samples
    gain = np.sqrt(signal_power / noise_power * 10 ** (-snr_db / 10))
    mixed: Samples = samples + np.float32(gain) * noise
    return mixed


def set_level(samples: Samples, peak_db: float) -> Samples:
    """Scale to a peak of `peak_db` dB of full scale; silence stays silence."""
    peak = float(np.abs(samples).max(initial=0.0))
    if peak <= 0:
        return samples
    scaled: Samples = samples * np.float32(10 ** (peak_db / 20) / peak)
    return scaled


def mask(windows: Tensor, settings: Augmentation, generator: torch.Generator) -> Tensor:
    """SpecAugment (arXiv 1904.08779): one stretch of frames and one of bands set to the mean.

    Args:
        windows: normalised log-mel windows of shape (n, bands, frames).
        settings: the longest masks.
        generator: draws lengths and places, one each per window.
    """
    for axis, longest in ((1, settings.mask_bands), (2, settings.mask_frames)):
        size = windows.shape[axis]
        lengths = torch.randint(0, longest + 1, (len(windows), 1), generator=generator)
        starts = (torch.rand(len(windows), 1, generator=generator) * (size - lengths)).long()
        index = torch.arange(size)
        masked = (index >= starts) & (index < starts + lengths)
        windows = windows.masked_fill(masked.unsqueeze(3 - axis), 0.0)
    return windows
