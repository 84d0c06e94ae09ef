"""Which threshold each keyword gets, so that the fewest words are missed at a rate of false alarms.

Pure: counts in, thresholds out.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

LOWEST, HIGHEST = 0.05, 0.9999
LEVELS = 97
_NEVER = np.iinfo(np.int64).max // 4
"""More misses than there can be."""


@dataclass(frozen=True)
class Curve:
    """What a keyword's thresholds cost, the other keywords left out of account.

    Attributes:
        thresholds: ascending.
        misses: words that are not detected, for each threshold.
        false_alarms: for each threshold.
    """

    thresholds: tuple[float, ...]
    misses: tuple[int, ...]
    false_alarms: tuple[int, ...]


@dataclass(frozen=True)
class Choice:
    """Thresholds and what they cost, as far as keywords do not get into each other's way.

    Attributes:
        false_alarms: of all keywords.
        misses: of all keywords.
        thresholds: of each keyword, in order.
    """

    false_alarms: int
    misses: int
    thresholds: tuple[float, ...]


def threshold_grid() -> tuple[float, ...]:
    """Thresholds evenly spaced in logit, rounded to what a person would read, ascending."""
    logits = np.linspace(_logit(LOWEST), _logit(HIGHEST), LEVELS)
    return tuple(round(float(1 / (1 + np.exp(-logit))), 6) for logit in logits)


def _logit(probability: float) -> float:
    return math.log(probability / (1 - probability))


def choices(curves: Sequence[Curve], most: int) -> list[Choice]:
    """The best thresholds for every number of false alarms that helps.

    For each total of false alarms, the smallest total of misses (a knapsack, exact); among equals
    the higher thresholds, counted in levels of the grid.

    Args:
        curves: of the keywords.
        most: highest number of false alarms that is considered.

    Returns:
        Ascending in false alarms, falling in misses. Where even the highest thresholds give more
        than `most`, those alone.
    """
    levels = sum(len(curve.thresholds) for curve in curves) + 1
    # What is to be as small as possible: misses first, then low levels.
    best = np.zeros(most + 1, np.int64)
    taken: list[npt.NDArray[np.int64]] = []
    for curve in curves:
        costs = np.full(most + 1, _NEVER, np.int64)
        level = np.full(most + 1, -1, np.int64)
        for index, (misses, alarms) in enumerate(
            zip(curve.misses, curve.false_alarms, strict=True)
        ):
            if alarms > most:
                continue
            cost = misses * levels + len(curve.thresholds) - index
            reached = np.full(most + 1, _NEVER, np.int64)
            reached[alarms:] = best[: most + 1 - alarms] + cost
            better = reached < costs
            costs[better], level[better] = reached[better], index
        best = np.minimum(costs, _NEVER)
        taken.append(level)
    found: list[Choice] = []
    for total in range(most + 1):
        if best[total] < _NEVER:
            choice = _traced(curves, taken, total)
            if not found or choice.misses < found[-1].misses:
                found.append(choice)
    return found or [_counted(curves, [len(curve.thresholds) - 1 for curve in curves])]


def _traced(curves: Sequence[Curve], taken: Sequence[npt.NDArray[np.int64]], most: int) -> Choice:
    """The choice that led to the best with at most so many false alarms."""
    left, chosen = most, []
    for curve, level in zip(reversed(curves), reversed(taken), strict=True):
        chosen.append(int(level[left]))
        left -= curve.false_alarms[chosen[-1]]
    return _counted(curves, chosen[::-1])


def _counted(curves: Sequence[Curve], chosen: Sequence[int]) -> Choice:
    pairs = list(zip(curves, chosen, strict=True))
    return Choice(
        false_alarms=sum(curve.false_alarms[index] for curve, index in pairs),
        misses=sum(curve.misses[index] for curve, index in pairs),
        thresholds=tuple(curve.thresholds[index] for curve, index in pairs),
    )


def misses_at(found: Sequence[Choice], false_alarms: float) -> int:
    """Fewest misses with at most so many false alarms; the strictest thresholds' at the least."""
    fitting = [choice for choice in found if choice.false_alarms <= false_alarms]
    return (fitting or found[:1])[-1].misses


def thinned(found: Sequence[Choice], keep: float, factor: float = 1.1) -> list[Choice]:
    """Some of many choices, so that each has `factor` times the false alarms of the one before.

    Args:
        found: ascending in false alarms.
        keep: the last one with at most so many false alarms stays.
        factor: above 1.
    """
    kept: list[Choice] = []
    for choice, following in zip(found, (*found[1:], None), strict=True):
        needed = choice.false_alarms <= keep and (
            following is None or following.false_alarms > keep
        )
        if not kept or needed or choice.false_alarms >= factor * kept[-1].false_alarms:
            kept.append(choice)
    return kept
