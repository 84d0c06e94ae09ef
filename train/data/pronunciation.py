"""How English words are pronounced, by espeak-ng, and how far apart two pronunciations are."""

import subprocess
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from types import MappingProxyType

from kws.errors import ConfigError

Phonemes = tuple[str, ...]
"""Symbols of the International Phonetic Alphabet, without stress."""
_TIE = "^"
_TO_KOKORO = (
    *(("a^ɪ", "I"), ("a^ʊ", "W"), ("d^ʒ", "ʤ"), ("e^ɪ", "A"), ("t^ʃ", "ʧ"), ("ɔ^ɪ", "Y")),
    *(("ə^l", "ᵊl"), ("o^ʊ", "O"), ("ə^ʊ", "Q"), ("ɜːɹ", "ɜɹ"), ("ɚ", "əɹ"), ("r", "ɹ")),
    *(("ɐ", "ə"), ("ʔ", "t"), ("e", "A"), ("ː", ""), (_TIE, "")),
)
"""From espeak-ng's IPA to the alphabet that Kokoro was trained with (misaki's, for English)."""
_FEATURES: Mapping[str, str] = MappingProxyType(
    {
        symbol: features
        for features, symbols in {
            "stop labial": "pb",
            "stop alveolar": "td",
            "stop velar": "kgɡ",
            "fricative labial": "fv",
            "fricative dental": "θð",
            "fricative alveolar": "sz",
            "fricative postalveolar": "ʃʒ",
            "fricative glottal": "h",
            "nasal labial": "m",
            "nasal alveolar": "n",
            "nasal velar": "ŋ",
            "glide alveolar": "ɹrlɾ",
            "glide palatal": "j",
            "glide labial": "w",
            "vowel front": "iɪeɛæ",
            "vowel central": "əɐʌɜɚ",
            "vowel back": "uʊoɔɑɒ",
            "vowel open": "aW",
        }.items()
        for symbol in symbols
    }
)
SAME_BOTH, SAME_ONE = 0.3, 0.6
"""Costs of a substitution by a phoneme of the same manner and place, and of one of the two."""


def pronunciations(words: Sequence[str], *, british: bool = False) -> list[str]:
    """How each word is pronounced, in the IPA of espeak-ng, parts of a phoneme tied by "^".

    Raises:
        ConfigError: espeak-ng cannot be run.
    """
    voice = "en-gb" if british else "en-us"
    try:
        done = subprocess.run(
            ["espeak-ng", "-q", "--ipa", f"--tie={_TIE}", "-v", voice],
            input="\n\n".join(words),
            capture_output=True,
            text=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError) as error:
        raise ConfigError(f"espeak-ng cannot be run: {error}; apt-get install espeak-ng") from error
    lines = [line.strip() for line in done.stdout.splitlines() if line.strip()]
    if len(lines) != len(words):
        raise ConfigError(f"espeak-ng gave {len(lines)} pronunciations for {len(words)} words")
    return [line.replace("\u0361", _TIE) for line in lines]


def kokoro_phonemes(ipa: str) -> str:
    """A pronunciation in Kokoro's alphabet."""
    for symbol, other in _TO_KOKORO:
        ipa = ipa.replace(symbol, other)
    return ipa


def phonemes(ipa: str) -> Phonemes:
    """Its phonemes one by one; diphthongs and affricates are one each."""
    found: list[str] = []
    for symbol in ipa:
        if symbol in "ˈˌː ":
            continue
        if symbol == _TIE or (found and found[-1].endswith(_TIE)):
            found[-1] += symbol
        else:
            found.append(symbol)
    return tuple(found)


def distance(first: Phonemes, second: Phonemes) -> float:
    """Edit distance with cheaper substitutions of phonemes alike in manner or place.

    Insertions and deletions cost 1, as in Levenshtein (Soviet Physics Doklady 10, 1966).
    """
    row = [float(number) for number in range(len(second) + 1)]
    for number, one in enumerate(first, 1):
        before, row[0] = row[0], float(number)
        for place, other in enumerate(second, 1):
            kept = before + substitution(one, other)
            before = row[place]
            row[place] = min(kept, row[place] + 1, row[place - 1] + 1)
    return row[-1]


@cache
def substitution(first: str, second: str) -> float:
    """Cost of one phoneme for another, 0 to 1."""
    if first == second:
        return 0.0
    if len(first) > 1 or len(second) > 1:  # a diphthong is like the vowels that it is made of
        ends = [substitution(a, b) for a, b in ((first[0], second[0]), (first[-1], second[-1]))]
        return min(1.0, max(SAME_BOTH, sum(ends) / 2))
    manners = [_FEATURES.get(each, f"{each} {each}").split() for each in (first, second)]
    same = sum(one == other for one, other in zip(*manners, strict=True))
    return (1.0, SAME_ONE, SAME_BOTH)[same]


def near_words(
    keyword: Phonemes, words: Mapping[str, Phonemes], count: int, unlike: Iterable[Phonemes] = ()
) -> list[str]:
    """The words that sound most like a keyword, those that sound the same left out.

    Args:
        keyword: its phonemes.
        words: with theirs.
        count: how many.
        unlike: pronunciations that are not wanted, such as those of the other keywords.
    """
    unwanted = {keyword, *unlike}
    ranked = sorted(
        (distance(keyword, sound) / max(len(keyword), 1), word)
        for word, sound in words.items()
        if sound not in unwanted
    )
    return [word for _, word in ranked[:count]]
