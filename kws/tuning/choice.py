"""Thresholds for a rate of false alarms, from a recording of scores. Pure.

All thresholds move together, by the same step in the logarithm of their odds, so that the balance
between the keywords that calibration has found is kept; a keyword moves no further than it helps.
"""

import math
from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass

from kws.spotting.calibration import RULE_OF_THREE, rounded, two_digits_up
from kws.tuning.recording import Recording

_STEP = 1e-4
"""Of thresholds: scores are recorded with as many decimals."""
_LOWEST_SCORE = 0.01
"""Of a verifier's thresholds."""
_PRECISION = 1e-4


class CannotChooseError(ValueError):
    """The recording cannot show the rate, or no threshold gives it; and what to do."""


@dataclass(frozen=True)
class Choice:
    """Thresholds, and what they would have given.

    Attributes:
        thresholds: of each keyword.
        counts: false alarms of each keyword in the recording.
    """

    thresholds: dict[str, float]
    counts: dict[str, int]


class Chooser:
    """Counts false alarms in a recording, and chooses thresholds by them.

    Args:
        recording: with some audio.
        said: how often each keyword was really said meanwhile; so many detections of it are no
            false alarms. Keywords that are missing were not said.
    """

    def __init__(self, recording: Recording, said: Mapping[str, int]) -> None:
        self._recording, self._said = recording, said
        begin = recording.begin
        self._in_use = begin.in_use
        self._lowest = {
            word: _LOWEST_SCORE if recording.verified else max(begin.release[word], _STEP)
            for word in begin.keywords
        }

    @property
    def least(self) -> float:
        """The lowest rate that the recording can show, false alarms per hour."""
        return RULE_OF_THREE / self._recording.hours

    def lowest(self, keyword: str) -> float:
        """The lowest threshold whose false alarms the recording knows."""
        return self._lowest[keyword]

    def count(self, keyword: str, threshold: float) -> int:
        """False alarms of a keyword at a threshold."""
        return max(0, self._recording.count(keyword, threshold) - self._said.get(keyword, 0))

    def at(self, thresholds: Mapping[str, float]) -> Choice:
        """What given thresholds would have given."""
        counts = {word: self.count(word, level) for word, level in thresholds.items()}
        return Choice(dict(thresholds), counts)

    def choose(self, rate: float) -> Choice:
        """Thresholds that would have given at most so many false alarms.

        Those in use are raised where they gave more, as little as possible. Where they gave less,
        they are lowered, if the recording shows how far: if it has more false alarms than asked for
        at lower ones.

        Args:
            rate: false alarms per hour, all keywords together.

        Raises:
            CannotChooseError: so few hours cannot show so low a rate, or even the highest
                thresholds gave more.
        """
        hours = self._recording.hours
        if not rate >= self.least:
            raise CannotChooseError(
                f"{rate:g} false alarms per hour cannot be shown by {rounded(hours)} hours: "
                f"without a single one in them the 95 % upper bound is 3/{rounded(hours)} = "
                f"{rounded(self.least, 2)} per hour; record longer, or ask for "
                f"{two_digits_up(self.least)} or more"
            )
        allowed = math.floor(rate * hours + 1e-9)
        if self._total(0.0) <= allowed:
            return self._lowered(allowed)
        return self._raised(allowed)

    def _lowered(self, allowed: int) -> Choice:
        furthest = min(
            _log_odds(lowest) - _log_odds(self._in_use[word])
            for word, lowest in self._lowest.items()
        )
        if furthest >= 0 or self._total(furthest) <= allowed:
            return self.at(self._in_use)
        return self.at(self._moved(self._least_step(furthest, 0.0, allowed)))

    def _raised(self, allowed: int) -> Choice:
        furthest = max(_log_odds(1.0) - _log_odds(level) for level in self._in_use.values())
        if (left := self._total(furthest)) > allowed:
            raise CannotChooseError(
                f"the highest thresholds still gave {left} detections in "
                f"{rounded(self._recording.hours)} hours; if keywords were said meanwhile, give "
                "their number (--said WORD=N), else ask for a higher rate"
            )
        moved = self._moved(self._least_step(0.0, furthest, allowed))
        return self.at({word: self._no_higher(word, level) for word, level in moved.items()})

    def _least_step(self, low: float, high: float, allowed: int) -> float:
        """The least step that gives at most so many; `low` gives more, `high` does not."""
        while high - low > _PRECISION:
            middle = (low + high) / 2
            if self._total(middle) <= allowed:
                high = middle
            else:
                low = middle
        return high

    def _no_higher(self, keyword: str, level: float) -> float:
        """The lowest threshold, from the one in use on, that gives no more than `level` does."""
        in_use = self._in_use[keyword]
        above = [
            round(each + _STEP, 4)
            for each in self._recording.levels(keyword)
            if in_use <= each and each + _STEP < level
        ]
        levels = [in_use, *above, level]
        most = self.count(keyword, level)
        return levels[bisect_left(levels, -most, key=lambda each: -self.count(keyword, each))]

    def _moved(self, step: float) -> dict[str, float]:
        return {word: self._level(word, step) for word in self._in_use}

    def _level(self, keyword: str, step: float) -> float:
        in_use = self._in_use[keyword]
        if step == 0:
            return in_use
        level = 1 / (1 + math.exp(-_log_odds(in_use) - step))
        level = min(1.0, round(math.ceil(level / _STEP - 1e-6) * _STEP, 4))
        return max(level, in_use) if step > 0 else min(max(level, self._lowest[keyword]), in_use)

    def _total(self, step: float) -> int:
        return sum(self.count(word, level) for word, level in self._moved(step).items())


def _log_odds(level: float) -> float:
    near = min(max(level, _STEP / 10), 1 - _STEP / 10)
    return math.log(near / (1 - near))
