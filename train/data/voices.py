"""Speech synthesisers: espeak-ng and flite come from a system's packages, hibari (optional) from
the Python index.
"""

import io
import logging
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from itertools import product

import numpy as np
import soundfile
import soxr

from kws.errors import ConfigError
from kws.typing import Samples

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Voice:
    """A way of speaking.

    Attributes:
        program: "espeak-ng", "flite" or "hibari".
        name: of the voice, as the program knows it.
        pace: speed of speech; 1 is the voice's own.
        pitch: espeak-ng's pitch, 0 to 99; the others have their own.
    """

    program: str
    name: str
    pace: float = 1.0
    pitch: int = 50

    @property
    def speaker(self) -> str:
        """A name without separators, as a file name's speaker."""
        name = self.name.replace("+", "-")
        return f"{self.program}-{name}-{round(100 * self.pace)}-{self.pitch}"


PROGRAM_LICENCE = "CC0-1.0"
"""Of what espeak-ng and flite speak: programs have no rights in their output."""


def voices() -> list[Voice]:
    """All voices that the installed programs offer.

    Raises:
        ConfigError: neither espeak-ng nor flite is installed.
    """
    found: list[Voice] = []
    if shutil.which("espeak-ng"):
        languages = ("en-us", "en-gb", "en-gb-scotland", "en-029", "en-gb-x-rp")
        variants = ("", "+m3", "+m7", "+f2", "+f4", "+Andy", "+Annie", "+klatt2", "+Michael")
        found += [
            Voice("espeak-ng", language + variant, pace, pitch)
            for language, variant, (pace, pitch) in product(
                languages, variants, ((0.8, 40), (1.0, 60))
            )
        ]
    if shutil.which("flite"):
        found += [
            Voice("flite", name, pace)
            for name, pace in product(
                ("slt", "rms", "awb", "kal16"), (0.65, 0.75, 0.85, 0.95, 1.05, 1.2)
            )
        ]
    if not found:
        raise ConfigError("no speech synthesiser: apt-get install espeak-ng flite")
    if find_spec("hibari") is None:
        log.info("hibari-tts is not installed; going on without its voice")
    else:
        found += [Voice("hibari", "heart", pace) for pace in (0.7, 0.8, 0.9, 1.0, 1.1, 1.2, 1.3)]
    return found


def speak(text: str, voice: Voice, sample_rate: int) -> Samples:
    """Say a text.

    Returns:
        float32 of shape (n,), mono, at `sample_rate`.

    Raises:
        ConfigError: the synthesiser is missing or fails.
    """
    samples, rate = _hibari(text, voice) if voice.program == "hibari" else _program(text, voice)
    resampled: Samples = soxr.resample(samples.astype(np.float32), rate, sample_rate)
    return resampled


def _program(text: str, voice: Voice) -> tuple[Samples, int]:
    if voice.program == "flite":
        pace = f"duration_stretch={1 / voice.pace:.3f}"
        command = ["flite", "-voice", voice.name, "--setf", pace, "-t", text, "-o", "/dev/stdout"]
    else:
        command = [
            *("espeak-ng", "-v", voice.name, "-s", str(round(160 * voice.pace))),
            *("-p", str(voice.pitch), "--stdout", text),
        ]
    done = subprocess.run(command, capture_output=True, check=False)
    try:
        samples, rate = soundfile.read(io.BytesIO(done.stdout), dtype="float32")
    except soundfile.LibsndfileError as error:
        message = done.stderr.decode(errors="replace").strip()
        raise ConfigError(f"{' '.join(command)}: {message or error}") from error
    return samples, rate


def _hibari(text: str, voice: Voice) -> tuple[Samples, int]:
    return _hibari_speaker()(text, speed=voice.pace), 24_000


@cache
def _hibari_speaker() -> Callable[..., Samples]:
    from hibari import Hibari

    speaker: Callable[..., Samples] = Hibari()
    return speaker
