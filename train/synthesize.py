"""Words spoken by speech synthesisers: keywords in voices that recordings lack, and words that
sound like keywords, which recordings lack altogether.

espeak-ng and flite come from a system's packages, hibari (optional) from the Python index.
"""

import io
import logging
import shutil
import subprocess
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from itertools import product
from pathlib import Path

import numpy as np
import soundfile
import soxr

from kws.arrays import Samples
from kws.errors import ConfigError
from train.clips import active_region
from train.evaluate import clip_window

log = logging.getLogger(__name__)

SIMILAR_WORDS: tuple[str, ...] = (
    *("yet", "yeah", "yell", "yam", "yen", "mess", "less", "guess", "chess", "dress", "jazz"),
    *("nope", "note", "not", "now", "new", "nor", "nose", "gnome", "toe", "low", "mow", "so"),
    *("own", "oh", "go", "snow", "knee", "nah", "app", "apple", "cup", "pup", "hub", "of"),
    *("off", "us", "uh", "hop", "top", "tap", "op", "pub", "puppy", "but", "what", "upon"),
    *("town", "dawn", "done", "dumb", "gown", "noun", "brown", "crown", "den", "dime", "tone"),
    *("doubt", "out", "loud", "found", "tower", "left", "right", "stop", "on", "marvin", "seven"),
)
"""English words near "yes", "no", "up" and "down", and some that are not."""


ENDINGS = (".", "!", "?", ",")
"""What a word ends with changes how some voices say it."""
MISPRONOUNCED: frozenset[tuple[str, str]] = frozenset({("heart", "no")})
"""Voice and word: what comes out sounds like another word ("now")."""


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


def synthesize(
    folder: Path, words: Sequence[str], sample_rate: int = 16_000, length: int = 16_000
) -> int:
    """Write `folder/<word>/<voice>_nohash_<take>.wav` for each word and voice.

    Returns:
        The number of clips written; those that exist are left alone.

    Raises:
        ConfigError: no synthesiser is installed.
    """
    count = 0
    for path, word, voice, take in _missing(folder, words):
        samples = speak(f"{word}{ENDINGS[take]}", voice, sample_rate)
        start, end = active_region(samples, sample_rate)
        margin = sample_rate // 20
        clip = clip_window(samples[max(0, start - margin) : end + margin], length)
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, clip, sample_rate, subtype="PCM_16")
        count += 1
    return count


def _missing(folder: Path, words: Sequence[str]) -> Iterator[tuple[Path, str, Voice, int]]:
    for voice, word in product(voices(), words):
        if (voice.name, word) in MISPRONOUNCED:
            continue
        # The others say the same whatever ends it.
        for take in range(len(ENDINGS) if voice.program == "hibari" else 1):
            path = folder / word / f"{voice.speaker}_nohash_{take}.wav"
            if not path.exists():
                yield path, word, voice, take


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
