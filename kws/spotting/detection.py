"""What becomes of a proposed keyword: a detection, or a candidate that was turned down."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from kws.spotting.verifier import Outcome, Verdict


@dataclass(frozen=True)
class Detection:
    """A keyword was detected.

    Attributes:
        keyword: the word.
        confidence: the smoothed posterior that reached its threshold, in (0, 1]; where a verifier
            named another keyword than was proposed, that of the one that was.
        t: seconds of the stream's audio at the moment of decision; of a verified one, at the moment
            that it was proposed.
        score: the verifier's posterior of the keyword, in (0, 1]; None without a verifier.
    """

    keyword: str
    confidence: float
    t: float
    score: float | None = None

    @classmethod
    def of(cls, outcome: Outcome, keywords: Sequence[str], sample_rate: int) -> Self:
        """What a confirmed candidate becomes.

        Args:
            outcome: with the verdict "confirmed".
            keywords: of the model, in the order of its classes.
            sample_rate: of the stream, samples per second.
        """
        proposal = outcome.proposal
        t = proposal.position / sample_rate
        return cls(keywords[outcome.keyword], proposal.confidence, t, outcome.score)


@dataclass(frozen=True)
class TurnedDown:
    """A candidate that became no event.

    Attributes:
        keyword: the one that was proposed.
        confidence: its smoothed posterior.
        t: seconds of the stream's audio at which it was proposed.
        verdict: "rejected" by the verifier, or "dropped" for want of the audio after it.
        score: the verifier's posterior of the keyword; None where it was not run.
    """

    keyword: str
    confidence: float
    t: float
    verdict: Verdict
    score: float | None

    @classmethod
    def of(cls, outcome: Outcome, keywords: Sequence[str], sample_rate: int) -> Self:
        """What a candidate that was not confirmed becomes; arguments as of `Detection.of`."""
        proposal = outcome.proposal
        t = proposal.position / sample_rate
        keyword = keywords[proposal.keyword]
        return cls(keyword, proposal.confidence, t, outcome.verdict, outcome.score)
