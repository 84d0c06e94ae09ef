"""Words that are spoken, and kept only if they are understood."""

import csv
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import soundfile

from kws.errors import ConfigError
from kws.typing import Samples
from train.data import kokoro
from train.data.index import KEYWORDS, NEAR, read_index
from train.data.kokoro import NeuralVoice
from train.data.spoken_words import (
    LONGEST_S,
    SAMPLE_RATE,
    SpokenWords,
    Vocabulary,
    dictionary_near_words,
)

pytestmark = pytest.mark.skipif(
    shutil.which("espeak-ng") is None, reason="espeak-ng is not installed"
)
HERTZ_A_LETTER = 40.0


class ToneSynthesiser:
    """Speaks a word as a tone whose pitch is the number of its phonemes; "f" in it is too long."""

    voices = ("am_adam", "bf_emma")

    def speak(self, phonemes: str, voice: NeuralVoice, pace: float) -> Samples:
        length_s = 2 * LONGEST_S if "f" in phonemes else 0.3 / pace
        seconds = np.arange(int(length_s * kokoro.SAMPLE_RATE)) / kokoro.SAMPLE_RATE
        tone = np.sin(2 * np.pi * HERTZ_A_LETTER * len(phonemes) * seconds)
        silence = np.zeros(kokoro.SAMPLE_RATE // 2)
        return np.concatenate([silence, tone, silence]).astype(np.float32)


class FirstButFor:
    """Understands all words but some."""

    def __init__(self, *words: str) -> None:
        self._words = {f"{word.capitalize()}." for word in words}

    def scores(self, samples: Samples, texts: Sequence[str]) -> list[float]:
        wanted = texts[-1] if texts[0] in self._words else texts[0]
        return [0.0 if text == wanted else -5.0 for text in texts]


@pytest.fixture(scope="module")
def vocabulary() -> Vocabulary:
    return Vocabulary(("yes", "no"), ("yet", "less", "know", "new", "left"), ("window",))


def spoken(folder: Path, vocabulary: Vocabulary, scorer: FirstButFor | None = None) -> SpokenWords:
    return SpokenWords(folder, vocabulary, ToneSynthesiser(), scorer or FirstButFor(), seed=1)


def test_rivals_are_the_keywords_and_what_is_near_but_never_a_homophone(
    vocabulary: Vocabulary,
) -> None:
    assert vocabulary.rivals("yet") == ["yes", "no"]
    assert vocabulary.rivals("know") == ["yes"]
    assert vocabulary.rivals("no")[:2] == ["yes", "new"]
    assert "know" not in vocabulary.rivals("no")


def test_words_that_are_not_understood_are_not_kept(tmp_path: Path, vocabulary: Vocabulary) -> None:
    scorer = FirstButFor("less", "no")
    written = spoken(tmp_path, vocabulary, scorer).write(100)
    listed = read_index(tmp_path / "index.csv", tmp_path)
    assert len(listed) == written
    assert {each.row.word for each in listed} == {"yes", "yet", "know", "new", "window"}
    assert {each.row.pack for each in listed if each.row.word == "yes"} == {KEYWORDS}
    assert {each.row.pack for each in listed if each.row.word != "yes"} == {NEAR}
    with (tmp_path / "attempts.csv").open(newline="") as file:
        attempts = list(csv.reader(file))
    assert [int(line[0]) for line in attempts] == list(range(100))
    assert sum(line[-1] == "kept" for line in attempts) == written


def test_recordings_are_trimmed_and_named_by_their_voice(
    tmp_path: Path, vocabulary: Vocabulary
) -> None:
    spoken(tmp_path, vocabulary).write(40)
    for each in read_index(tmp_path / "index.csv", tmp_path):
        info = soundfile.info(each.path)
        assert info.samplerate == SAMPLE_RATE
        assert info.frames == each.row.samples
        assert 0.3 / 1.25 < info.duration < 0.3 / 0.8 + 0.3
        assert each.row.clip.startswith(f"{each.row.speaker}_nohash_")
        assert set(each.row.speaker.split("+")) <= {"am_adam", "bf_emma"}


def test_in_two_runs_the_same_is_made_as_in_one(tmp_path: Path, vocabulary: Vocabulary) -> None:
    once, twice = tmp_path / "once", tmp_path / "twice"
    count = spoken(once, vocabulary).write(60)
    assert count == sum(spoken(twice, vocabulary).write(attempts) for attempts in (25, 60))
    assert (once / "index.csv").read_text() == (twice / "index.csv").read_text()
    assert spoken(twice, vocabulary).write(60) == 0


def test_an_attempt_that_was_not_counted_is_listed_once(
    tmp_path: Path, vocabulary: Vocabulary
) -> None:
    """As when the machine stops between the recording and the count."""
    spoken(tmp_path, vocabulary).write(30)
    log = tmp_path / "attempts.csv"
    lines = log.read_text().splitlines(keepends=True)
    kept = max(number for number, line in enumerate(lines) if line.rstrip().endswith("kept"))
    log.write_text("".join(lines[:kept]))
    before = (tmp_path / "index.csv").read_text()
    spoken(tmp_path, vocabulary).write(30)
    assert (tmp_path / "index.csv").read_text() == before


def test_a_dictionary_gives_near_words(tmp_path: Path) -> None:
    path = tmp_path / "words"
    path.write_text("yet\nless\nknow\nnew\nelephant\nYork\nit's\nhippopotamus\n")
    near = dictionary_near_words(path, ("yes", "no"), 2)
    assert near[0] in ("yet", "less")
    assert "new" in near
    assert not {"know", "elephant", "York", "hippopotamus"} & set(near)
    with pytest.raises(ConfigError, match="no list of words"):
        dictionary_near_words(tmp_path / "nowhere", ("yes",), 2)
