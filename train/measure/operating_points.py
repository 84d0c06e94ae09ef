"""What thresholds cost with all keywords together, and which of them to take."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from kws.errors import ConfigError
from kws.spotting.calibration import OperatingPoint
from train.measure.scoring import Tally
from train.measure.threshold_search import Choice
from train.measure.tracks import TrackedGroup


@dataclass(frozen=True)
class CalibrationAudio:
    """What thresholds are chosen with.

    Attributes:
        spoken: streams of keywords.
        long: long audio without keywords.
        strays: other words, each alone.
    """

    spoken: tuple[TrackedGroup, ...]
    long: tuple[TrackedGroup, ...]
    strays: tuple[TrackedGroup, ...]

    @classmethod
    def of(cls, tracked: Iterable[TrackedGroup], keywords: Sequence[str]) -> "CalibrationAudio":
        """Those of the groups that thresholds may be chosen with.

        Raises:
            ConfigError: there is no audio to calibrate with, or a keyword is never said.
        """
        groups = [each for each in tracked if each.group.calibrates]
        negatives = [each for each in groups if each.group.kind == "negative"]
        audio = cls(
            tuple(each for each in groups if each.group.kind == "words"),
            tuple(each for each in negatives if not each.words),
            tuple(each for each in negatives if each.words),
        )
        if not audio.long:
            raise ConfigError(
                "negatives/calibration: thresholds cannot be chosen without audio in it"
            )
        said = {word.keyword for each in audio.spoken for word in each.words}
        if silent := set(keywords) - said:
            raise ConfigError(
                f"no validation clips to choose thresholds of: {', '.join(sorted(silent))}"
            )
        return audio

    @property
    def negatives(self) -> tuple[TrackedGroup, ...]:
        """All audio without keywords."""
        return (*self.long, *self.strays)

    @property
    def hours(self) -> float:
        """Of audio without keywords."""
        return sum(each.hours for each in self.negatives)

    @property
    def words(self) -> int:
        """Keywords that are said."""
        return sum(len(each.words) for each in self.spoken)


class Counter(Protocol):
    """Counts hits, misses and false alarms in groups at thresholds of the keywords."""

    def __call__(
        self, groups: Sequence[TrackedGroup], thresholds: Mapping[str, float]
    ) -> Tally: ...


@dataclass(frozen=True)
class Measured:
    """An operating point, and what it says of the long audio and of stray words apart.

    Attributes:
        point: as it stands in the model file.
        long_rate: false alarms per hour of long audio.
        stray_share: share of the stray words that are taken for keywords, 0 to 1.
    """

    point: OperatingPoint
    long_rate: float
    stray_share: float

    def fits(self, target: float, stray_share: float) -> bool:
        """Whether it keeps to both."""
        return self.long_rate <= target and self.stray_share <= stray_share


def measure(
    found: Iterable[Choice], keywords: Sequence[str], audio: CalibrationAudio, count: Counter
) -> list[Measured]:
    """What thresholds cost with all keywords together; those that others are better than go.

    Args:
        found: thresholds.
        keywords: in their order.
        audio: to count in.
        count: counts.

    Returns:
        Ascending in false alarms per hour, falling in misses; one at the least.
    """
    words = sum(len(each.words) for each in audio.strays)
    measured = []
    for choice in found:
        thresholds = dict(zip(keywords, choice.thresholds, strict=True))
        said = count(audio.spoken, thresholds)
        taken, unsaid = count(audio.strays, thresholds), count(audio.long, thresholds)
        together = taken + unsaid
        point = OperatingPoint(
            together.false_alarms / together.hours, said.misses / said.words, thresholds
        )
        share = taken.false_alarms / max(1, words)
        measured.append(Measured(point, unsaid.false_alarms / unsaid.hours, share))
    kept: list[Measured] = []
    for each in sorted(measured, key=_order):
        if not kept or each.point.miss_rate < kept[-1].point.miss_rate:
            kept.append(each)
    return kept


def _order(measured: Measured) -> tuple[float, float]:
    return measured.point.false_alarms_per_hour, measured.point.miss_rate
