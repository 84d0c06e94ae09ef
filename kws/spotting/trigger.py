"""The trigger: posteriors to events or to candidates, a pure state machine per keyword.

Time is counted in samples, so the same audio gives the same events at any speed.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Self

from kws.config.schema import LONGEST_TRIGGER_S


@dataclass(frozen=True)
class TriggerSettings:
    """When a keyword's posterior becomes an event. Levels are posteriors, times are seconds.

    Attributes:
        threshold: level that the smoothed posterior has to reach.
        smoothing_s: time over which posteriors are averaged.
        patience_s: time that the smoothed posterior has to stay at the threshold or above without
            a break before it counts; 0 fires at once.
        refractory_s: time after an event in which the keyword cannot give another.
        release: level below which the smoothed posterior has to fall before the keyword can give
            another event.
        exclusion_s: time after another keyword's event in which this one is held back.
    """

    threshold: float = 0.5
    smoothing_s: float = 0.3
    patience_s: float = 0.1
    refractory_s: float = 1.0
    release: float = 0.25
    exclusion_s: float = 0.3

    def __post_init__(self) -> None:
        if not 0 < self.threshold <= 1:
            raise ValueError("threshold must be above 0 and at most 1")
        if not 0 < self.release <= self.threshold:
            raise ValueError("release must be above 0 and at most the threshold")
        for name in ("smoothing_s", "patience_s", "refractory_s", "exclusion_s"):
            if not 0 <= getattr(self, name) <= LONGEST_TRIGGER_S:
                raise ValueError(f"{name} must be from 0 to {LONGEST_TRIGGER_S:g}")

    def with_threshold(self, threshold: float) -> Self:
        """The same with another threshold; a release level above it comes down to it.

        Raises:
            ValueError: the threshold is not above 0 and at most 1.
        """
        return replace(self, threshold=threshold, release=min(self.release, threshold))


@dataclass(frozen=True)
class Decision:
    """A keyword: its index, smoothed posterior and the sample it was detected at."""

    keyword: int
    confidence: float
    position: int


@dataclass(frozen=True)
class Proposal:
    """A keyword that a verifier is to decide on.

    Attributes:
        keyword: its index.
        confidence: its smoothed posterior.
        position: the sample that it was proposed at.
        armed: of each keyword, the sample from which on it is armed: where its smoothed posterior
            last fell below its release level.
    """

    keyword: int
    confidence: float
    position: int
    armed: tuple[int, ...]


@dataclass
class _Keyword:
    settings: TriggerSettings
    history: deque[float]
    smoothed: float = 0.0
    above_since: int | None = None
    released: bool = True
    held_until: int = field(default=-1)
    proposed: float = 0.0
    armed: int = 0


PEAK_RISE = 0.2
"""A keyword that was proposed is proposed again where its smoothed posterior is higher by more."""


class Trigger:
    """The state machines of all keywords of one stream.

    `step` decides by itself; `propose` leaves it to a verifier, and knows no refractory or
    exclusion time: see `kws.spotting.verifier`. A trigger is used for one of the two.

    Args:
        settings: one per keyword, in the model's order.
        sample_rate: samples per second.
        hop: samples between two windows.
    """

    def __init__(self, settings: Sequence[TriggerSettings], *, sample_rate: int, hop: int) -> None:
        self._rate = sample_rate
        self._hop = hop
        self._keywords = [_Keyword(each, deque()) for each in settings]
        self.reset(0)

    @property
    def smoothed(self) -> list[float]:
        """The smoothed posterior of each keyword after the last step."""
        return [keyword.smoothed for keyword in self._keywords]

    def step(self, posteriors: Sequence[float], position: int) -> Decision | None:
        """Take the posteriors of the window that ends at sample `position`.

        Returns:
            The decision for this hop: of the keywords that could fire, the one with the largest
            margin over its threshold.
        """
        ready = [
            index
            for index, (keyword, posterior) in enumerate(
                zip(self._keywords, posteriors, strict=True)
            )
            if self._advance(keyword, posterior, position)
        ]
        if not ready:
            return None
        winner = max(ready, key=self._margin)
        self._fire(winner, position)
        return Decision(winner, self._keywords[winner].smoothed, position)

    def propose(self, posteriors: Sequence[float], position: int) -> Proposal | None:
        """Take the posteriors of the window that ends at sample `position`.

        A keyword is proposed when it reaches its threshold, and again when its smoothed posterior
        peaks higher (by more than `PEAK_RISE`), or after it was released.

        Returns:
            The candidate of this hop: of the keywords to propose, the one with the largest margin
            over its threshold.
        """
        ready = [
            index
            for index, (keyword, posterior) in enumerate(
                zip(self._keywords, posteriors, strict=True)
            )
            if self._follow(keyword, posterior, position)
            and (not keyword.proposed or keyword.smoothed > keyword.proposed + PEAK_RISE)
        ]
        if not ready:
            return None
        for index in ready:
            self._keywords[index].proposed = self._keywords[index].smoothed
        winner = max(ready, key=self._margin)
        armed = tuple(keyword.armed for keyword in self._keywords)
        return Proposal(winner, self._keywords[winner].smoothed, position, armed)

    def reset(self, position: int) -> None:
        """Start over after a gap: posteriors before it have no influence on those after it.

        Args:
            position: the first sample that follows.

        Refractory and exclusion times go on: they are times of the stream, not of a sound.
        """
        for keyword in self._keywords:
            length = max(1, round(keyword.settings.smoothing_s * self._rate / self._hop))
            # Windows before the start count as silence, so that one high posterior at the
            # start of a stream cannot fire by itself.
            keyword.history = deque([0.0] * length, maxlen=length)
            keyword.smoothed = 0.0
            keyword.above_since = None
            self._release(keyword, position)

    def _advance(self, keyword: _Keyword, posterior: float, position: int) -> bool:
        above = self._follow(keyword, posterior, position)
        return above and keyword.released and position >= keyword.held_until

    def _follow(self, keyword: _Keyword, posterior: float, position: int) -> bool:
        """Whether the smoothed posterior has been at the threshold for long enough."""
        settings = keyword.settings
        keyword.history.append(posterior)
        keyword.smoothed = sum(keyword.history) / len(keyword.history)
        if keyword.smoothed < settings.release:
            self._release(keyword, position)
        # So asked, the answer for a posterior that is no number (NaN) is no.
        if not keyword.smoothed >= settings.threshold:
            keyword.above_since = None
            return False
        if keyword.above_since is None:
            keyword.above_since = position
        return position - keyword.above_since >= self._samples(settings.patience_s)

    def _release(self, keyword: _Keyword, position: int) -> None:
        keyword.released = True
        keyword.proposed = 0.0
        keyword.armed = position

    def _margin(self, index: int) -> float:
        keyword = self._keywords[index]
        return keyword.smoothed - keyword.settings.threshold

    def _fire(self, winner: int, position: int) -> None:
        for index, keyword in enumerate(self._keywords):
            settings = keyword.settings
            wait = settings.refractory_s if index == winner else settings.exclusion_s
            keyword.held_until = max(keyword.held_until, position + self._samples(wait))
        self._keywords[winner].released = False

    def _samples(self, seconds: float) -> int:
        return round(seconds * self._rate)
