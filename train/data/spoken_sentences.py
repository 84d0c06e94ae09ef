"""Sentences spoken by synthesisers: running speech without keywords, and with keywords inside.

A keyword inside a sentence is no command; a sentence is listed with its text, so that nobody takes
the one kind for the other.
"""

import csv
import hashlib
import logging
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
import soundfile
import soxr

from kws.errors import ConfigError
from kws.typing import Samples
from train.data import kokoro
from train.data.index import HELD_OUT_VOICES, Row, append_rows, read_index
from train.data.kokoro import NeuralVoice, Synthesiser
from train.data.pronunciation import kokoro_phonemes, pronunciations
from train.data.texts import Texts
from train.data.voices import PROGRAM_LICENCE, speak, voices

log = logging.getLogger(__name__)

SAMPLE_RATE = 16_000
PACE = (0.85, 1.2)
CALIBRATING = 4
"""One voice in so many speaks for calibration, the others for training."""
AROUND_SHARE = 0.4
"""Share of the sentences for training that hold a keyword."""
TRANSCRIPTS = Path("negatives") / "transcripts.csv"
WITH_KEYWORD = "negatives/training/keyword_sentences"


class Speaker(Protocol):
    """Speaks whole sentences."""

    licence: str

    def say(self, text: str, draw: np.random.Generator) -> tuple[Samples, str]:
        """Float32 of shape (n,) at `SAMPLE_RATE`, and whose voice it is."""


class NeuralSpeaker:
    """Speaks with Kokoro.

    Args:
        synthesiser: Kokoro.
        use: "training" or "calibration": each has voices of its own.

    Raises:
        ConfigError: there is no voice for that use.
    """

    licence = kokoro.LICENCE

    def __init__(self, synthesiser: Synthesiser, use: str) -> None:
        self._synthesiser = synthesiser
        self._voices = _voices_for(use, synthesiser.voices)

    def say(self, text: str, draw: np.random.Generator) -> tuple[Samples, str]:
        """Float32 of shape (n,) at `SAMPLE_RATE`, and whose voice it is."""
        voice = NeuralVoice(self._voices[int(draw.integers(len(self._voices)))])
        sound = self._synthesiser.speak(
            sentence_phonemes(text, british=voice.british), voice, float(draw.uniform(*PACE))
        )
        samples: Samples = soxr.resample(sound, kokoro.SAMPLE_RATE, SAMPLE_RATE).astype(np.float32)
        return samples, voice.speaker


def sentence_phonemes(text: str, *, british: bool) -> str:
    """Phonemes of a text in Kokoro's alphabet, with its punctuation.

    Raises:
        ConfigError: espeak-ng cannot be run.
    """
    clauses = re.findall(r"[^,.?!]+[,.?!]", text)
    spoken = pronunciations([each[:-1].strip() for each in clauses], british=british)
    return " ".join(
        kokoro_phonemes(ipa) + clause[-1] for ipa, clause in zip(spoken, clauses, strict=True)
    )


class ProgramSpeaker:
    """Speaks with espeak-ng and flite.

    Args:
        use: "training" or "calibration": each has voices of its own.

    Raises:
        ConfigError: neither is installed.
    """

    licence = PROGRAM_LICENCE

    def __init__(self, use: str) -> None:
        by_name = {each.speaker: each for each in voices() if each.program != "hibari"}
        self._voices = [by_name[name] for name in _voices_for(use, list(by_name))]

    def say(self, text: str, draw: np.random.Generator) -> tuple[Samples, str]:
        """Float32 of shape (n,) at `SAMPLE_RATE`, and whose voice it is."""
        voice = self._voices[int(draw.integers(len(self._voices)))]
        return speak(text, voice, SAMPLE_RATE), voice.speaker


def write_sentences(
    folder: Path,
    speaker: Speaker,
    texts: Texts,
    keywords: Sequence[str],
    hours: float,
    *,
    use: str,
    seed: int,
) -> int:
    """Write negatives/<use>/spoken_sentences/<n>.wav until there are so many hours.

    Some of those for training hold a keyword, in negatives/training/keyword_sentences. Each has a
    line in index.csv, and its text in negatives/transcripts.csv.

    Args:
        folder: to write to.
        speaker: says them.
        texts: what there is to say.
        keywords: that some sentences for training hold.
        hours: of all these sentences, those of earlier runs among them.
        use: "training" or "calibration".
        seed: of everything drawn.

    Returns:
        The number of recordings written.

    Raises:
        ConfigError: something cannot be written.
    """
    index = folder / "index.csv"
    plain = f"negatives/{use}/spoken_sentences"
    packs = (plain, WITH_KEYWORD) if use == "training" else (plain,)
    rows = [each.row for each in read_index(index, folder)] if index.exists() else []
    rows = [row for row in rows if row.pack in packs and row.clip.startswith(f"{seed}_")]
    seconds = sum(row.samples for row in rows) / SAMPLE_RATE
    number, written = len(rows), 0
    while seconds < 3600 * hours:
        draw = np.random.default_rng((seed, number))
        around = use == "training" and bool(keywords) and draw.random() < AROUND_SHARE
        keyword = str(draw.choice(np.array(keywords))) if around else ""
        text = texts.sentence_around(keyword, draw) if around else texts.sentence(draw)
        samples, name = speaker.say(text, draw)
        clip = f"{seed}_{number:06d}_{name}.wav"
        pack = WITH_KEYWORD if around else plain
        _write(folder / pack / clip, samples)
        append_rows(index, [Row(pack, clip, len(samples), "", name, use, "en", speaker.licence)])
        _note(folder / TRANSCRIPTS, (pack, clip, text))
        seconds += len(samples) / SAMPLE_RATE
        number, written = number + 1, written + 1
        if number % 500 == 0:
            log.info("%d sentences, %.2f of %.2f h", number, seconds / 3600, hours)
    return written


def _voices_for(use: str, names: Sequence[str]) -> list[str]:
    """Those of a use; what is held out for evaluation is of none."""
    wanted = [
        name
        for name in names
        if name not in HELD_OUT_VOICES and _calibrates(name) == (use == "calibration")
    ]
    if not wanted:
        raise ConfigError(f"no voice for {use} among {', '.join(names)}")
    return wanted


def _calibrates(name: str) -> bool:
    digest = hashlib.sha1(name.encode(), usedforsecurity=False).digest()
    return digest[0] % CALIBRATING == 0


def _write(path: Path, samples: Samples) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        peak = max(1.0, float(np.abs(samples).max(initial=0.0)))
        soundfile.write(path, samples / peak, SAMPLE_RATE, subtype="PCM_16")
    except (OSError, soundfile.LibsndfileError) as error:
        raise ConfigError(f"{path}: cannot be written: {error}") from error


def _note(path: Path, values: tuple[str, str, str]) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        begun = path.exists()
        with path.open("a", newline="", encoding="utf-8") as file:
            lines = csv.writer(file)
            if not begun:
                lines.writerow(("pack", "clip", "text"))
            lines.writerow(values)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be written: {error.strerror}") from error
