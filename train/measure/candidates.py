"""Candidates of a keyword model in streams, and what its verifier says of them.

As in the daemon, everything goes through `kws.Spotter`: a verifier that confirms nothing is given
every candidate.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from kws.spotting.detection import Detection
from kws.spotting.model import KeywordModel
from kws.spotting.pair import Lookahead
from kws.spotting.spotter import Spotter
from kws.spotting.trigger import Proposal
from kws.spotting.verifier import Settlement, Verification
from kws.typing import Posteriors, Samples

_BLOCK_S = 10.0
_NEVER = 1.0


@dataclass(frozen=True, eq=False)
class ScoredCandidate:
    """A candidate with its scores.

    Attributes:
        proposal: of the trigger.
        t: seconds of the stream at which it was proposed.
        scores: the verifier's, of each keyword of the model, shape (keywords,).
    """

    proposal: Proposal
    t: float
    scores: npt.NDArray[np.float32]


def score_candidates(
    model: KeywordModel, samples: Samples, posteriors: Posteriors, lookahead_s: float
) -> tuple[ScoredCandidate, ...]:
    """All candidates of a stream.

    Args:
        model: with a verifier.
        samples: float32 of shape (n,), at the model's rate.
        posteriors: the model's, of all windows of them, shape (windows, keywords).
        lookahead_s: of the verifier.
    """
    own = model.verification(lookahead_s=lookahead_s)
    assert own is not None
    columns = [own.verifier.classes.index(keyword) for keyword in model.classes]
    spotter = Spotter(
        model, verification=replace(own, thresholds=dict.fromkeys(model.classes, _NEVER))
    )
    scored: list[ScoredCandidate] = []
    block, decided = round(_BLOCK_S * model.sample_rate), 0
    for start in range(0, len(samples), block):
        count = len(spotter.windows(samples[start : start + block]))
        spotter.propose(posteriors[decided : decided + count])
        decided += count
        scored += _due(spotter, own, columns)
    spotter.finish_audio()
    return (*scored, *_due(spotter, own, columns))


def _due(spotter: Spotter, own: Verification, columns: Sequence[int]) -> list[ScoredCandidate]:
    scored = []
    while (candidate := spotter.due()) is not None:
        (scores,) = own.verifier.scores(candidate.window[None])
        t = candidate.proposal.position / own.verifier.sample_rate
        scored.append(ScoredCandidate(candidate.proposal, t, scores[columns]))
        spotter.settle(np.zeros_like(scores))
    return scored


def settled(
    model: KeywordModel, scored: Sequence[ScoredCandidate], thresholds: Mapping[str, float]
) -> list[Detection]:
    """The detections that candidates become.

    Args:
        model: with a verifier.
        scored: its candidates in a stream, in order.
        thresholds: the verifier's score that each keyword has to reach.
    """
    trigger = model.trigger(verified=True)
    settlement = Settlement(
        [trigger[keyword] for keyword in model.classes],
        [thresholds[keyword] for keyword in model.classes],
        model.sample_rate,
    )
    outcomes = (settlement.settle(each.proposal, each.scores) for each in scored)
    return [
        Detection.of(outcome, model.classes, model.sample_rate)
        for outcome in outcomes
        if outcome.verdict == "confirmed"
    ]


def at_lookahead(model: KeywordModel, lookahead: Lookahead) -> KeywordModel:
    """The model with a lookahead as its default, in place of that of the same length, if any."""
    pair = model.header.pair
    assert pair is not None
    others = [each for each in pair.lookaheads if each.lookahead_s != lookahead.lookahead_s]
    header = replace(model.header, pair=replace(pair, lookaheads=(lookahead, *others)))
    return replace(model, header=header)
