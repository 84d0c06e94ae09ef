"""A small data set in the Speech Commands layout: tones for words, noise for noise."""

from pathlib import Path

import numpy as np
import soundfile

RATE = 16_000
TONES = {"low": 300.0, "high": 2_000.0, "other": 800.0}
SPEAKERS = 10


def tone(hertz: float, seed: int) -> np.ndarray:
    """A second that holds a short tone over low noise."""
    random = np.random.default_rng(seed)
    samples = random.normal(0, 0.002, RATE)
    start = int(random.integers(3_000, 8_000))
    t = np.arange(4_000) / RATE
    samples[start : start + 4_000] += 0.3 * np.sin(2 * np.pi * hertz * t) * np.hanning(4_000)
    return samples.astype(np.float32)


def write_data(folder: Path) -> Path:
    """Write it; two of the ten speakers are for validation."""
    words = folder / "speech_commands"
    validation = []
    for word, hertz in TONES.items():
        (words / word).mkdir(parents=True)
        for speaker in range(SPEAKERS):
            name = f"{word}/speaker{speaker}_nohash_0.wav"
            soundfile.write(words / name, tone(hertz, speaker), RATE)
            if speaker >= SPEAKERS - 2:
                validation.append(name)
    (words / "validation_list.txt").write_text("\n".join(validation))
    (words / "testing_list.txt").write_text("")
    for place, seconds in (("_background_noise_", 4), ("../negatives/training/set", 3)):
        path = words / place
        path.mkdir(parents=True)
        noise = np.random.default_rng(99).normal(0, 0.05, seconds * RATE)
        soundfile.write(path / "noise.wav", noise, RATE)
    return folder


def add_held_out(folder: Path) -> Path:
    """Add what streams need: audio without words for calibration and evaluation, and noise."""
    for number, (place, seconds) in enumerate(
        {
            "negatives/calibration/reading": (3, 8),
            "negatives/evaluation/acting": (5,),
            "negatives/evaluation/games": (4, 2),
            "noise/training/mixed": (6,),
            "noise/evaluation/music": (12,),
        }.items()
    ):
        path = folder / place
        path.mkdir(parents=True)
        for index, length in enumerate(seconds):
            noise = np.random.default_rng(10 * number + index).normal(0, 0.05, length * RATE)
            soundfile.write(path / f"{index}.wav", noise, RATE)
    return folder
