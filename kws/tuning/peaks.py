"""Peaks of a smoothed posterior: what a trigger would have made of it at any threshold. Pure.

A trigger gives at most one event from where a smoothed posterior reaches its release level to where
it falls below (`kws.spotting.trigger`). So each such stretch has one peak, and its height is the
highest threshold that would have fired.
"""

import math
from collections import deque
from dataclasses import dataclass


@dataclass(frozen=True)
class Found:
    """A peak.

    Attributes:
        t: seconds, where it was reached.
        height: the highest level at which the posterior stayed for the patience.
    """

    t: float
    height: float


class PeakFinder:
    """Finds the peaks of one keyword in one stream.

    Args:
        release: level that separates one peak from the next.
        patience_s: time that the smoothed posterior has to stay at a threshold, seconds.
        hop_s: seconds between values.
    """

    def __init__(self, release: float, patience_s: float, hop_s: float) -> None:
        self._release = release
        length = 1 + math.ceil(patience_s / hop_s - 1e-6)
        self._last: deque[float] = deque(maxlen=length)
        self._peak: Found | None = None

    def push(self, t: float, smoothed: float) -> Found | None:
        """Take the next value; the peak that has ended with it, if any."""
        if smoothed < self._release:
            return self.finish()
        self._last.append(smoothed)
        if len(self._last) == self._last.maxlen:
            height = min(self._last)
            if self._peak is None or height > self._peak.height:
                self._peak = Found(t, height)
        return None

    def finish(self) -> Found | None:
        """What follows does not belong to what came; the peak that has not ended yet, if any."""
        peak, self._peak = self._peak, None
        self._last.clear()
        return peak
