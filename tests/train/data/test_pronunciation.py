"""Pronunciations and how far apart they are."""

import shutil

import pytest

from train.data.pronunciation import (
    distance,
    kokoro_phonemes,
    near_words,
    phonemes,
    pronunciations,
    substitution,
)

needs_espeak = pytest.mark.skipif(
    shutil.which("espeak-ng") is None, reason="espeak-ng is not installed"
)


def test_tied_symbols_are_one_phoneme() -> None:
    assert phonemes("d^ʒˈo^ʊk") == ("d^ʒ", "o^ʊ", "k")
    assert phonemes("stˈɑːp") == ("s", "t", "ɑ", "p")


def test_kokoros_alphabet_has_letters_for_diphthongs_and_affricates() -> None:
    assert kokoro_phonemes("d^ʒˈo^ʊk") == "ʤˈOk"
    assert kokoro_phonemes("ɹˈa^ɪt") == "ɹˈIt"


def test_distance_is_a_metric_on_words() -> None:
    words = [phonemes(ipa) for ipa in ("jɛs", "jɛt", "ja^ʊ", "lɛs", "", "stɑp")]
    for one in words:
        assert distance(one, one) == 0
        for other in words:
            assert distance(one, other) == pytest.approx(distance(other, one))
            assert (distance(one, other) == 0) == (one == other)
    assert distance(phonemes("jɛs"), ()) == 3


def test_similar_phonemes_are_nearer_than_others() -> None:
    assert substitution("p", "b") < substitution("p", "t") < substitution("p", "ɛ") == 1
    assert substitution("o^ʊ", "a^ʊ") < substitution("o^ʊ", "k")


def test_the_nearest_words_come_first_and_homophones_not_at_all() -> None:
    sounds = {
        word: phonemes(ipa)
        for word, ipa in {
            "yes": "jɛs",
            "yez": "jɛs",
            "yet": "jɛt",
            "less": "lɛs",
            "stop": "stɑp",
            "no": "no^ʊ",
        }.items()
    }
    assert near_words(sounds["yes"], sounds, 2) == ["less", "yet"]
    assert near_words(sounds["yes"], sounds, 3, [sounds["less"]]) == ["yet", "no", "stop"]


@needs_espeak
def test_espeak_pronounces_the_keywords_as_kokoro_was_trained() -> None:
    words = ["yes", "no", "down", "stop"]
    assert [kokoro_phonemes(ipa) for ipa in pronunciations(words)] == [
        *("jˈɛs", "nˈO", "dˈWn", "stˈɑp")
    ]
    assert kokoro_phonemes(pronunciations(["no"], british=True)[0]) == "nˈQ"
