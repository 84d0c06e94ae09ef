"""Words by speech synthesisers, spoken for real where one is installed."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile

from kws.errors import ConfigError
from train.data.clips import SENTENCES, word_clips
from train.data.index import INDEX, KEYWORDS, NEAR, read_index
from train.data.pronunciation import pronunciations
from train.data.synthesize import (
    dictionary_words,
    speak_dictionary,
    speak_listed,
    speak_sentences,
    synthesize,
)
from train.data.voices import Voice, speak, voices

needs_espeak = pytest.mark.skipif(
    not shutil.which("espeak-ng"), reason="espeak-ng is not installed"
)
needs_flite = pytest.mark.skipif(not shutil.which("flite"), reason="flite is not installed")


@needs_flite
def test_a_voice_speaks_at_the_given_pace() -> None:
    slow, quick = (speak("down.", Voice("flite", "slt", pace), 16_000) for pace in (0.7, 1.3))
    assert len(slow) > len(quick) > 2_000
    assert np.abs(slow).max() > 0.01


@needs_flite
def test_clips_are_a_second_long_and_made_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("train.data.synthesize.voices", lambda: [Voice("flite", "rms")])
    assert synthesize(tmp_path, ["up", "town"]) == 2
    assert synthesize(tmp_path, ["up", "town"]) == 0
    (path,) = (tmp_path / "up").iterdir()
    assert path.name == "flite-rms-100-50_nohash_0.wav"
    assert soundfile.info(path).frames == soundfile.info(path).samplerate == 16_000


@needs_flite
def test_words_of_programs_stand_in_a_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("train.data.synthesize.voices", lambda: [Voice("flite", "rms")])
    monkeypatch.setattr("train.data.synthesize.SIMILAR_WORDS", ("yeah", "up"))
    assert speak_listed(tmp_path, ["yes", "up"]) == 3
    assert speak_listed(tmp_path, ["yes", "up"]) == 0
    listed = read_index(tmp_path / INDEX, tmp_path)
    assert [(each.row.pack, each.row.word) for each in listed] == [
        (KEYWORDS, "yes"),
        (KEYWORDS, "up"),
        (NEAR, "yeah"),
    ]
    assert all(each.path.is_file() for each in listed)
    assert all(each.row.refusal is None or each.row.new_word for each in listed)


@needs_espeak
def test_a_voice_that_does_not_exist_is_named() -> None:
    with pytest.raises(ConfigError, match="espeak-ng -v nobody"):
        speak("up", Voice("espeak-ng", "nobody"), 16_000)


def test_without_a_synthesiser_the_packages_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda name: None)
    with pytest.raises(ConfigError, match="apt-get install espeak-ng flite"):
        voices()


@needs_espeak
def test_words_sound_alike_where_their_pronunciations_do() -> None:
    know, no, now = pronunciations(["know", "no", "now"])
    assert know == no != now


@needs_espeak
def test_a_dictionary_gives_plain_words_that_are_no_keywords(tmp_path: Path) -> None:
    listed = tmp_path / "words"
    listed.write_text("\n".join(["know", "no", "Paris", "can't", "tree", "house", "cat", "x"]))
    words = dictionary_words(listed, ["no"], 10)
    assert sorted(words) == ["cat", "house", "tree"]
    assert words == dictionary_words(listed, ["no"], 10)
    assert len(dictionary_words(listed, ["no"], 2)) == 2
    with pytest.raises(ConfigError, match="no list of words"):
        dictionary_words(tmp_path / "missing", ["no"], 2)


@needs_espeak
def test_each_word_of_a_dictionary_has_one_voice(tmp_path: Path) -> None:
    assert speak_dictionary(tmp_path, ["tree", "house"]) == 2
    assert speak_dictionary(tmp_path, ["tree", "house"]) == 0
    clips = word_clips(tmp_path)
    assert [clip.word for clip in clips] == ["house", "tree"]
    assert len({clip.speaker for clip in clips}) == 2


@needs_espeak
def test_sentences_are_speech_and_no_words(tmp_path: Path) -> None:
    speak_dictionary(tmp_path, ["tree"])
    assert speak_sentences(tmp_path, ["tree", "house", "cat"], 3) == 3
    assert speak_sentences(tmp_path, ["tree", "house", "cat"], 3) == 0
    files = sorted((tmp_path / SENTENCES).iterdir())
    assert all(soundfile.info(path).duration > 1 for path in files)
    assert {clip.word for clip in word_clips(tmp_path)} == {"tree"}
