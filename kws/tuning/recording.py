"""A recording of scores: its hours, and what each threshold would have given. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import BinaryIO

from kws.tuning.records import VERSION, Begin, Candidate, Peak, Processed, Record, decode

_LONGEST = 1 << 20
"""Bytes of a line; what has a longer one is something else."""
Mark = tuple[float, float]
"""A time, in seconds, and the level that was reached at it."""


class NotARecordingError(ValueError):
    """What was read is no recording of scores, or one of a newer kws."""


@dataclass(frozen=True)
class Recording:
    """All that was recorded under the conditions of its end.

    Attributes:
        begin: those conditions.
        seconds: of audio that was processed under them.
        marks: of each keyword, those of each stretch with times of its own, in order: what the
            verifier scored where there is one, else the peaks of the smoothed posterior.
        left_out_s: seconds that were recorded under other conditions.
        unreadable: lines that could not be read, as one that was torn by a power cut.
    """

    begin: Begin
    seconds: float
    marks: dict[str, tuple[tuple[Mark, ...], ...]]
    left_out_s: float = 0.0
    unreadable: int = 0

    @property
    def hours(self) -> float:
        """Of audio that was processed."""
        return self.seconds / 3600

    @property
    def verified(self) -> bool:
        """Whether the marks are scores of a verifier."""
        return self.begin.verifier is not None

    def count(self, keyword: str, threshold: float) -> int:
        """Detections of a keyword at a threshold."""
        refractory_s = self.begin.refractory_s[keyword]
        return sum(detections(each, threshold, refractory_s) for each in self.marks[keyword])

    def levels(self, keyword: str) -> list[float]:
        """Levels that were reached, ascending."""
        return sorted({level for marks in self.marks[keyword] for _, level in marks})


def detections(marks: Sequence[Mark], threshold: float, refractory_s: float) -> int:
    """How many detections marks give.

    Args:
        marks: ascending in time.
        threshold: level that counts.
        refractory_s: after a detection no other one is counted for this time, seconds.
    """
    count, held_until = 0, float("-inf")
    for t, level in marks:
        if level >= threshold and t >= held_until:
            count, held_until = count + 1, t + refractory_s
    return count


@dataclass
class _Stretch:
    """The lines from one `Begin` to the next."""

    begin: Begin
    records: list[Peak | Candidate]
    seconds: float = 0.0

    def marks(self, keyword: str) -> tuple[Mark, ...]:
        if self.begin.verifier is None:
            peaks = (each for each in self.records if isinstance(each, Peak))
            marks = [(each.t, each.height) for each in peaks if each.keyword == keyword]
        else:
            scored = (each for each in self.records if isinstance(each, Candidate))
            marks = [(each.t, each.score) for each in scored if each.keyword == keyword]
        return tuple(sorted(marks))


def read(file: BinaryIO) -> Recording:
    """Read a recording.

    Args:
        file: from its beginning.

    Raises:
        NotARecordingError: the first line does not begin a recording.
    """
    stretches: list[_Stretch] = []
    unreadable = 0
    for number, line in enumerate(iter(partial(file.readline, _LONGEST), b"")):
        try:
            record = decode(line)
        except ValueError as error:
            if not number:
                raise NotARecordingError("is no recording of kws tune") from error
            unreadable += 1
            continue
        if isinstance(record, Begin):
            check_version(record)
            stretches.append(_Stretch(record, []))
        elif not stretches:
            raise NotARecordingError("is no recording of kws tune")
        else:
            _add(stretches[-1], record)
    if not stretches:
        raise NotARecordingError("is empty")
    begin = stretches[-1].begin
    same = [each for each in stretches if each.begin.conditions == begin.conditions]
    seconds = sum(each.seconds for each in same)
    return Recording(
        begin,
        seconds,
        {word: tuple(each.marks(word) for each in same) for word in begin.keywords},
        sum(each.seconds for each in stretches) - seconds,
        unreadable,
    )


def check_version(begin: Begin) -> None:
    """Raises NotARecordingError: the lines are of a newer kws."""
    if begin.v != VERSION:
        raise NotARecordingError(f"was recorded by a newer kws (version {begin.v} of its lines)")


def _add(stretch: _Stretch, record: Record) -> None:
    if isinstance(record, Processed):
        stretch.seconds += record.seconds
    elif not isinstance(record, Begin):
        stretch.records.append(record)
