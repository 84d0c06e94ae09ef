"""Noise made by arithmetic, which nobody's licence covers: machines, knocks, tones, music.

Two families share no generator: one is trained on, the other measures. Everything random comes
from the generator that is passed in.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Protocol

import numpy as np

from kws.typing import Samples

PEAK = 0.5
"""Largest absolute sample of what is generated."""


class NoiseGenerator(Protocol):
    """Makes one kind of noise."""

    def __call__(self, length: int, sample_rate: int, draw: np.random.Generator, /) -> Samples:
        """`length` samples, float32, of any level."""


def hum(length: int, sample_rate: int, draw: np.random.Generator) -> Samples:
    """Mains hum: 50 or 60 Hz and its harmonics."""
    seconds = np.arange(length) / sample_rate
    base = float(draw.choice([50.0, 60.0])) * draw.uniform(0.998, 1.002)
    sound = np.zeros(length)
    for harmonic in range(1, int(draw.integers(4, 30))):
        level = draw.uniform(0, 1) / harmonic ** draw.uniform(0.3, 1.5)
        sound += level * np.sin(2 * np.pi * (base * harmonic * seconds + draw.uniform()))
    return (sound + 0.02 * draw.standard_normal(length)).astype(np.float32)


def hiss(length: int, sample_rate: int, draw: np.random.Generator) -> Samples:
    """Noise with a broad maximum anywhere, which may swell and fade."""
    noise = _shaped(length, sample_rate, draw.uniform(300, 7_000), draw.uniform(0.3, 2.0), draw)
    return noise * _swell(length, sample_rate, draw.uniform(0, 0.8), draw)


def knocks(length: int, sample_rate: int, draw: np.random.Generator) -> Samples:
    """Knocks, taps and bangs: short bursts with a few resonances, singly or in groups."""
    sound = np.zeros(length, np.float32)
    modes = draw.uniform(80, 2_500, int(draw.integers(2, 6)))
    place = 0.0
    while (place := place + draw.exponential(0.8)) < length / sample_rate:
        gap, level = draw.uniform(0.12, 0.35), draw.uniform(0.2, 1)
        for knock in range(int(draw.integers(1, 5))):
            start = int((place + knock * gap) * sample_rate)
            _add(sound, level * _struck(modes, draw.uniform(0.01, 0.08), sample_rate, draw), start)
    return sound


def beeps(length: int, sample_rate: int, draw: np.random.Generator) -> Samples:
    """Signals of appliances: tones of one or two pitches in a row, with pauses."""
    sound = np.zeros(length, np.float32)
    pitches = draw.uniform(300, 4_000, int(draw.integers(1, 3)))
    tone_s, pause_s = draw.uniform(0.05, 0.6), draw.uniform(0.05, 0.6)
    harsh = draw.uniform(0, 0.5)
    place = 0.0
    while (place := place + draw.exponential(1.5)) < length / sample_rate:
        for number in range(int(draw.integers(1, 6))):
            seconds = np.arange(int(tone_s * sample_rate)) / sample_rate
            phase = 2 * np.pi * pitches[number % len(pitches)] * seconds
            tone = np.sin(phase) + harsh * np.sign(np.sin(phase))
            _add(sound, _faded(tone, sample_rate, 0.004), int(place * sample_rate))
            place += tone_s + pause_s
    return sound


def clicks(length: int, sample_rate: int, draw: np.random.Generator) -> Samples:
    """Clicks of switches, mice and keyboards."""
    sound = np.zeros(length, np.float32)
    rate = draw.uniform(0.5, 8)
    place = 0.0
    while (place := place + draw.exponential(1 / rate)) < length / sample_rate:
        modes = draw.uniform(1_000, 7_000, 3)
        click = _struck(modes, draw.uniform(0.001, 0.008), sample_rate, draw)
        _add(sound, draw.uniform(0.2, 1) * click, int(place * sample_rate))
        if draw.random() < 0.5:
            _add(sound, 0.5 * click, int((place + draw.uniform(0.03, 0.12)) * sample_rate))
    return sound


def fan(length: int, sample_rate: int, draw: np.random.Generator) -> Samples:
    """Fans and motors: low noise, beaten by the blades, and a tone at their rate."""
    seconds = np.arange(length) / sample_rate
    blades = (
        draw.uniform(8, 120)
        * np.cumsum(1 + 0.05 * (_swell(length, sample_rate, 1.0, draw) - 0.5))
        / sample_rate
    )
    noise = _shaped(length, sample_rate, draw.uniform(80, 800), draw.uniform(1, 3), draw)
    beaten = noise * (1 + draw.uniform(0, 0.8) * np.sin(2 * np.pi * blades))
    tones = np.zeros(length)
    for harmonic in range(1, int(draw.integers(2, 9))):
        tones += draw.uniform(0, 0.6) / harmonic * np.sin(2 * np.pi * harmonic * blades)
    whine = draw.uniform(0, 0.1) * np.sin(2 * np.pi * draw.uniform(1_000, 6_000) * seconds)
    return (beaten / np.std(beaten) + tones + whine).astype(np.float32)


def music(length: int, sample_rate: int, draw: np.random.Generator) -> Samples:
    """A melody over a bass, plucked or held, with or without a drum."""
    sound = np.zeros(length, np.float32)
    beat = 60 / draw.uniform(60, 160)
    scale = np.array(
        [(0, 2, 4, 5, 7, 9, 11), (0, 2, 3, 5, 7, 8, 10), (0, 2, 4, 7, 9, 12, 14)][
            int(draw.integers(3))
        ]
    )
    key, step = draw.uniform(110, 260), int(draw.integers(7))
    colour = draw.uniform(0.8, 2.2)
    held, drums = draw.random() < 0.4, draw.random() < 0.6
    for number in range(int(length / sample_rate / beat) + 1):
        start = int(number * beat * sample_rate)
        step = int(np.clip(step + draw.integers(-2, 3), 0, 13))
        pitch = key * 2 ** ((scale[step % 7] + 12 * (step // 7)) / 12)
        if draw.random() < 0.85:
            _add(sound, _note(pitch, beat, colour, held, sample_rate, draw), start)
        if number % 4 == 0:
            root = key / 2 * 2 ** (scale[int(draw.choice([0, 3, 4]))] / 12)
            _add(sound, 0.8 * _note(root, 4 * beat, colour, held, sample_rate, draw), start)
        if drums:
            modes = draw.uniform(50, 120, 2) if number % 2 == 0 else draw.uniform(300, 4_000, 5)
            _add(sound, 0.7 * _struck(modes, 0.06, sample_rate, draw), start)
    return sound


TRAINING_NOISE: Mapping[str, NoiseGenerator] = MappingProxyType(
    {each.__name__: each for each in (hum, hiss, knocks, beeps, clicks, fan, music)}
)
"""Generators that are trained on, by name."""


def generate(
    generator: NoiseGenerator, length: int, sample_rate: int, draw: np.random.Generator
) -> Samples:
    """`length` samples of a kind of noise with the peak `PEAK`; float32 of shape (length,).

    Silence where a drawn noise has no sound in it.
    """
    sound = generator(length, sample_rate, draw)
    peak = float(np.abs(sound).max(initial=0.0))
    scaled: Samples = sound * np.float32(PEAK / peak if peak else 0.0)
    return scaled


def _shaped(
    length: int, sample_rate: int, centre_hz: float, octaves: float, draw: np.random.Generator
) -> Samples:
    """Noise with a maximum at a frequency, so many octaves wide (standard deviation)."""
    bins = length // 2 + 1
    hertz = np.maximum(1.0, np.fft.rfftfreq(length, 1 / sample_rate))
    gain = np.exp(-0.5 * (np.log2(hertz / centre_hz) / octaves) ** 2) + 1e-3
    spectrum = (draw.standard_normal(bins) + 1j * draw.standard_normal(bins)) * gain
    shaped: Samples = np.fft.irfft(spectrum, length).astype(np.float32)
    return shaped


def _swell(length: int, sample_rate: int, depth: float, draw: np.random.Generator) -> Samples:
    """A slow random envelope between 1 - depth and 1."""
    points = draw.uniform(1 - depth, 1, max(2, length // (sample_rate // 2)))
    positions = np.linspace(0, len(points) - 1, length)
    swell: Samples = np.interp(positions, np.arange(len(points)), points).astype(np.float32)
    return swell


def _struck(
    modes_hz: np.ndarray, decay_s: float, sample_rate: int, draw: np.random.Generator
) -> Samples:
    """What is struck: a few decaying sines and a burst of noise."""
    seconds = np.arange(int(6 * decay_s * sample_rate) + 1) / sample_rate
    sound = 0.4 * draw.standard_normal(len(seconds)) * np.exp(-4 * seconds / decay_s)
    for mode in modes_hz:
        decay = np.exp(-seconds / (decay_s * draw.uniform(0.4, 1)))
        sound += draw.uniform(0.2, 1) * decay * np.sin(2 * np.pi * mode * seconds)
    return sound.astype(np.float32)


def _note(
    pitch_hz: float,
    length_s: float,
    colour: float,
    held: bool,
    sample_rate: int,
    draw: np.random.Generator,
) -> Samples:
    """A note of a made-up instrument; overtones fall with their number to the power `colour`."""
    seconds = np.arange(max(2, int(length_s * sample_rate))) / sample_rate
    sound = np.zeros(len(seconds))
    for harmonic in range(1, 16):
        if pitch_hz * harmonic > sample_rate / 2.2:
            break
        phase = 2 * np.pi * pitch_hz * harmonic * seconds + draw.uniform(0, 6.28)
        sound += np.sin(phase) / harmonic**colour
    envelope = np.ones(len(seconds)) if held else np.exp(-3 * seconds / length_s)
    return _faded(sound * envelope, sample_rate, 0.01)


def _faded(sound: np.ndarray, sample_rate: int, fade_s: float) -> Samples:
    """Without a click at either end."""
    fade = np.minimum(1, np.arange(len(sound)) / max(1, int(fade_s * sample_rate)))
    faded: Samples = (sound * fade * fade[::-1]).astype(np.float32)
    return faded


def _add(sound: Samples, part: Samples, start: int) -> None:
    room = len(sound) - start
    if room > 0:
        sound[start : start + len(part)] += part[:room]
