"""The confusion matrix counts what `train evaluate` counts."""

from pathlib import Path

import pytest

from kws.errors import AudioFileError
from tests.spotting.models import untrained_model
from train.data.clips import of_split, word_clips
from train.measure.evaluate import evaluate
from train.reporting.clips import Confusion, confusion

COUNTED = Confusion(
    ("yes", "no"),
    {"go": (6, 0, 3), "no": (2, 0, 8), "off": (1, 1, 0), "up": (9, 0, 0), "yes": (1, 7, 2)},
)


def fail(error: AudioFileError) -> None:
    raise error


def test_rows_are_spoken_words_and_columns_are_classes() -> None:
    assert COUNTED.matrix.tolist() == [[7, 2, 1], [0, 8, 2], [1, 3, 16]]


def test_totals() -> None:
    assert (COUNTED.words, COUNTED.right) == (20, 15)
    assert (COUNTED.others, COUNTED.rejected) == (20, 16)


def test_words_most_often_mistaken_come_first() -> None:
    assert COUNTED.mistaken() == [("go", 9, {"no": 3}), ("off", 2, {"yes": 1})]


def test_without_clips_there_are_zeros() -> None:
    nothing = Confusion(("yes", "no"), {})
    assert not nothing.matrix.any()
    assert nothing.matrix.shape == (3, 3)
    assert nothing.mistaken() == []


@pytest.mark.parametrize("split", ["training", "validation"])
def test_it_counts_what_evaluate_counts(data: Path, split: str) -> None:
    model = untrained_model(("low", "high"))
    clips = of_split(word_clips(data / "speech_commands"), split)  # type: ignore[arg-type]
    expected = evaluate(model, clips)
    counted = confusion(model, clips, fail)
    assert (counted.words, counted.right) == (expected.keywords, expected.keywords_right)
    assert (counted.others, counted.rejected) == (expected.others, expected.others_rejected)
    assert counted.words > 0
    assert counted.others > 0


def test_a_clip_that_cannot_be_read_is_named_and_left_out(data: Path, tmp_path: Path) -> None:
    clips = of_split(word_clips(data / "speech_commands"), "validation")
    (tmp_path / "low").mkdir()
    (tmp_path / "low" / "broken_nohash_0.wav").write_bytes(b"nothing")
    broken = word_clips(tmp_path)
    named: list[AudioFileError] = []
    model = untrained_model(("low", "high"))
    counted = confusion(model, [*broken, *clips], named.append)
    assert counted == confusion(model, clips, fail)
    assert "broken_nohash_0.wav" in str(named[0])
