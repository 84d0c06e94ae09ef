"""Words spoken by speech synthesisers: keywords in voices that recordings lack, and words that
sound like keywords, which recordings lack altogether; words of a dictionary, and sentences.
"""

import re
from collections.abc import Iterator, Sequence
from itertools import product
from pathlib import Path

import numpy as np
import soundfile

from kws.errors import ConfigError
from kws.typing import Samples
from train.data.clips import SENTENCES
from train.data.index import INDEX, KEYWORDS, NEAR, TRAINING, Row, append_rows
from train.data.pronunciation import pronunciations
from train.data.samples import active_region
from train.data.voices import PROGRAM_LICENCE, Voice, speak, voices
from train.measure.evaluate import clip_window

SIMILAR_WORDS: tuple[str, ...] = (
    *("yet", "yeah", "yell", "yam", "yen", "mess", "less", "guess", "chess", "dress", "jazz"),
    *("nope", "note", "not", "now", "new", "nor", "nose", "gnome", "toe", "low", "mow", "so"),
    *("own", "oh", "go", "snow", "knee", "nah", "app", "apple", "cup", "pup", "hub", "of"),
    *("off", "us", "uh", "hop", "top", "tap", "op", "pub", "puppy", "but", "what", "upon"),
    *("town", "dawn", "done", "dumb", "gown", "noun", "brown", "crown", "den", "dime", "tone"),
    *("doubt", "out", "loud", "found", "tower", "left", "right", "stop", "on", "marvin", "seven"),
)
"""English words near "yes", "no", "up" and "down", and some that are not."""


SEED = 1
_RATE = 16_000
ENDINGS = (".", "!", "?", ",")
"""What a word ends with changes how some voices say it."""
MISPRONOUNCED: frozenset[tuple[str, str]] = frozenset({("heart", "no")})
"""Voice and word: what comes out sounds like another word ("now")."""


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
        said = f"{word}{ENDINGS[take]}"
        _write_word(path, speak(said, voice, sample_rate), sample_rate, length)
        count += 1
    return count


def speak_listed(folder: Path, keywords: Sequence[str]) -> int:
    """Write keywords and `SIMILAR_WORDS` in all voices of programs, with a table of them.

    Args:
        folder: gets synthetic/{keywords,near}/<word>/<voice>_nohash_0.wav, and index.csv.
        keywords: in the one; the others in the other.

    Returns:
        The number of clips written; those that exist are left alone.

    Raises:
        ConfigError: no synthesiser is installed, or the table cannot be written.
    """
    count = 0
    spoken = [*keywords, *(word for word in SIMILAR_WORDS if word not in keywords)]
    for voice, word in product(_quick_voices(), spoken):
        pack = KEYWORDS if word in keywords else NEAR
        path = folder / pack / word / f"{voice.speaker}_nohash_0.wav"
        if path.exists():
            continue
        _write_word(path, speak(f"{word}.", voice, _RATE), _RATE, _RATE)
        row = Row(pack, path.name, _RATE, word, voice.speaker, TRAINING, "en", PROGRAM_LICENCE)
        append_rows(folder / INDEX, [row])
        count += 1
    return count


def dictionary_words(
    path: Path, keywords: Sequence[str], count: int, seed: int = SEED
) -> list[str]:
    """Words of a list (one a line), drawn at random, none of which sounds like a keyword.

    Args:
        path: such as /usr/share/dict/words.
        keywords: words that are wanted neither by themselves nor as homophones.
        count: how many, at most.
        seed: of the draw.

    Raises:
        ConfigError: the list cannot be read, or espeak-ng, which tells how words sound, is missing.
    """
    try:
        listed = path.read_text(encoding="utf-8").split()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: no list of words to read: {error}") from error
    plain = sorted({word for word in listed if re.fullmatch("[a-z]{2,8}", word)})
    draw = np.random.default_rng(seed)
    drawn = [plain[index] for index in draw.permutation(len(plain))[: count + count // 10]]
    unwanted = set(pronunciations(keywords))
    sounds = zip(drawn, pronunciations(drawn), strict=True)
    return [word for word, sound in sounds if sound not in unwanted][:count]


def speak_dictionary(
    folder: Path, words: Sequence[str], sample_rate: int = 16_000, length: int = 16_000
) -> int:
    """Write `folder/<word>/<voice>_nohash_0.wav` for each word, each in another voice.

    Returns:
        The number of clips written; those that exist are left alone.
    """
    choice = _quick_voices()
    count = 0
    for index, word in enumerate(words):
        voice = choice[index % len(choice)]
        path = folder / word / f"{voice.speaker}_nohash_0.wav"
        if not path.exists():
            _write_word(path, speak(word, voice, sample_rate), sample_rate, length)
            count += 1
    return count


def speak_sentences(
    folder: Path, words: Sequence[str], count: int, sample_rate: int = 16_000, seed: int = SEED
) -> int:
    """Write `folder/_sentences_/<n>-<voice>.wav`: running speech of words in random order.

    Returns:
        The number of files written; those that exist are left alone.
    """
    choice = _quick_voices()
    draw = np.random.default_rng(seed)
    target = folder / SENTENCES
    target.mkdir(parents=True, exist_ok=True)
    written = 0
    for index in range(count):
        voice = choice[int(draw.integers(len(choice)))]
        text = " ".join(draw.choice(np.array(words), int(draw.integers(5, 15)))) + "."
        path = target / f"{index:05d}-{voice.speaker}.wav"
        if not path.exists():
            soundfile.write(path, speak(text, voice, sample_rate), sample_rate, subtype="PCM_16")
            written += 1
    return written


def _quick_voices() -> list[Voice]:
    return [voice for voice in voices() if voice.program != "hibari"]


def _write_word(path: Path, samples: Samples, sample_rate: int, length: int) -> None:
    start, end = active_region(samples, sample_rate)
    margin = sample_rate // 20
    clip = clip_window(samples[max(0, start - margin) : end + margin], length)
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, clip, sample_rate, subtype="PCM_16")


def _missing(folder: Path, words: Sequence[str]) -> Iterator[tuple[Path, str, Voice, int]]:
    for voice, word in product(voices(), words):
        if (voice.name, word) in MISPRONOUNCED:
            continue
        # The others say the same whatever ends it.
        for take in range(len(ENDINGS) if voice.program == "hibari" else 1):
            path = folder / word / f"{voice.speaker}_nohash_{take}.wav"
            if not path.exists():
                yield path, word, voice, take
