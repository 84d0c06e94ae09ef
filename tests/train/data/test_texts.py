"""Words and sentences to speak."""

import re

import numpy as np

from train.data.texts import read_texts

KEYWORDS = ("yes", "no", "up", "down", "left", "right", "on", "off", "stop", "go")
SAME_SOUND = ("know", "write", "knows", "wright", "rite")


def words_of(text: str) -> set[str]:
    return set(re.findall("[a-z']+", text.lower()))


def test_sentences_hold_no_keyword_and_nothing_that_sounds_the_same() -> None:
    texts = read_texts()
    draw = np.random.default_rng(1)
    drawn = {texts.sentence(draw) for _ in range(2_000)}
    assert len(drawn) > 1_500
    for text in drawn:
        assert not words_of(text) & {*KEYWORDS, *SAME_SOUND}, text
        assert "{" not in text
        assert text[0].isupper()
        assert text[-1] in ".?"


def test_no_slot_holds_a_keyword() -> None:
    for choices in read_texts().slots.values():
        for text in choices:
            assert not words_of(text) & {*KEYWORDS, *SAME_SOUND}, text


def test_a_keyword_is_inside_the_sentences_around_it() -> None:
    texts = read_texts()
    draw = np.random.default_rng(1)
    for keyword in (*KEYWORDS, "marvin"):
        for _ in range(50):
            words = re.findall("[a-z']+", texts.sentence_around(keyword, draw).lower())
            place = words.index(keyword)
            assert 0 < place < len(words) - 1


def test_single_words_are_no_keywords() -> None:
    texts = read_texts()
    assert not {*texts.interjections, *texts.everyday} & set(KEYWORDS)
