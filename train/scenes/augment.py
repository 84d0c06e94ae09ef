"""What happens to sound on its way into training: speed, rooms, noise, bands, level, masks.

Everything random comes from the generator that is passed in.
"""

from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
import numpy.typing as npt
import torch
from msgspec import Meta
from torch import Tensor

from kws.typing import Samples

Probability = Annotated[float, Meta(ge=0, le=1)]
Seconds = Annotated[float, Meta(ge=0, le=10)]
Decibels = Annotated[float, Meta(ge=-120, le=120)]
Count = Annotated[int, Meta(ge=0)]
Spectrum = npt.NDArray[np.floating[Any]]
"""A value for each frequency."""


@dataclass(frozen=True)
class Augmentation:
    """How sound is varied. Probabilities are 0 (off) to 1, levels in dB, times in seconds.

    Attributes:
        shift: whether a word may be anywhere in a window; else it is in the middle.
        speed_probability: how often the speed is changed.
        speed: largest relative change of speed (and pitch) either way.
        room_probability: how often the sound is that of a room.
        room_s: range that the room's reverberation time (RT60) is drawn from.
        noise_probability: how often noise is added.
        snr_db: range that the signal-to-noise ratio is drawn from.
        coloured_probability: of the noise, the share that is synthetic with a drawn spectrum.
        babble_probability: of the noise, the share that is people talking.
        band_probability: how often a telephone's or a cheap microphone's band is all there is.
        clipping_probability: how often peaks are cut off.
        gain_db: range of the change of level, dB; what would be above full scale is cut off.
        mask_frames: SpecAugment (arXiv 1904.08779): longest mask in time, frames; 0 for none.
        mask_bands: the same over frequency, bands.
        mixup: alpha of mixup's beta distribution (arXiv 1710.09412); 0 for none.
    """

    shift: bool = True
    speed_probability: Probability = 0.5
    speed: Annotated[float, Meta(ge=0, le=0.5)] = 0.15
    room_probability: Probability = 0.3
    room_s: tuple[Seconds, Seconds] = (0.1, 0.8)
    noise_probability: Probability = 0.7
    snr_db: tuple[Decibels, Decibels] = (3.0, 35.0)
    coloured_probability: Probability = 0.15
    babble_probability: Probability = 0.1
    band_probability: Probability = 0.25
    clipping_probability: Probability = 0.05
    gain_db: tuple[Decibels, Decibels] = (-20.0, 10.0)
    mask_frames: Count = 12
    mask_bands: Count = 5
    mixup: Annotated[float, Meta(ge=0, le=100)] = 0.0

    def __post_init__(self) -> None:
        for name in ("room_s", "snr_db", "gain_db"):
            low, high = getattr(self, name)
            if low > high:
                raise ValueError(f"{name} is a range from low to high, not from {low} to {high}")


NO_AUGMENTATION = Augmentation(
    shift=False,
    speed_probability=0.0,
    room_probability=0.0,
    noise_probability=0.0,
    band_probability=0.0,
    clipping_probability=0.0,
    gain_db=(0.0, 0.0),
    mask_frames=0,
    mask_bands=0,
)
"""Clips as they are."""


def change_speed(samples: Samples, factor: float) -> Samples:
    """Play `samples` faster (factor above 1) or slower, by linear interpolation."""
    positions = np.arange(0, len(samples) - 1, factor)
    faster: Samples = np.interp(positions, np.arange(len(samples)), samples).astype(np.float32)
    return faster


def add_noise(samples: Samples, noise: Samples, snr_db: float, power: float) -> Samples:
    """Add `noise` of the same length.

    Args:
        samples: the signal, shape (n,).
        noise: shape (n,).
        snr_db: signal-to-noise ratio of the mean powers, in dB.
        power: mean power of the signal where it counts, such as over a word.
    """
    noise_power = float(np.square(noise).mean())
    if power <= 0 or noise_power <= 0:
        return samples
    gain = np.sqrt(power / noise_power * 10 ** (-snr_db / 10))
    mixed: Samples = samples + np.float32(gain) * noise
    return mixed


def coloured_noise(length: int, draw: np.random.Generator) -> Samples:
    """Noise whose power falls as 1 / frequency to a power between 0 (white) and 2 (brown)."""
    bins = length // 2 + 1
    spectrum = draw.standard_normal(bins, np.float32) + 1j * draw.standard_normal(bins, np.float32)
    slope = np.arange(1, bins + 1, dtype=np.float32) ** np.float32(-draw.uniform(0, 1))
    noise: Samples = np.fft.irfft(spectrum * slope, length).astype(np.float32)
    return noise


def reverberate(
    samples: Samples, sample_rate: int, reverberation_s: float, draw: np.random.Generator
) -> Samples:
    """The same sound in a room: the direct sound and a decaying tail of noise.

    The tail is Polack's statistical model of late reverberation (La transmission de l'energie
    sonore dans les salles, 1988): white noise that falls by 60 dB in `reverberation_s`.

    Returns:
        float32 of the same length; the direct sound stays where it was.
    """
    count = min(len(samples), max(2, round(reverberation_s * sample_rate)))
    response = draw.standard_normal(count, np.float32)
    response *= 10 ** (-3 * np.arange(count, dtype=np.float32) / count)
    direct_db = draw.uniform(0, 12)
    response *= 10 ** (-direct_db / 20) / np.sqrt(np.square(response[1:]).sum())
    response[0] = 1.0
    size = len(samples) + count
    size += -size % 1024
    spectrum = np.fft.rfft(samples, size) * np.fft.rfft(response, size)
    wet: Samples = np.fft.irfft(spectrum, size)[: len(samples)].astype(np.float32)
    return wet


@dataclass(frozen=True)
class Band:
    """What a channel lets through: the frequencies between two limits, Hz.

    Attributes:
        low_hz: lower limit.
        high_hz: upper limit.
        order: of the Butterworth filter at either limit.
    """

    low_hz: float
    high_hz: float
    order: int = 4

    def gain(self, hertz: Spectrum) -> Spectrum:
        """Amplitude, 0 to 1, that is left at each frequency."""
        below = (self.low_hz / np.maximum(hertz, 1.0)) ** (2 * self.order)
        above = (hertz / self.high_hz) ** (2 * self.order)
        gain: Spectrum = 1 / np.sqrt((1 + below) * (1 + above))
        return gain


TELEPHONE = Band(300.0, 3_400.0)


def draw_band(draw: np.random.Generator) -> Band:
    """A telephone's channel, a narrow codec's or a cheap microphone's."""
    kind = int(draw.integers(3))
    if kind == 0:
        return TELEPHONE
    if kind == 1:
        return Band(20.0, draw.uniform(3_700, 4_000), order=40)
    return Band(draw.uniform(50, 400), draw.uniform(3_000, 7_500), int(draw.choice([4, 20])))


def limit_band(samples: Samples, sample_rate: int, band: Band) -> Samples:
    """What is left of a sound behind a narrow channel."""
    spectrum = np.fft.rfft(samples)
    hertz = np.fft.rfftfreq(len(samples), 1 / sample_rate)
    limited = np.fft.irfft(spectrum * band.gain(hertz), len(samples))
    return limited.astype(np.float32)


def clip_peaks(samples: Samples, share: float) -> Samples:
    """Cut off what is above `share` of the peak."""
    limit = share * float(np.abs(samples).max(initial=0.0))
    return np.clip(samples, -limit, limit)


def change_level(samples: Samples, gain_db: float) -> Samples:
    """Louder or quieter by `gain_db` dB; full scale is the most there is."""
    louder: Samples = np.clip(samples * np.float32(10 ** (gain_db / 20)), -1.0, 1.0)
    return louder


def fragment(
    samples: Samples, sample_rate: int, length_s: tuple[float, float], draw: np.random.Generator
) -> Samples:
    """A piece of running speech from one dip of its level to another, as if said alone.

    Args:
        samples: shape (n,).
        sample_rate: samples per second.
        length_s: range of the piece's length, seconds.
        draw: chooses among the dips.

    Returns:
        The piece, faded in and out over 5 ms; all of it where there are no two such dips.
    """
    step = sample_rate // 100
    frames = samples[: len(samples) // step * step].reshape(-1, step)
    power = np.convolve(np.einsum("ij,ij->i", frames, frames), np.ones(5) / 5, "same")
    around = np.lib.stride_tricks.sliding_window_view(np.pad(power, 8, "edge"), 17)
    dips = np.flatnonzero(power <= around.min(axis=1))
    lengths_s = (dips[None, :] - dips[:, None]) / 100
    first, last = np.nonzero((lengths_s >= length_s[0]) & (lengths_s <= length_s[1]))
    if not len(first):
        return samples
    index = int(draw.integers(len(first)))
    piece = samples[dips[first[index]] * step : dips[last[index]] * step].copy()
    fade = np.linspace(0, 1, sample_rate // 200, dtype=np.float32)
    piece[: len(fade)] *= fade
    piece[-len(fade) :] *= fade[::-1]
    return piece


def mask(windows: Tensor, settings: Augmentation, draw: np.random.Generator) -> Tensor:
    """SpecAugment (arXiv 1904.08779): one stretch of frames and one of bands set to the mean.

    Args:
        windows: normalised log-mel windows of shape (n, bands, frames).
        settings: the longest masks.
        draw: draws lengths and places, one each per window.
    """
    for axis, longest in ((1, settings.mask_bands), (2, settings.mask_frames)):
        size = windows.shape[axis]
        lengths = draw.integers(0, min(longest, size) + 1, (len(windows), 1))
        starts = (draw.random((len(windows), 1)) * (size - lengths)).astype(np.int64)
        index = np.arange(size)
        masked = torch.from_numpy((index >= starts) & (index < starts + lengths))
        masked = masked.to(windows.device)
        windows = windows.masked_fill(masked.unsqueeze(3 - axis), 0.0)
    return windows


def mix(
    windows: Tensor, targets: Tensor, alpha: float, draw: np.random.Generator
) -> tuple[Tensor, Tensor]:
    """Mixup (arXiv 1710.09412): each window with another of the batch, and their targets alike.

    Args:
        windows: shape (n, bands, frames).
        targets: probabilities, shape (n, classes).
        alpha: of the beta distribution that the share is drawn from.
        draw: draws shares and partners.
    """
    drawn = draw.beta(alpha, alpha, len(windows)).astype(np.float32)
    # A window keeps the larger share: so its label is still what it says above all.
    share = torch.from_numpy(np.maximum(drawn, 1 - drawn))[:, None].to(windows.device)
    other = torch.from_numpy(draw.permutation(len(windows))).to(windows.device)
    mixed = share[..., None] * windows + (1 - share[..., None]) * windows[other]
    return mixed, share * targets + (1 - share) * targets[other]
