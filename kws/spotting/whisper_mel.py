"""Log-mel frames as Whisper takes them (Radford et al., arXiv 2212.04356). Pure.

A teacher's training and the verifier that is made of it both compute their features here.
"""

import numpy as np
import numpy.typing as npt

SAMPLE_RATE, BANDS = 16_000, 80
FFT, HOP = 400, 160
"""Samples of a frame, and between two of them: 25 ms every 10 ms."""
_FLOOR, _RANGE = 1e-10, 8.0
"""Least mel power, and the powers of ten below the loudest of a window that are told apart."""
_AT_ONCE = 8
"""Frames that are multiplied together: with more, OpenBLAS starts threads, which wait for each
other, for ten times what the product takes, where other processes use the cores."""


def log_mel(windows: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """log10 mel power of the frames that are centred on every 160th sample; ends are reflected.

    Args:
        windows: float32 of shape (n, samples), in [-1, 1], at 16 kHz, of more than 200 samples.

    Returns:
        float32 of shape (n, BANDS, samples // HOP): (log10 power + 4) / 4, where what is more than
        8 below the loudest of its window counts as 8 below.
    """
    samples = windows.shape[1]
    padded = np.pad(windows, ((0, 0), (FFT // 2, FFT // 2)), mode="reflect")
    frames = np.lib.stride_tricks.sliding_window_view(padded, FFT, axis=1)
    frames = frames[:, : samples // HOP * HOP : HOP]
    # In float32 throughout: numpy keeps the precision of what it is given.
    parts = np.fft.rfft(frames * _HANN).view(np.float32)
    power = np.square(parts, out=parts).reshape(-1, len(_FILTERS))
    mel = np.empty((len(power), BANDS), np.float32)
    for start in range(0, len(power), _AT_ONCE):
        part = slice(start, start + _AT_ONCE)
        np.matmul(power[part], _FILTERS, out=mel[part])
    mel = np.log10(np.maximum(mel, np.float32(_FLOOR), out=mel), out=mel)
    mel = mel.reshape(*frames.shape[:2], BANDS)
    mel = np.maximum(mel, mel.max(axis=(1, 2), keepdims=True) - np.float32(_RANGE))
    scaled: npt.NDArray[np.float32] = (mel.transpose(0, 2, 1) + np.float32(4)) / np.float32(4)
    return scaled


def mel_filters() -> npt.NDArray[np.float64]:
    """Slaney's mel filters of unit area (librosa's default), shape (BANDS, frequencies)."""
    breaks_hz, step, log_step = 1000.0, 200 / 3, np.log(6.4) / 27
    mel_at_break = breaks_hz / step
    to_mel = float(mel_at_break + np.log(SAMPLE_RATE / 2 / breaks_hz) / log_step)
    mel = np.linspace(0, to_mel, BANDS + 2)
    edges = np.where(
        mel < mel_at_break, mel * step, breaks_hz * np.exp((mel - mel_at_break) * log_step)
    )
    hertz = np.linspace(0, SAMPLE_RATE / 2, FFT // 2 + 1)
    rising = (hertz - edges[:-2, None]) / np.diff(edges)[:-1, None]
    falling = (edges[2:, None] - hertz) / np.diff(edges)[1:, None]
    triangles = np.maximum(0, np.minimum(rising, falling))
    filters: npt.NDArray[np.float64] = triangles * (2 / (edges[2:] - edges[:-2]))[:, None]
    return filters


_HANN = (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(FFT) / FFT)).astype(np.float32)
# A filter weighs the squares of real and imaginary part alike.
_FILTERS = mel_filters().astype(np.float32).T.repeat(2, axis=0)
