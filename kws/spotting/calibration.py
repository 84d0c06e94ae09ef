"""What thresholds cost: false alarms against misses, as the trainer measured them. Pure."""

import math
from dataclasses import dataclass
from decimal import Context, Decimal
from itertools import pairwise

RULE_OF_THREE = 3.0
"""With no false alarm in T hours, the 95 % upper bound of their rate is 3 / T per hour."""


@dataclass(frozen=True)
class OperatingPoint:
    """Thresholds, and what they cost.

    Attributes:
        false_alarms_per_hour: measured on audio without keywords, all keywords together.
        miss_rate: share of spoken keywords that were not detected, 0 to 1.
        thresholds: level that each keyword's smoothed posterior has to reach.
    """

    false_alarms_per_hour: float
    miss_rate: float
    thresholds: dict[str, float]

    def __post_init__(self) -> None:
        if not 0 <= self.false_alarms_per_hour < math.inf:
            raise ValueError("false_alarms_per_hour must be finite and 0 or above")
        if not 0 <= self.miss_rate <= 1:
            raise ValueError("miss_rate must be from 0 to 1")
        if not all(0 < threshold <= 1 for threshold in self.thresholds.values()):
            raise ValueError("thresholds must be above 0 and at most 1")


@dataclass(frozen=True)
class Calibration:
    """A model's operating curve, measured on streams at the model's hop and trigger settings.

    Attributes:
        hours: of audio without keywords that was processed.
        points: each with more false alarms per hour than the one before.
    """

    hours: float
    points: tuple[OperatingPoint, ...]

    def __post_init__(self) -> None:
        if not 0 < self.hours < math.inf:
            raise ValueError("hours of calibration must be finite and above 0")
        if not self.points:
            raise ValueError("a calibration needs at least one operating point")
        rates = [point.false_alarms_per_hour for point in self.points]
        if any(later <= earlier for earlier, later in pairwise(rates)):
            raise ValueError("operating points must ascend in false_alarms_per_hour")

    @property
    def upper_bound(self) -> float:
        """False alarms per hour that there may be (95 %) though there was not a single one."""
        return RULE_OF_THREE / self.hours

    @property
    def least(self) -> float:
        """The lowest rate that can be asked for, false alarms per hour."""
        return max(self.upper_bound, self.points[0].false_alarms_per_hour)

    def at(self, false_alarms_per_hour: float) -> OperatingPoint:
        """The point with the most false alarms that are not more than asked for.

        Args:
            false_alarms_per_hour: of all keywords together.

        Raises:
            ValueError: so few hours cannot show so low a rate, or it was never measured.
        """
        hours, bound = rounded(self.hours), rounded(self.upper_bound, 2)
        advice = f"ask for {two_digits_up(self.least)} or more, or set thresholds yourself"
        if not false_alarms_per_hour >= self.upper_bound:
            raise ValueError(
                f"{false_alarms_per_hour:g} false alarms per hour cannot be shown by the "
                f"{hours} hours of calibration audio: without a single one in them the 95 % "
                f"upper bound is 3/{hours} = {bound} per hour; {advice}"
            )
        fitting = [
            point for point in self.points if point.false_alarms_per_hour <= false_alarms_per_hour
        ]
        if not fitting:
            raise ValueError(
                f"{false_alarms_per_hour:g} false alarms per hour were not reached in calibration: "
                f"its strictest thresholds gave {rounded(self.points[0].false_alarms_per_hour)}; "
                f"{advice}"
            )
        return fitting[-1]


def rounded(number: float, digits: int = 3) -> str:
    """A number in so many significant digits, without an exponent."""
    return f"{Decimal(f'{number:.{digits}g}'):f}"


def two_digits_up(number: float) -> str:
    """A number above 0 in two significant digits that are never less than it."""
    near = Decimal(f"{number:.2g}")
    # What is exact but for binary fractions, as 0.003, stays as it is.
    return f"{near if float(near) >= number else near.next_plus(Context(prec=2)):f}"
