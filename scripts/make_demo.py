#!/usr/bin/env python3
"""Make the bundled demo recording and its truth with free speech synthesisers.

Writes `demo.wav` (16 kHz, mono, 16-bit) and `demo.json` (which word is where). The same
versions of the synthesisers give the same recording. It begins and ends with noise alone,
so that it can be played in a loop.
"""

from __future__ import annotations

import argparse
import importlib
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import soundfile
import soxr

Samples = npt.NDArray[np.float32]  # shape (n_samples,), in [-1, 1], at SAMPLE_RATE
Speak = Callable[[str, float], Samples]  # text, pace -> speech with silence around it


@dataclass(frozen=True)
class Voice:
    """A synthesiser with one of its voices, and what its licence is."""

    engine: str
    name: str
    description: str
    licence: str


@dataclass(frozen=True)
class Line:
    """One sound of the demo. `text` is as the synthesiser gets it."""

    pause: float  # seconds of noise alone before it
    voice: str  # a key of VOICES, or KNOCK
    text: str
    keyword: str = ""  # empty: not a keyword
    pace: float = 1.0  # 1: the voice's own; less is slower


KNOCK = "knock"
FLITE_LICENCE = "CMU Flite licence, of the BSD kind (Debian package flite)"
VOICES = {
    "heart": Voice(
        "hibari", "heart", "American woman", "Apache-2.0 (hibari-tts; from Kokoro-82M af_heart)"
    ),
    "slt": Voice("flite", "slt", "American woman", FLITE_LICENCE),
    "rms": Voice("flite", "rms", "American man", FLITE_LICENCE),
    "awb": Voice("flite", "awb", "Scottish man", FLITE_LICENCE),
    "rp": Voice(
        "espeak-ng", "en-gb-x-rp", "British man", "GPL-3.0-or-later: the program, not its speech"
    ),
}

# Chosen once, for being understood by people: each voice says only the words it says clearly.
PLAN = (
    #    pause  voice    text                                    keyword  pace
    Line(1.00, "heart", "Yes.", "yes"),
    Line(1.00, "rp", "Up.", "up", 0.95),
    Line(1.00, "slt", "No.", "no", 0.85),
    Line(1.00, "awb", "The weather in Lisbon is lovely today."),
    Line(1.10, "slt", "Down.", "down"),
    Line(1.00, "awb", "Left."),
    Line(1.00, "heart", "[Up](/\u02c8ʌp/)…", "up", 1.30),  # stressed: clearer
    Line(1.00, "rms", "Yes.", "yes"),
    Line(0.70, KNOCK, "three knocks on a door"),
    Line(0.90, "rms", "Down.", "down", 0.80),
    Line(1.00, "heart", "Please put the kettle on before they arrive."),
    Line(1.10, "rms", "No.", "no", 0.90),
    Line(1.00, "heart", "Marvin."),
    Line(1.00, "heart", "Yes.", "yes", 0.90),
    Line(1.00, "slt", "My sister bought a green bicycle last week."),
    Line(1.10, "slt", "Down.", "down", 0.85),
    Line(1.00, "awb", "No.", "no", 0.85),
    Line(1.00, "rp", "Up.", "up", 0.85),
    Line(1.00, "awb", "Seven."),
    Line(1.00, "slt", "Stop."),
    Line(1.00, "rms", "The train to the coast leaves at half past nine."),
    Line(1.10, "heart", "Yes.", "yes", 0.95),
    Line(1.00, "slt", "Down.", "down", 1.05),
)

SAMPLE_RATE = 16_000
END_PAUSE = 1.0  # seconds of noise alone at the end
SPEECH_LEVEL = -23.0  # dBFS, root mean square between start and end of an utterance
LEVEL_SPREAD = 2.0  # dB: levels are drawn evenly from SPEECH_LEVEL ± this
KNOCK_LEVEL = -29.0  # dBFS, likewise
QUIET_NOISE = 25.0  # dB that the noise lies below SPEECH_LEVEL
LOUD_NOISE = 15.0
LOUD_LINES = slice(11, 14)  # the lines of PLAN that are said in the louder noise
FRAME = SAMPLE_RATE // 100  # 10 ms: the grain of start and end
SILENCE = -35.0  # dB below the loudest frame: quieter frames at the edges are not speech
MARGIN = SAMPLE_RATE * 3 // 100  # kept around the speech, faded in and out
SEED = 20


class MissingToolError(Exception):
    """A synthesiser is not installed; the message says what to install."""


def program_voice(voice: Voice) -> Speak:
    """Return a function that speaks with a voice of the program flite or espeak-ng."""

    def speak(text: str, pace: float) -> Samples:
        with tempfile.TemporaryDirectory() as directory:
            path = str(Path(directory) / "speech.wav")
            if voice.engine == "flite":
                options = ["-voice", voice.name, "--setf", f"duration_stretch={1 / pace:.3f}"]
                command = ["flite", *options, "-t", text, "-o", path]
            else:
                words_per_minute = str(round(160 * pace))
                command = ["espeak-ng", "-v", voice.name, "-s", words_per_minute, "-w", path, text]
            subprocess.run(command, check=True)
            samples, rate = soundfile.read(path, dtype="float32")
        return resample(samples, rate)

    return speak


def hibari_voice(hibari: Any, name: str) -> Speak:
    """Return a function that speaks with voice `name` of the module `hibari`."""
    synthesiser = hibari.Hibari(voice=name)

    def speak(text: str, pace: float) -> Samples:
        return resample(synthesiser(text, speed=pace, seed=SEED), synthesiser.sample_rate)

    return speak


def load_voices() -> dict[str, Speak]:
    """Return a speaking function for each of VOICES and for KNOCK.

    Raises MissingToolError when a synthesiser is missing.
    """
    for program in ("flite", "espeak-ng"):
        if shutil.which(program) is None:
            raise MissingToolError(f"{program} is not installed: run `apt-get install {program}`")
    try:
        hibari = importlib.import_module("hibari")
    except ModuleNotFoundError as error:
        if error.name != "hibari":
            raise
        raise MissingToolError(
            "the Python module hibari is not installed: run `pip install hibari-tts`"
        ) from error
    speakers: dict[str, Speak] = {KNOCK: knocks}
    for key, voice in VOICES.items():
        in_python = voice.engine == "hibari"
        speakers[key] = hibari_voice(hibari, voice.name) if in_python else program_voice(voice)
    return speakers


def resample(samples: Samples, rate: int) -> Samples:
    """Bring `samples`, shape (n,), from `rate` Hz to SAMPLE_RATE."""
    return np.asarray(soxr.resample(samples, rate, SAMPLE_RATE, "VHQ"), dtype=np.float32)


def active_part(samples: Samples) -> tuple[int, int]:
    """Return the start and end of the speech in `samples`, in samples, end excluded."""
    n_frames = len(samples) // FRAME
    power = np.mean(samples[: n_frames * FRAME].reshape(n_frames, FRAME) ** 2, axis=1)
    active = np.flatnonzero(power > power.max() * 10 ** (SILENCE / 10))
    return int(active[0]) * FRAME, int(active[-1] + 1) * FRAME


def amplitude(decibels: float) -> float:
    """Return the amplitude ratio of a level in dB."""
    return float(10 ** (decibels / 20))


def knocks(text: str, pace: float) -> Samples:
    """Return three knocks on a wooden door; `text` and `pace` are for the look of a Speak."""
    random = np.random.default_rng(SEED)
    time = np.arange(int(0.15 * SAMPLE_RATE)) / SAMPLE_RATE
    result = np.zeros(int(0.7 * SAMPLE_RATE))
    for start, strength in ((0.05, 0.9), (0.25, 1.0), (0.45, 0.8)):
        thump = sum(np.sin(2 * np.pi * f * time) * np.exp(-time * f / 6) for f in (170, 310, 520))
        tap = 0.5 * random.standard_normal(len(time)) * np.exp(-time / 0.003)
        first = int(start * SAMPLE_RATE)
        result[first : first + len(time)] += strength * (thump + tap)
    return np.asarray(0.25 * result / np.abs(result).max(), dtype=np.float32)


def room_noise(n_samples: int, random: np.random.Generator) -> Samples:
    """Return pink noise above 50 Hz, shape (n_samples,), root mean square 1."""
    spectrum = np.fft.rfft(random.standard_normal(n_samples))
    frequency = np.fft.rfftfreq(n_samples, 1 / SAMPLE_RATE)
    spectrum *= np.where(frequency > 50, 1 / np.sqrt(np.maximum(frequency, 50)), 0)
    noise = np.fft.irfft(spectrum, n_samples)
    return np.asarray(noise / np.sqrt(np.mean(noise**2)), dtype=np.float32)


def say(line: Line, speakers: dict[str, Speak], level: float) -> tuple[Samples, int, int]:
    """Return the line at `level` dBFS, and the start and end of its speech in samples."""
    samples = speakers[line.voice](line.text, line.pace)
    start, end = active_part(samples)
    first, last = max(start - MARGIN, 0), min(end + MARGIN, len(samples))
    samples, start, end = samples[first:last].copy(), start - first, end - first
    samples[:start] *= np.linspace(0, 1, start, dtype=np.float32)
    samples[end:] *= np.linspace(1, 0, len(samples) - end, dtype=np.float32)
    root_mean_square = float(np.sqrt(np.mean(samples[start:end] ** 2)))
    return samples * np.float32(amplitude(level) / root_mean_square), start, end


def make_recording(speakers: dict[str, Speak]) -> tuple[Samples, dict[str, Any]]:
    """Return the recording and its truth: what is said, by whom and from when to when."""
    random = np.random.default_rng(SEED)
    pieces: list[tuple[int, Samples]] = []  # first sample in the recording, samples
    spans: list[tuple[float, float]] = []  # seconds, a span a line
    truth: dict[str, Any] = {
        "description": "Demo recording made by scripts/make_demo.py; all times are in seconds.",
        "sample_rate": SAMPLE_RATE,
        "sources": [{"voice": key, **vars(voice)} for key, voice in VOICES.items()],
        "words": [],
        "others": [],
        "sounds": [],
    }
    position = 0  # the end of the last line, in samples
    for line in PLAN:
        level = SPEECH_LEVEL + random.uniform(-LEVEL_SPREAD, LEVEL_SPREAD)
        if line.voice == KNOCK:
            level = KNOCK_LEVEL
        samples, start, end = say(line, speakers, level)
        position += round(line.pause * SAMPLE_RATE)
        pieces.append((position - start, samples))
        span = (position / SAMPLE_RATE, (position + end - start) / SAMPLE_RATE)
        spans.append(span)
        position += end - start
        entry = {"start": round(span[0], 3), "end": round(span[1], 3), "voice": line.voice}
        if line.voice == KNOCK:
            truth["sounds"].append({"text": line.text, **entry})
        elif line.keyword:
            truth["words"].append({"word": line.keyword, **entry})
        else:
            truth["others"].append({"text": line.text, **entry})

    n_samples = position + round(END_PAUSE * SAMPLE_RATE)
    loud_start, loud_end = spans[LOUD_LINES][0][0] - 0.6, spans[LOUD_LINES][-1][1] + 0.6
    noise_level = np.interp(
        np.arange(n_samples) / SAMPLE_RATE,
        [loud_start, loud_start + 0.4, loud_end - 0.4, loud_end],
        SPEECH_LEVEL - np.array([QUIET_NOISE, LOUD_NOISE, LOUD_NOISE, QUIET_NOISE]),
    )
    recording = room_noise(n_samples, random) * 10 ** (noise_level / 20)
    for first, samples in pieces:
        recording[first : first + len(samples)] += samples
    if np.abs(recording).max() >= 1:
        raise ValueError("the recording clips: lower SPEECH_LEVEL")
    louder = {"start": round(loud_start, 3), "end": round(loud_end, 3)}
    truth["noise"] = [
        {"start": 0.0, "end": n_samples / SAMPLE_RATE, "signal_to_noise_db": QUIET_NOISE},
        {**louder, "signal_to_noise_db": LOUD_NOISE},
    ]
    return recording.astype(np.float32), truth


def main(arguments: list[str] | None = None) -> int:
    """Make the recording; return the exit code."""
    parser = argparse.ArgumentParser(
        description="Make the demo recording (demo.wav, 16 kHz mono) and its truth (demo.json).",
        epilog="Needs flite and espeak-ng (apt-get install flite espeak-ng) and hibari "
        "(pip install hibari-tts); without them it ends with exit code 2.",
    )
    parser.add_argument(
        "--output-dir",
        type=Path,
        default=Path(__file__).resolve().parent.parent / "kws" / "demo",
        help="the directory to write both files to (default: kws/demo beside this script's)",
    )
    options = parser.parse_args(arguments)
    try:
        speakers = load_voices()
    except MissingToolError as error:
        print(f"make_demo.py: {error}", file=sys.stderr)
        return 2
    recording, truth = make_recording(speakers)
    output: Path = options.output_dir
    output.mkdir(parents=True, exist_ok=True)
    soundfile.write(output / "demo.wav", recording, SAMPLE_RATE, subtype="PCM_16")
    text = json.dumps(truth, indent=2, ensure_ascii=False) + "\n"
    (output / "demo.json").write_text(text, encoding="utf-8")
    print(f"{output / 'demo.wav'}: {len(recording) / SAMPLE_RATE:.1f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
