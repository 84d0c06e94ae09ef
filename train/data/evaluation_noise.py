"""Generated noise that is only measured with: no generator of it is one that is trained on."""

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from kws.typing import Samples
from train.data.generated_noise import NoiseGenerator

Signal = npt.NDArray[np.floating]


def engine(length: int, sample_rate: int, draw: np.random.Generator) -> Samples:
    """A combustion engine whose speed changes: a pulse for each ignition, through resonances."""
    speed = draw.uniform(15, 70) * (1 + 0.4 * _drift(length, sample_rate, 2.0, draw))
    phase = np.cumsum(speed) / sample_rate
    pulses = np.zeros(length)
    fired = np.flatnonzero(np.diff(np.floor(phase)) > 0)
    pulses[fired] = draw.uniform(0.6, 1.0, len(fired))
    sound = _resonant(pulses, sample_rate, draw.uniform(60, 900, 4), 60.0)
    return (sound + 0.05 * np.std(sound) * draw.standard_normal(length)).astype(np.float32)


def rain(length: int, sample_rate: int, draw: np.random.Generator) -> Samples:
    """Drops at random times on a hollow surface, over their distant sum."""
    drops = np.zeros(length)
    count = int(draw.uniform(50, 1_500) * length / sample_rate)
    drops[draw.integers(0, length, count)] = draw.exponential(1.0, count)
    near = _resonant(drops, sample_rate, draw.uniform(800, 6_000, 3), 400.0)
    return (near + draw.uniform(0.05, 0.5) * np.std(near) * draw.standard_normal(length)).astype(
        np.float32
    )


def footsteps(length: int, sample_rate: int, draw: np.random.Generator) -> Samples:
    """Steps: heel and toe, on a hard or soft floor, at a walking pace."""
    sound = np.zeros(length)
    period_s, damping = draw.uniform(0.35, 0.8), draw.uniform(30, 300)
    place = draw.uniform(0, period_s)
    while place < length / sample_rate:
        for delay, level in ((0.0, 1.0), (draw.uniform(0.06, 0.14), draw.uniform(0.2, 0.6))):
            start = int((place + delay) * sample_rate)
            size = min(int(0.2 * sample_rate), length - start)
            if size > 0:
                seconds = np.arange(size) / sample_rate
                thud = np.cumsum(draw.standard_normal(size)) * np.exp(-damping * seconds)
                sound[start : start + size] += level * (thud - thud.mean())
        place += period_s * draw.uniform(0.9, 1.1)
    return sound.astype(np.float32)


def siren(length: int, sample_rate: int, draw: np.random.Generator) -> Samples:
    """A tone that goes up and down, or between two pitches, by frequency modulation."""
    seconds = np.arange(length) / sample_rate
    sweep = np.sin(2 * np.pi * draw.uniform(0.15, 4) * seconds)
    if draw.random() < 0.5:
        sweep = np.sign(sweep)
    pitch = draw.uniform(400, 1_800) * 2 ** (draw.uniform(0.1, 0.7) * sweep)
    phase = 2 * np.pi * np.cumsum(pitch) / sample_rate
    driven: Samples = np.tanh(draw.uniform(0.5, 4) * np.sin(phase)).astype(np.float32)
    return driven


def crackle(length: int, sample_rate: int, draw: np.random.Generator) -> Samples:
    """A fire, or an old record: impulses in bursts over rumble."""
    rate = draw.uniform(5, 60) * np.exp(2 * _drift(length, sample_rate, 0.5, draw))
    struck = draw.random(length) < rate / sample_rate
    sound = np.where(struck, draw.standard_t(2, length), 0.0)
    rumble = _drift(length, sample_rate, 30.0, draw)
    fire: Signal = np.convolve(sound, [1, -0.6, 0.2], "same") + 0.2 * rumble
    return fire.astype(np.float32)


def bells(length: int, sample_rate: int, draw: np.random.Generator) -> Samples:
    """Bells and glasses: inharmonic partials that ring for seconds."""
    struck = np.zeros(length)
    place = 0
    while (place := place + int(draw.exponential(1.2) * sample_rate)) < length:
        struck[place] = draw.uniform(0.3, 1)
    base = draw.uniform(250, 1_500)
    partials = base * np.array([0.5, 1.0, 1.19, 1.5, 2.0, 2.74, 3.76]) * draw.uniform(0.98, 1.02, 7)
    return _resonant(struck, sample_rate, partials[partials < 0.45 * sample_rate], 2.5).astype(
        np.float32
    )


def vacuum_cleaner(length: int, sample_rate: int, draw: np.random.Generator) -> Samples:
    """A universal motor: a saw-like tone with sidebands, in a rush of air that strokes come and
    go in."""
    seconds = np.arange(length) / sample_rate
    rate = draw.uniform(150, 600) * (1 + 0.03 * _drift(length, sample_rate, 1.0, draw))
    phase = np.cumsum(rate) / sample_rate
    motor = 2 * (phase % 1) - 1
    air = _resonant(draw.standard_normal(length), sample_rate, draw.uniform(400, 3_000, 3), 900.0)
    strokes = 1 + 0.5 * np.sin(2 * np.pi * draw.uniform(0.3, 1.2) * seconds)
    return (strokes * air / np.std(air) + draw.uniform(0.1, 1) * motor).astype(np.float32)


def chords(length: int, sample_rate: int, draw: np.random.Generator) -> Samples:
    """Broken and held chords by frequency modulation (Chowning, JAES 21, 1973), with a beat."""
    sound = np.zeros(length)
    beat_s, ratio = 60 / draw.uniform(70, 140), float(draw.choice([1.0, 1.41, 2.0, 3.5]))
    root, index = draw.uniform(100, 220), draw.uniform(0.5, 6)
    broken = draw.random() < 0.5
    for number in range(int(length / sample_rate / beat_s) + 1):
        third = float(draw.choice([3, 4]))
        shift = float(draw.choice([0, 5, 7, 9]))
        for voice, interval in enumerate((0.0, third, 7.0, 12.0)):
            start = int((number + (voice / 4 if broken else 0)) * beat_s * sample_rate)
            size = min(int(beat_s * sample_rate), length - start)
            if size <= 0:
                continue
            seconds = np.arange(size) / sample_rate
            envelope = np.exp(-2 * seconds / beat_s) * np.minimum(1, seconds / 0.01)
            pitch = root * 2 ** ((interval + shift) / 12)
            modulator = index * envelope * np.sin(2 * np.pi * pitch * ratio * seconds)
            sound[start : start + size] += envelope * np.sin(
                2 * np.pi * pitch * seconds + modulator
            )
    return sound.astype(np.float32)


EVALUATION_NOISE: Mapping[str, NoiseGenerator] = MappingProxyType(
    {
        each.__name__: each
        for each in (engine, rain, footsteps, siren, crackle, bells, vacuum_cleaner, chords)
    }
)
"""Generators that are only measured with, by name."""


def _drift(length: int, sample_rate: int, hertz: float, draw: np.random.Generator) -> Signal:
    """A random walk that wanders so many times a second, of unit deviation."""
    count = max(4, int(length / sample_rate * hertz) + 2)
    points = np.interp(
        np.linspace(0, count - 1, length), np.arange(count), draw.standard_normal(count)
    )
    drift: Signal = points / max(1e-9, float(np.std(points)))
    return drift


def _resonant(signal: Signal, sample_rate: int, hertz: Signal, damping: float) -> Signal:
    """A signal through resonances that decay by exp(-damping * seconds)."""
    seconds = np.arange(min(len(signal), int(7 / damping * sample_rate) + 1)) / sample_rate
    response = sum(
        np.sin(2 * np.pi * each * seconds) * np.exp(-damping * seconds) for each in hertz
    )
    size = len(signal) + len(seconds)
    spectrum = np.fft.rfft(signal, size) * np.fft.rfft(response, size)
    resonant: Signal = np.fft.irfft(spectrum, size)[: len(signal)]
    return resonant
