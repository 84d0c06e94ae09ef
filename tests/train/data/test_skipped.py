"""Recordings that cannot be used are named and left out, until they are too many."""

import logging

import pytest

from kws.errors import AudioFileError
from train.data.skipped import SkippedRecordings


def test_each_is_named_once(caplog: pytest.LogCaptureFixture) -> None:
    skipped = SkippedRecordings(1_000)
    skipped.add(["a.wav: is cut short", "b.wav: is empty"])
    skipped.skip(AudioFileError("a.wav: is cut short"))
    skipped.add([])
    assert caplog.messages == ["left out: a.wav: is cut short", "left out: b.wav: is empty"]
    assert {record.levelno for record in caplog.records} == {logging.WARNING}


def test_one_in_a_hundred_may_be_broken_and_of_few_a_single_one() -> None:
    skipped = SkippedRecordings(300)
    skipped.add(f"{number}.wav: bad" for number in range(3))
    with pytest.raises(AudioFileError, match="4 of 300 recordings cannot be used, more than 1%"):
        skipped.add(["3.wav: bad"])
    few = SkippedRecordings(5)
    few.add(["0.wav: bad"])
    with pytest.raises(AudioFileError):
        few.add(["1.wav: bad"])


def test_the_first_twenty_are_listed() -> None:
    with pytest.raises(AudioFileError) as caught:
        SkippedRecordings(100).add(f"{number:02}.wav: bad" for number in range(50))
    lines = str(caught.value).splitlines()
    assert lines[0].startswith("50 of 100 ")
    assert lines[1:] == [*(f"{number:02}.wav: bad" for number in range(20)), "... and 30 more"]
