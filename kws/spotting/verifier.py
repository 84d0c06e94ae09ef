"""The verifier: a second, larger network that decides on what the trigger proposes. Pure.

A candidate's last seconds of audio, and a little that follows it (the lookahead), go through the
network once. Refractory and exclusion times count from confirmed events, so what is rejected blocks
nothing.
"""

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
import numpy.typing as npt

from kws.spotting.trigger import Proposal, TriggerSettings
from kws.typing import Posteriors, Samples

LONGEST_LOOKAHEAD_S = 1.0
Verdict = Literal["confirmed", "rejected", "dropped"]
"""What becomes of a candidate: an event, none, or none for want of its audio."""


class Verifier(Protocol):
    """A network that is run on candidates only.

    Attributes:
        name: of its file.
        classes: the keywords that it knows.
        sample_rate: of its audio, samples per second.
        window_samples: length of its windows.
        parameters: number of weights and biases.
    """

    @property
    def name(self) -> str: ...

    @property
    def classes(self) -> tuple[str, ...]: ...

    @property
    def sample_rate(self) -> int: ...

    @property
    def window_samples(self) -> int: ...

    @property
    def parameters(self) -> int: ...

    def scores(self, windows: Samples) -> Posteriors:
        """Posteriors, float32 of shape (n, classes), of windows of shape (n, window_samples)."""
        ...


def check_limits(lookahead_s: float, thresholds: Mapping[str, float]) -> None:
    """Check what a verifier is used with.

    Raises:
        ValueError: the lookahead or a threshold is out of its range.
    """
    if not 0 <= lookahead_s <= LONGEST_LOOKAHEAD_S:
        raise ValueError(f"lookahead_s must be from 0 to {LONGEST_LOOKAHEAD_S:g}")
    if not all(0 < each <= 1 for each in thresholds.values()):
        raise ValueError("thresholds of the verifier must be above 0 and at most 1")


@dataclass(frozen=True)
class Verification:
    """A verifier, and when it confirms.

    Attributes:
        verifier: decides on candidates.
        lookahead_s: time after a candidate that it gets to see, seconds.
        thresholds: posterior from which it confirms each keyword.
    """

    verifier: Verifier
    lookahead_s: float
    thresholds: Mapping[str, float]

    def __post_init__(self) -> None:
        check_limits(self.lookahead_s, self.thresholds)
        if unknown := set(self.thresholds) - set(self.verifier.classes):
            raise ValueError(
                f"verifier {self.verifier.name!r} does not know {', '.join(sorted(unknown))}"
            )


@dataclass(frozen=True, eq=False)
class Candidate:
    """What a verifier is to decide on.

    Attributes:
        proposal: of the trigger.
        window: audio that ends a lookahead after it, float32 of shape (window_samples,).
    """

    proposal: Proposal
    window: Samples


@dataclass(frozen=True)
class Outcome:
    """What became of a candidate.

    Attributes:
        verdict: whether it is an event.
        proposal: of the trigger.
        keyword: index of the keyword that is confirmed, which may be another one than was
            proposed; else of the one that was proposed.
        score: the verifier's posterior of that keyword; None where it was not run.
    """

    verdict: Verdict
    proposal: Proposal
    keyword: int
    score: float | None


class Settlement:
    """Decides on the candidates of one stream, given their scores, in order.

    Args:
        settings: refractory and exclusion times of each keyword.
        thresholds: score from which each keyword is confirmed.
        sample_rate: samples per second.
    """

    def __init__(
        self, settings: Sequence[TriggerSettings], thresholds: Sequence[float], sample_rate: int
    ) -> None:
        self._settings = settings
        self._thresholds = np.array(thresholds)
        self._rate = sample_rate
        self._held_until = [-1] * len(settings)
        self._confirmed = [-1] * len(settings)

    def possible(self, proposal: Proposal) -> list[int]:
        """The keywords that the candidate may become an event of: those that no earlier event
        holds back. Where there are none, its scores do not matter."""
        return [
            index
            for index, armed in enumerate(proposal.armed)
            if proposal.position >= self._held_until[index] and armed > self._confirmed[index]
        ]

    def settle(self, proposal: Proposal, scores: npt.NDArray[np.floating]) -> Outcome:
        """Decide on a candidate.

        Args:
            proposal: not earlier than the last one.
            scores: the verifier's posterior of each keyword, shape (keywords,).

        Returns:
            Of the keywords that are possible and reach their threshold, the one with the highest
            score is confirmed.
        """
        reached = [
            index for index in self.possible(proposal) if scores[index] >= self._thresholds[index]
        ]
        if not reached:
            index = proposal.keyword
            return Outcome("rejected", proposal, index, float(scores[index]))
        winner = max(reached, key=lambda index: float(scores[index]))
        self._confirm(winner, proposal.position)
        return Outcome("confirmed", proposal, winner, float(scores[winner]))

    def _confirm(self, winner: int, position: int) -> None:
        for index, each in enumerate(self._settings):
            wait_s = each.refractory_s if index == winner else each.exclusion_s
            until = position + round(wait_s * self._rate)
            self._held_until[index] = max(self._held_until[index], until)
        self._confirmed[winner] = position


class Candidates:
    """The candidates of one stream until they are decided on, and the audio for that.

    Args:
        window_samples: of the verifier.
        lookahead: samples after a candidate that the verifier gets.
        settlement: decides on them.
    """

    def __init__(self, window_samples: int, lookahead: int, settlement: Settlement) -> None:
        self._window, self._lookahead = window_samples, lookahead
        self._settlement = settlement
        self._waiting: deque[Proposal] = deque()
        self._audio = np.empty(0, np.float32)
        self._start = 0

    def push(self, samples: Samples, undecided: int) -> None:
        """Take the next samples of the stream.

        Args:
            samples: float32 of shape (n,).
            undecided: position of the next window that the trigger decides on.
        """
        first = self._waiting[0].position if self._waiting else undecided
        unused = first + self._lookahead - self._window - self._start
        unused = min(max(0, unused), len(self._audio))
        self._audio = np.concatenate((self._audio[unused:], samples))
        self._start += unused

    def add(self, proposal: Proposal) -> None:
        """Take a candidate."""
        self._waiting.append(proposal)

    def due(self) -> Candidate | None:
        """The next candidate whose audio is complete, for `settle`; None where there is none.

        Those that can be no event are left out.
        """
        while self._waiting:
            proposal = self._waiting[0]
            end = proposal.position + self._lookahead - self._start
            if end > len(self._audio):
                return None
            if self._settlement.possible(proposal):
                return Candidate(proposal, self._ending(end))
            self._waiting.popleft()
        return None

    def settle(self, scores: npt.NDArray[np.floating]) -> Outcome:
        """Decide on the candidate that was due, given the scores of the model's keywords."""
        return self._settlement.settle(self._waiting.popleft(), scores)

    def skip(self, position: int) -> list[Outcome]:
        """The stream goes on at another position: candidates without their audio are dropped."""
        dropped = [
            Outcome("dropped", each, each.keyword, None)
            for each in self._waiting
            if self._settlement.possible(each)
        ]
        self._waiting.clear()
        self._audio, self._start = np.empty(0, np.float32), position
        return dropped

    def finish(self) -> None:
        """The stream is over: what follows its last candidates is silence."""
        self._audio = np.concatenate((self._audio, np.zeros(self._lookahead, np.float32)))

    def _ending(self, end: int) -> Samples:
        """The window that ends before an index of the audio, with silence before its start."""
        window = np.zeros(self._window, np.float32)
        first = max(0, end - self._window)
        window[self._window - (end - first) :] = self._audio[first:end]
        return window
