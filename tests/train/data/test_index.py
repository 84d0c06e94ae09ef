"""The table of recordings: what may be trained on, and what is refused."""

from pathlib import Path

import pytest

from kws.errors import ConfigError
from train.data.index import (
    Recording,
    Row,
    TrainingRecordings,
    append_rows,
    only_reports,
    read_index,
)


def row(
    pack: str = "speech_commands/training/yes",
    clip: str = "a_nohash_0.wav",
    word: str = "yes",
    speaker: str = "a",
    use: str = "training",
    licence: str = "CC-BY-4.0",
) -> Row:
    return Row(pack, clip, 16_000, word, speaker, use, "en", licence)


@pytest.mark.parametrize("use", ["validation", "calibration", "evaluation", ""])
def test_recordings_for_another_use_than_training_are_refused(use: str) -> None:
    with pytest.raises(ConfigError, match="may not be trained on: its use is"):
        TrainingRecordings((Recording(row(use=use), Path("a.wav")),))


@pytest.mark.parametrize(
    "licence", ["", "CC-BY-NC-SA-4.0 (evaluation only)", "GPL-2.0 / CC-BY-SA", "own terms"]
)
def test_recordings_without_a_free_licence_are_refused(licence: str) -> None:
    with pytest.raises(ConfigError, match="no free licence"):
        TrainingRecordings((Recording(row(licence=licence), Path("a.wav")),))


@pytest.mark.parametrize("speaker", ["bm_lewis", "am_adam+af_river", "af_river+am_adam"])
def test_held_out_voices_and_their_blends_are_refused(speaker: str) -> None:
    made = row(pack="synthetic/keywords", speaker=speaker, licence="Apache-2.0")
    assert made.new_voice
    with pytest.raises(ConfigError, match="kept for evaluation"):
        TrainingRecordings((Recording(made, Path("a.wav")),))


def test_a_fifth_of_the_near_words_is_held_out_and_no_keyword() -> None:
    words = [f"word{number}" for number in range(1000)]
    near = [row(pack="synthetic/near", word=word, speaker="am_adam") for word in words]
    assert 150 < sum(each.new_word for each in near) < 250
    keywords = [row(pack="synthetic/keywords", word=word, speaker="am_adam") for word in words]
    assert not any(each.new_word for each in keywords)


def test_what_may_not_be_trained_on_is_left_out() -> None:
    rows = [row(), row(use="evaluation"), row(licence="?"), row(clip="b_nohash_0.wav")]
    kept = TrainingRecordings.of(Recording(each, Path(each.clip)) for each in rows)
    assert [each.row for each in kept] == [rows[0], rows[3]]


def test_licences_are_given_by_collection() -> None:
    rows = [
        row(),
        row(pack="speech_commands/training/no", word="no"),
        row(pack="negatives/training/reading", word="", licence="CC0-1.0"),
    ]
    recordings = TrainingRecordings.of(Recording(each, Path(each.clip)) for each in rows)
    assert recordings.sources() == {
        "negatives/training/reading": "CC0-1.0",
        "speech_commands/training": "CC-BY-4.0",
    }


def test_a_table_is_read_as_it_was_written(tmp_path: Path) -> None:
    rows = [
        row(),
        row(pack="negatives/training/set", clip="x.flac", word=""),
        row(pack="synthetic/near", word="yeah", clip="v_nohash_0.wav"),
        row(pack="negatives/training/set", clip="x.wav", word=""),
    ]
    append_rows(tmp_path / "index.csv", rows[:2])
    append_rows(tmp_path / "index.csv", rows[2:])
    read = read_index(tmp_path / "index.csv", tmp_path)
    assert [each.row for each in read] == rows
    assert [each.path.relative_to(tmp_path).as_posix() for each in read] == [
        "speech_commands/yes/a_nohash_0.wav",
        "negatives/training/set/x.wav",
        "synthetic/near/yeah/v_nohash_0.wav",
        "negatives/training/set/x_.wav",
    ]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("pack,clip\n", "lacks columns: language, licence, samples"),
        ("pack,clip,samples,word,speaker,use,language,licence\np,c,many,,,,,\n", "line 2: .*int"),
        ("pack,clip,samples,word,speaker,use,language,licence\np,c,1\n", "line 2: "),
    ],
)
def test_a_damaged_table_is_an_error(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "index.csv"
    path.write_text(content)
    with pytest.raises(ConfigError, match=message):
        read_index(path, tmp_path)


def test_a_missing_table_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"index\.csv: no table of recordings"):
        read_index(tmp_path / "index.csv", tmp_path)


def test_a_third_of_the_speakers_is_for_reporting_only() -> None:
    share = sum(only_reports(f"speaker{number}") for number in range(1000)) / 1000
    assert 0.28 < share < 0.39
