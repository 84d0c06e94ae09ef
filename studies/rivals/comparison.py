"""What rivals said to the same sound, in numbers."""

from dataclasses import dataclass

from studies.rivals.keyphrases import Thresholds
from studies.rivals.material import Use
from studies.rivals.points import Point
from train.data.clips import Split
from train.measure.scoring import Tally, together


@dataclass(frozen=True)
class Outcome:
    """What a rival said to the sound of one use.

    Attributes:
        keywords: counts of each keyword.
        spoken: words that were said, keywords or not.
    """

    keywords: dict[str, Tally]
    spoken: int

    @property
    def total(self) -> Tally:
        """Counts of all keywords."""
        return together(self.keywords.values())


@dataclass(frozen=True)
class Row:
    """A rival at its thresholds.

    Attributes:
        name: for people.
        thresholds: of each keyword; log10 where they are pocketsphinx's.
        outcomes: for each use.
        cpu_ms: for some uses, CPU milliseconds per second of sound.
        expected: what was expected when the thresholds were chosen, where that was estimated.
    """

    name: str
    thresholds: Thresholds
    outcomes: dict[Use, Outcome]
    cpu_ms: dict[Use, float]
    expected: Point | None = None


@dataclass(frozen=True)
class Comparison:
    """A model and pocketsphinx at two settings.

    Attributes:
        keywords: to detect.
        split: side of the clips that are reported.
        calibrated: whether the model's thresholds were chosen on calibration audio.
        shares: for each use, the share of its audio that was used.
        rows: the model, pocketsphinx with as many false alarms, pocketsphinx with as few misses.
        curve: what pocketsphinx is expected to cost on the sound for calibration.
    """

    keywords: tuple[str, ...]
    split: Split
    calibrated: bool
    shares: dict[Use, float]
    rows: tuple[Row, ...]
    curve: tuple[Point, ...]
