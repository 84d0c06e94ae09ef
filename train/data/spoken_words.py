"""Words spoken by a neural synthesiser, each kept only if a recogniser understands it.

The synthesiser adds a sound to some bare words ("left it"); the recogniser finds these.
"""

import csv
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
import soxr

from kws.errors import ConfigError
from kws.typing import Samples
from train.data import kokoro, recogniser
from train.data.index import KEYWORDS, NEAR, TRAINING, Row, append_rows, read_index
from train.data.kokoro import NeuralVoice, Synthesiser
from train.data.pronunciation import (
    Phonemes,
    distance,
    kokoro_phonemes,
    near_words,
    phonemes,
    pronunciations,
)
from train.data.recogniser import TextScorer

log = logging.getLogger(__name__)

SAMPLE_RATE = 16_000
PACE = (0.8, 1.25)
ENDINGS = (".", "!", ".", "?")
KEYWORD_SHARE, OTHER_SHARE = 0.25, 0.2
"""Shares of the attempts that are keywords, and words that are not near one; the rest are near."""
BLENDED, BLEND = 0.5, 0.6
"""How often two voices are blended, and the share of the first."""
RIVALS = 6
"""Near words that a keyword's sound is compared with, beside the other keywords."""
LOUD = 0.02
"""Share of the peak above which a word begins and ends."""
MARGIN_S = (0.1, 0.15)
LONGEST_S = 1.3
_LOG = "attempts.csv"


@dataclass(frozen=True)
class Utterance:
    """What is to be spoken.

    Attributes:
        number: of the attempt.
        word: what.
        keyword: whether it is a keyword.
        voice: by whom.
        pace: how fast; 1 is the voice's own.
        ending: punctuation behind the word.
    """

    number: int
    word: str
    keyword: bool
    voice: NeuralVoice
    pace: float
    ending: str


class Vocabulary:
    """Words to speak, with their pronunciations.

    Args:
        keywords: the keywords.
        near: of a dictionary, those that sound like a keyword.
        others: any others.

    Raises:
        ConfigError: espeak-ng cannot be run.
    """

    def __init__(self, keywords: Sequence[str], near: Sequence[str], others: Sequence[str]) -> None:
        self.keywords, self.near, self.others = tuple(keywords), tuple(near), tuple(others)
        words = list(dict.fromkeys((*keywords, *near, *others)))
        self._american = dict(zip(words, pronunciations(words), strict=True))
        self._british = dict(zip(words, pronunciations(words, british=True), strict=True))

    def spoken(self, word: str, voice: NeuralVoice) -> str:
        """Phonemes of a word as a voice pronounces it, in Kokoro's alphabet."""
        return kokoro_phonemes((self._british if voice.british else self._american)[word])

    def rivals(self, word: str) -> list[str]:
        """What the sound of a word is not to be taken for: keywords, and words near a keyword.

        What sounds the same as the word is none of them.
        """
        sounds = {each: phonemes(self._american[each]) for each in self._american}
        rivals = [each for each in self.keywords if sounds[each] != sounds[word]]
        if word in self.keywords:
            ranked = sorted(
                (distance(sounds[word], sounds[each]), each)
                for each in self.near
                if sounds[each] != sounds[word] and each not in rivals
            )
            rivals += [each for _, each in ranked[:RIVALS]]
        return rivals

    def utterance(self, number: int, voices: Sequence[str], seed: int) -> Utterance:
        """The attempt of a number, the same whenever it is made."""
        draw = np.random.default_rng((seed, number))
        kind = draw.random()
        keyword = kind < KEYWORD_SHARE
        rest = self.others if self.others and kind > 1 - OTHER_SHARE else self.near
        word = str(draw.choice(np.array(self.keywords if keyword else rest or self.others)))
        first, second = (str(each) for each in draw.choice(np.array(voices), 2))
        blended = first != second and draw.random() < BLENDED
        voice = NeuralVoice(first, second, BLEND) if blended else NeuralVoice(first)
        pace = float(draw.uniform(*PACE))
        return Utterance(number, word, keyword, voice, pace, str(draw.choice(np.array(ENDINGS))))


def dictionary_near_words(
    path: Path, keywords: Sequence[str], count: int, longest: int = 7
) -> list[str]:
    """Words of a list that sound most like the keywords.

    Args:
        path: a word a line, such as /usr/share/dict/words.
        keywords: to be near.
        count: of words for each keyword.
        longest: letters of a word.

    Raises:
        ConfigError: the list cannot be read, or espeak-ng cannot be run.
    """
    try:
        listed = path.read_text(encoding="utf-8").split()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: no list of words to read: {error}") from error
    words = [
        word
        for word in dict.fromkeys(listed)
        if word.isascii() and word.isalpha() and word.islower() and 1 < len(word) <= longest
    ]
    sounds: Mapping[str, Phonemes] = {
        word: phonemes(ipa) for word, ipa in zip(words, pronunciations(words), strict=True)
    }
    wanted = [phonemes(ipa) for ipa in pronunciations(keywords)]
    found = (near_words(sound, sounds, count, wanted) for sound in wanted)
    return list(dict.fromkeys(word for words in found for word in words))


class SpokenWords:
    """Makes recordings, one attempt after the other, where an earlier run left off.

    Args:
        folder: gets synthetic/{near,keywords}/<word>/<voice>_nohash_<n>.wav, index.csv, and
            attempts.csv with those that were not understood too.
        vocabulary: what is spoken.
        synthesiser: speaks.
        scorer: listens.
        seed: of everything drawn.

    Raises:
        ConfigError: the folder cannot be written, or its tables are damaged.
    """

    def __init__(
        self,
        folder: Path,
        vocabulary: Vocabulary,
        synthesiser: Synthesiser,
        scorer: TextScorer,
        seed: int,
    ) -> None:
        self._folder, self._vocabulary = folder, vocabulary
        self._synthesiser, self._scorer, self._seed = synthesiser, scorer, seed
        self._index, self._log = folder / "index.csv", folder / _LOG
        folder.mkdir(parents=True, exist_ok=True)
        listed = read_index(self._index, folder) if self._index.exists() else ()
        self._listed = {each.row.name for each in listed}

    def write(self, attempts: int) -> int:
        """Make attempts until there have been so many in all.

        Returns:
            The number of recordings written now.

        Raises:
            ConfigError: something cannot be written.
        """
        written = 0
        for number in range(self._attempted(), attempts):
            utterance = self._vocabulary.utterance(number, self._synthesiser.voices, self._seed)
            samples = self._spoken(utterance)
            kept = samples is not None and self.understood(utterance.word, samples)
            if kept and samples is not None:
                self._keep(utterance, samples)
                written += 1
            self._note(utterance, kept)
            if number % 500 == 499:
                log.info("%d of %d attempts, %d kept of this run's", number + 1, attempts, written)
        return written

    def understood(self, word: str, samples: Samples) -> bool:
        """Whether the recogniser prefers a word to all that it is not to be taken for."""
        texts = [f"{each.capitalize()}." for each in (word, *self._vocabulary.rivals(word))]
        padded = np.pad(samples, recogniser.SAMPLE_RATE // 10)
        return int(np.argmax(self._scorer.scores(padded, texts))) == 0

    def _spoken(self, utterance: Utterance) -> Samples | None:
        """A word with a little silence around it; None where it is too long to be right."""
        spoken = self._vocabulary.spoken(utterance.word, utterance.voice)
        sound = self._synthesiser.speak(spoken + utterance.ending, utterance.voice, utterance.pace)
        samples = soxr.resample(sound, kokoro.SAMPLE_RATE, SAMPLE_RATE).astype(np.float32)
        level = np.abs(samples)
        loud = np.flatnonzero(level > LOUD * level.max(initial=0.0))
        if not len(loud):
            return None
        before, after = (int(margin * SAMPLE_RATE) for margin in MARGIN_S)
        word: Samples = samples[max(0, loud[0] - before) : loud[-1] + after]
        return word if len(word) <= LONGEST_S * SAMPLE_RATE else None

    def _keep(self, utterance: Utterance, samples: Samples) -> None:
        pack = KEYWORDS if utterance.keyword else NEAR
        speaker = utterance.voice.speaker
        clip = f"{speaker}_nohash_{utterance.number}.wav"
        path = self._folder / pack / utterance.word / clip
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            peak = max(1.0, float(np.abs(samples).max()))
            soundfile.write(path, samples / peak, SAMPLE_RATE, subtype="PCM_16")
        except (OSError, soundfile.LibsndfileError) as error:
            raise ConfigError(f"{path}: cannot be written: {error}") from error
        row = Row(
            *(pack, clip, len(samples), utterance.word),
            *(speaker, TRAINING, "en", kokoro.LICENCE),
        )
        if row.name not in self._listed:
            append_rows(self._index, [row])

    def _attempted(self) -> int:
        """Attempts of earlier runs: the next number."""
        try:
            with self._log.open(newline="", encoding="utf-8") as file:
                numbers = [int(line[0]) for line in csv.reader(file) if line]
        except FileNotFoundError:
            return 0
        except (OSError, ValueError) as error:
            raise ConfigError(f"{self._log}: cannot be read: {error}; remove it") from error
        return max(numbers, default=-1) + 1

    def _note(self, utterance: Utterance, kept: bool) -> None:
        """Count an attempt, so that a later run continues behind it."""
        voice, pace = utterance.voice.speaker, f"{utterance.pace:.3f}"
        outcome = "kept" if kept else "not understood"
        try:
            with self._log.open("a", newline="", encoding="utf-8") as file:
                csv.writer(file).writerow((utterance.number, utterance.word, voice, pace, outcome))
        except OSError as error:
            raise ConfigError(f"{self._log}: cannot be written: {error.strerror}") from error
