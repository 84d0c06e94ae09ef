"""The table of recordings (`index.csv`): what each is, and who may be trained on.

What may not be trained on is refused here, so that no weights and no targets can come of it.
"""

import csv
import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from typing import Self

import msgspec

from kws.errors import ConfigError

TRAINING, VALIDATION = "training", "validation"
FREE_LICENCES: frozenset[str] = frozenset(
    (
        *("CC-BY-4.0", "CC0-1.0", "CC-BY-4.0 / public domain", "public-domain"),
        *("Apache-2.0", "MIT"),
    )
)
"""Licences, as the table spells them, under which what is learned from a recording may be passed
on."""
HELD_OUT_VOICES: frozenset[str] = frozenset(("bf_isabella", "am_eric", "af_river", "bm_lewis"))
"""Synthetic voices that are kept, with every blend of them, for evaluation."""
HELD_OUT_WORDS = 5
"""One near word in so many is kept for evaluation as well, whichever voice speaks it."""
REPORTING = 3
"""One validation speaker in so many only reports; the others choose and calibrate."""
NEAR, KEYWORDS = "synthetic/near", "synthetic/keywords"
IMAGES = "speech_commands/images"
"""Collection of what `train.data.image_recordings` makes."""
INDEX = "index.csv"
COLUMNS = ("pack", "clip", "samples", "word", "speaker", "use", "language", "licence")


@dataclass(frozen=True)
class Row:
    """A recording.

    Attributes:
        pack: its collection, as "negatives/training/arabic_words".
        clip: its name in the collection.
        samples: its length.
        word: what is said, where it is a single word.
        speaker: who speaks; for a blend of two synthetic voices "first+second".
        use: what it is for.
        language: of the speech.
        licence: as stated by its source; empty where none is.
    """

    pack: str
    clip: str
    samples: int
    word: str
    speaker: str
    use: str
    language: str
    licence: str

    @property
    def name(self) -> str:
        """Tells it from all others: synthetic clips of two words may have one name."""
        return f"{self.pack}/{self.place}"

    @property
    def place(self) -> str:
        """Tells it from all others of its collection."""
        return f"{self.word}/{self.clip}" if self.pack.startswith("synthetic/") else self.clip

    @property
    def new_voice(self) -> bool:
        """Whether a synthetic voice that is kept for evaluation has a part in it."""
        return self.pack.startswith("synthetic/") and not HELD_OUT_VOICES.isdisjoint(
            self.speaker.split("+")
        )

    @property
    def new_word(self) -> bool:
        """Whether it is a near word that is kept for evaluation."""
        if self.pack != NEAR:
            return False
        digest = hashlib.sha1(self.word.encode(), usedforsecurity=False).digest()
        return digest[0] % HELD_OUT_WORDS == 0

    @property
    def refusal(self) -> str | None:
        """Why it may not be trained on; None where it may."""
        if self.use != TRAINING:
            return f"its use is {self.use or 'not stated'}"
        if self.licence not in FREE_LICENCES:
            return f"no free licence: {self.licence or 'none stated'}"
        if self.new_voice or self.new_word:
            return "its voice or its word is kept for evaluation"
        return None


@dataclass(frozen=True)
class Recording:
    """A row of the table and the file of its sound."""

    row: Row
    path: Path


@dataclass(frozen=True)
class TrainingRecordings:
    """Recordings that may be trained on. Training and targets take no others.

    Attributes:
        recordings: all of them.

    Raises:
        ConfigError: one of them may not be trained on.
    """

    recordings: tuple[Recording, ...] = ()

    def __post_init__(self) -> None:
        for each in self.recordings:
            if refusal := each.row.refusal:
                raise ConfigError(
                    f"{each.path}: may not be trained on: {refusal}; leave {each.row.pack} out"
                )

    @classmethod
    def of(cls, recordings: Iterable[Recording]) -> Self:
        """Those that may be trained on, the others left out."""
        return cls(tuple(each for each in recordings if each.row.refusal is None))

    def where(self, wanted: Callable[[Row], bool]) -> Self:
        """Some of them."""
        return type(self)(tuple(each for each in self.recordings if wanted(each.row)))

    def __len__(self) -> int:
        return len(self.recordings)

    def __iter__(self) -> Iterator[Recording]:
        return iter(self.recordings)

    def sources(self) -> dict[str, str]:
        """Licence of each collection, by its name; the words of one collection are not told
        apart."""
        sources = {}
        for each in self.recordings:
            pack = each.row.pack
            name = str(PurePosixPath(pack).parent) if each.row.word == Path(pack).name else pack
            sources[name] = each.row.licence
        return dict(sorted(sources.items()))


def only_reports(speaker: str) -> bool:
    """Whether a validation speaker is kept from choosing or calibrating anything."""
    digest = hashlib.sha1(speaker.encode(), usedforsecurity=False).digest()
    return digest[0] % REPORTING == 0


def read_index(index: Path, folder: Path) -> tuple[Recording, ...]:
    """Read the table.

    Args:
        index: the table, a CSV file with the columns `COLUMNS`, and others.
        folder: of the sound: speech_commands/<word>/<clip>, synthetic/<kind>/<word>/<clip>, and
            <pack>/<clip> of all others, each as a .wav.

    Raises:
        ConfigError: the table cannot be read, or lacks a column.
    """
    try:
        with index.open(newline="", encoding="utf-8") as file:
            return tuple(_recordings(csv.DictReader(file), index, folder))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ConfigError(f"{index}: no table of recordings to read: {error}") from error


def append_rows(index: Path, rows: Iterable[Row]) -> None:
    """Add lines to a table, which is made if there is none.

    Raises:
        ConfigError: it cannot be written.
    """
    try:
        begun = index.exists()
        with index.open("a", newline="", encoding="utf-8") as file:
            lines = csv.DictWriter(file, COLUMNS)
            if not begun:
                lines.writeheader()
            lines.writerows(asdict(row) for row in rows)
    except OSError as error:
        raise ConfigError(f"{index}: cannot be written: {error.strerror}") from error


def _recordings(lines: "csv.DictReader[str]", index: Path, folder: Path) -> Iterator[Recording]:
    if missing := set(COLUMNS) - set(lines.fieldnames or ()):
        raise ConfigError(f"{index}: lacks columns: {', '.join(sorted(missing))}")
    taken: set[Path] = set()
    for line in lines:
        try:
            row = msgspec.convert({key: line[key] for key in COLUMNS}, Row, strict=False)
        except msgspec.ValidationError as error:
            raise ConfigError(f"{index}: line {lines.line_num}: {error}") from error
        path = _path(row, folder)
        while path in taken:  # two clips whose names differ only in what follows the last dot
            path = path.with_name(f"{path.stem}_.wav")
        taken.add(path)
        yield Recording(row, path)


def _path(row: Row, folder: Path) -> Path:
    """Where the sound of a row lies below a folder."""
    kind, _, rest = row.pack.partition("/")
    name = f"{PurePosixPath(row.clip).stem}.wav"
    if kind == "speech_commands":
        return folder / kind / row.word / name
    if kind == "synthetic":
        return folder / row.pack / row.word / name
    return folder / kind / rest / PurePosixPath(row.clip).with_name(name)
