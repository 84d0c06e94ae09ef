"""Sound from log-mel images: a waveform whose mel power is that of an image.

The power spectrum is what the mel bands leave possible, found by multiplicative updates (Lee and
Seung, Nature 401, 1999); the phases come from the fast Griffin-Lim algorithm (Perraudin, Balazs and
Sondergaard, WASPAA 2013).
"""

import numpy as np
import torch
from torch import Tensor, nn

from kws.spotting.frontend import FrontEndSettings, mel_filters
from kws.typing import Samples
from train.data.features import Power

POWER_UPDATES, PHASE_UPDATES = 30, 30
"""Steps after which the sound of a word hardly changes."""
MOMENTUM = 0.99
"""Of the phases' updates, as their authors recommend."""
EDGE = 0.1
"""Least sum of squared windows, as a share of the largest, that a sample is divided by: the first
and last samples are in few frames."""


class MelInversion:
    """Makes sound of mel power.

    Args:
        settings: of the front end that made the mel power; what is above its `high_hz` stays
            silent.
    """

    def __init__(self, settings: FrontEndSettings) -> None:
        self._settings = settings
        filters = mel_filters(settings).astype(np.float32)
        self._silent = int((filters.sum(axis=1) == 0)[::-1].argmin())
        """Bins at the end that no band covers."""
        self._filters = torch.from_numpy(filters[: len(filters) - self._silent])
        self._window = torch.hann_window(settings.frame_length)

    @property
    def sample_rate(self) -> int:
        """Of the sound, Hz."""
        return self._settings.sample_rate

    def __call__(self, power: Power, draw: np.random.Generator) -> Samples:
        """Make sound of several images at once.

        Args:
            power: mel power, shape (images, frames, bands).
            draw: draws the phases to start with.

        Returns:
            float32 of shape (images, samples), where the samples are those that the frames span.
        """
        magnitude = self._power_spectrum(torch.from_numpy(power)).sqrt()
        angles = torch.from_numpy(draw.uniform(-np.pi, np.pi, magnitude.shape).astype(np.float32))
        phases = torch.polar(torch.ones_like(angles), angles)
        before = torch.zeros_like(phases)
        for _ in range(PHASE_UPDATES):
            rebuilt = self._spectrum(self._signal(magnitude * phases))
            moved = rebuilt + MOMENTUM * (rebuilt - before)
            phases = moved / moved.abs().clamp_min(1e-9)
            before = rebuilt
        return self._signal(magnitude * phases).numpy()

    def _power_spectrum(self, power: Tensor) -> Tensor:
        """Power of each bin, shape (images, frames, bins); never negative."""
        filters = self._filters
        spectrum = power @ (filters / filters.sum(0).clamp_min(1e-9)).T
        for _ in range(POWER_UPDATES):
            spectrum = spectrum * (power @ filters.T) / (spectrum @ filters @ filters.T + 1e-12)
        return nn.functional.pad(spectrum, (0, self._silent))

    def _signal(self, spectrum: Tensor) -> Tensor:
        """The signal whose frames are nearest to a spectrum (Griffin and Lim, 1984)."""
        settings = self._settings
        frames = torch.fft.irfft(spectrum, settings.fft_length)[..., : settings.frame_length]
        together = self._added(frames * self._window)
        norm = self._added(self._window.square().expand(1, *frames.shape[1:]))
        return together / norm.clamp_min(EDGE * float(norm.max()))

    def _spectrum(self, signal: Tensor) -> Tensor:
        settings = self._settings
        frames = signal.unfold(-1, settings.frame_length, settings.hop_length)
        spectrum: Tensor = torch.fft.rfft(frames * self._window, settings.fft_length)
        return spectrum

    def _added(self, frames: Tensor) -> Tensor:
        """Frames of shape (n, frames, frame_length) added where they overlap: (n, samples)."""
        settings = self._settings
        together = nn.functional.fold(
            frames.transpose(1, 2),
            (1, settings.samples_in(frames.shape[1])),
            (1, settings.frame_length),
            stride=(1, settings.hop_length),
        )
        signal: Tensor = together[:, 0, 0]
        return signal
