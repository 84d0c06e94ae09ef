"""What a teacher is trained on and measured with, by the tables of recordings."""

import csv
import logging
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from kws.errors import ConfigError
from train.data.index import INDEX, VALIDATION, Recording, Row, TrainingRecordings, read_index
from train.data.spoken_sentences import TRANSCRIPTS
from train.scenes.sources import Moment

log = logging.getLogger(__name__)

HOMOPHONES = {"no": ("know",), "right": ("write", "rite")}
"""Words that sound the same as a keyword."""


@dataclass(frozen=True)
class TeacherMaterial:
    """Recordings of one or more folders.

    Attributes:
        training: all that may be trained on.
        validation: clips of words by other speakers.
        held_out: synthetic words in voices, or words, that are not trained on.
        spoken: names of rows in whose transcript there is a keyword.
        proposed: where a keyword model takes other sound for a keyword.
    """

    training: TrainingRecordings
    validation: tuple[Recording, ...]
    held_out: tuple[Recording, ...]
    spoken: frozenset[str]
    proposed: tuple[Moment, ...] = ()


def find_material(folders: Sequence[Path], keywords: Sequence[str]) -> TeacherMaterial:
    """Find the recordings.

    Args:
        folders: each holds index.csv beside its sound, and negatives/transcripts.csv if any.
        keywords: the classes.

    Raises:
        ConfigError: a table cannot be read, or a keyword has no recordings to train on.
    """
    recordings = [each for folder in folders for each in read_index(folder / INDEX, folder)]
    training = TrainingRecordings.of(recordings)
    words = {each.row.word for each in training}
    if missing := [keyword for keyword in keywords if keyword not in words]:
        raise ConfigError(f"no recordings to train on of: {', '.join(missing)}")
    without = [each.row for each in recordings if each.row.use == "training" and each.row.refusal]
    log.info(
        "%d recordings to train on, %d left out: %s", *(len(training), len(without)), _why(without)
    )
    return TeacherMaterial(
        training,
        tuple(each for each in recordings if each.row.use == VALIDATION and each.row.word),
        tuple(each for each in recordings if each.row.new_voice or each.row.new_word),
        frozenset(_spoken(folders, keywords)),
    )


def _why(rows: Iterable[Row]) -> str:
    counts: dict[str, int] = {}
    for row in rows:
        counts[row.refusal or ""] = counts.get(row.refusal or "", 0) + 1
    return "; ".join(f"{count}: {reason}" for reason, count in sorted(counts.items())) or "none"


def _spoken(folders: Iterable[Path], keywords: Sequence[str]) -> Iterable[str]:
    sounds = {sound for word in keywords for sound in (word, *HOMOPHONES.get(word, ()))}
    for folder in folders:
        path = folder / TRANSCRIPTS
        if not path.is_file():
            continue
        try:
            with path.open(newline="", encoding="utf-8") as file:
                for line in csv.DictReader(file):
                    if sounds & set(re.findall("[a-z']+", line["text"].lower())):
                        yield f"{line['pack']}/{line['clip']}"
        except (OSError, UnicodeDecodeError, csv.Error, KeyError) as error:
            raise ConfigError(f"{path}: no transcripts to read: {error}") from error
