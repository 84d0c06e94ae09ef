"""The spotter of one stream: front end, model, trigger and verifier as one."""

from collections import deque
from collections.abc import Iterator, Mapping

import numpy as np
import numpy.typing as npt

from kws.spotting.detection import Detection, TurnedDown
from kws.spotting.frontend import LogMel, StreamingLogMel
from kws.spotting.model import KeywordModel
from kws.spotting.samples import as_samples
from kws.spotting.trigger import Trigger, TriggerSettings
from kws.spotting.verifier import Candidate, Candidates, Outcome, Settlement, Verification
from kws.typing import Posteriors, Samples, Windows

_MOST_TURNED_DOWN = 100
"""Candidates turned down that are kept for who asks for them."""


class Spotter:
    """Detects keywords in a stream of samples. Without threads, clocks or files.

    `push` is `windows`, the model and `decide`; a caller with many streams may run the windows of
    all of them through one model call. In the same way `decide` is `propose` and, where there is a
    verifier, `due`, the verifier and `settle` for as long as there are candidates.

    Args:
        model: the network, with its front end and thresholds.
        hop_s: seconds between windows, a multiple of the front end's hop (10 ms); by default the
            one that the model was calibrated at.
        trigger: settings per keyword instead of the model's own.
        verification: a verifier and its settings instead of the model's own; with the model's own
            verifier, trigger settings are by default those for the two of them.
        verified: whether to use a verifier at all.

    Attributes:
        model: the network, with its front end and thresholds.
        trigger: settings of each keyword.
        verification: verifier and settings; None without.

    Raises:
        ValueError: the hop is no multiple, or `trigger` names a keyword that the model lacks, or
            the verifier does not fit the model.
    """

    def __init__(
        self,
        model: KeywordModel,
        *,
        hop_s: float | None = None,
        trigger: Mapping[str, TriggerSettings] | None = None,
        verification: Verification | None = None,
        verified: bool = True,
    ) -> None:
        settings = model.header.front_end
        self.model = model
        self.verification = (verification or model.verification()) if verified else None
        self._hop_frames = hop_frames(model, model.header.hop_s if hop_s is None else hop_s)
        self._hop = self._hop_frames * settings.hop_length
        chosen = {**model.trigger(verified=self.verification is not None), **(trigger or {})}
        if unknown := set(chosen) - set(model.classes):
            raise ValueError(f"the model has no keyword {', '.join(sorted(unknown))}")
        self.trigger = {keyword: chosen[keyword] for keyword in model.classes}
        self._trigger = Trigger(
            list(self.trigger.values()),
            sample_rate=settings.sample_rate,
            hop=self._hop,
        )
        self._frames = np.empty((0, settings.bands), np.float32)
        self._next_decision = 0
        self._front_end = StreamingLogMel(LogMel(settings))
        self._pushed = 0
        self._candidates = self._candidates_of(self.verification)
        self._turned_down: deque[TurnedDown] = deque(maxlen=_MOST_TURNED_DOWN)
        self._restart(0)

    @property
    def hop_s(self) -> float:
        """Seconds between windows."""
        return self._hop / self.model.sample_rate

    @property
    def position(self) -> int:
        """Samples of the stream so far, lost ones included."""
        return self._pushed

    @property
    def hop_frames(self) -> int:
        """Frames between windows."""
        return self._hop_frames

    @property
    def decided(self) -> int:
        """Position, in samples, of the last decision: where its window ended."""
        return self._next_decision - self._hop

    @property
    def thresholds(self) -> dict[str, float]:
        """The smoothed posterior that each keyword has to reach."""
        return {keyword: settings.threshold for keyword, settings in self.trigger.items()}

    @property
    def smoothed(self) -> dict[str, float]:
        """The smoothed posterior of each keyword after the last decision."""
        return dict(zip(self.model.classes, self._trigger.smoothed, strict=True))

    @property
    def verifier_name(self) -> str | None:
        """Name of the verifier; None without one."""
        return self.verification.verifier.name if self.verification is not None else None

    @property
    def verifier_thresholds(self) -> dict[str, float]:
        """The verifier's score that each keyword has to reach; empty without a verifier."""
        return dict(self.verification.thresholds) if self.verification is not None else {}

    def push(self, samples: npt.ArrayLike) -> list[Detection]:
        """Take the next samples of the stream.

        Args:
            samples: shape (n,), mono, at the model's rate; any n. float32 or float64 in [-1, 1], or
                int16 or int32, which are scaled by their full range.

        Returns:
            What was detected, in order.

        Raises:
            TypeError, ValueError: see `as_samples`; the stream is as it was before.
        """
        return self.decide(self.model.posteriors(self.windows(as_samples(samples))))

    def windows(self, samples: Samples) -> Windows:
        """The windows that `samples` complete: float32 of shape (n, bands, window_frames).

        `samples` are not checked: see `as_samples`.
        """
        self._pushed += len(samples)
        samples = np.asarray(samples, np.float32)
        if self._candidates is not None:
            self._candidates.push(samples, self._next_decision)
        frames = self._front_end.push(samples)
        frames = np.concatenate((self._frames, frames))
        length = self.model.header.window_frames
        count = max(0, 1 + (len(frames) - length) // self._hop_frames)
        self._frames = frames[count * self._hop_frames :].copy()
        if not count:
            return np.empty((0, frames.shape[1], length), np.float32)
        row, item = frames.strides
        shape = (count, frames.shape[1], length)
        # What `sliding_window_view` gives, in a tenth of its time: this runs in each hop.
        return np.ndarray(shape, np.float32, frames, strides=(row * self._hop_frames, item, row))

    def decide(self, posteriors: Posteriors) -> list[Detection]:
        """Take the posteriors, shape (n, keywords), of the next `n` windows, in order."""
        return [*self.propose(posteriors), *self._verified()]

    def propose(self, posteriors: Posteriors) -> list[Detection]:
        """The same without running the verifier: what was detected, if there is none.

        With one, what was proposed waits for `due`.
        """
        detections = []
        for row in posteriors.tolist():
            if self._candidates is None:
                decision = self._trigger.step(row, self._next_decision)
                if decision is not None:
                    keyword = self.model.classes[decision.keyword]
                    t = decision.position / self.model.sample_rate
                    detections.append(Detection(keyword, decision.confidence, t))
            elif (proposal := self._trigger.propose(row, self._next_decision)) is not None:
                self._candidates.add(proposal)
            self._next_decision += self._hop
        return detections

    def due(self) -> Candidate | None:
        """The next candidate for the verifier; None where there is none yet."""
        return self._candidates.due() if self._candidates is not None else None

    def settle(self, scores: Posteriors) -> Detection | None:
        """Take what the verifier says of the candidate that was due.

        Args:
            scores: posteriors of the verifier's classes, shape (classes,).
        """
        assert self._candidates is not None
        outcome = self._candidates.settle(scores[self._columns])
        if outcome.verdict != "confirmed":
            self._turn_down(outcome)
            return None
        return Detection.of(outcome, self.model.classes, self.model.sample_rate)

    def turned_down(self) -> list[TurnedDown]:
        """The latest candidates that became no event since this was last asked, in order."""
        latest = list(self._turned_down)
        self._turned_down.clear()
        return latest

    def finish(self) -> list[Detection]:
        """The stream is over: decide on the last candidates, as if silence followed."""
        self.finish_audio()
        return list(self._verified())

    def finish_audio(self) -> None:
        """The same without running the verifier: the last candidates are there for `due`."""
        if self._candidates is not None:
            self._candidates.finish()

    def skip(self, lost: int) -> None:
        """The next samples do not follow the last ones: `lost` samples are missing between them.

        Nothing is decided again before a full window of what follows has arrived. Candidates that
        wait for what is missing are dropped.
        """
        self._pushed += lost
        self._front_end.reset()
        self._trigger.reset(self._pushed)
        if self._candidates is not None:
            for outcome in self._candidates.skip(self._pushed):
                self._turn_down(outcome)
        self._restart(self._pushed)

    def _verified(self) -> Iterator[Detection]:
        while (candidate := self.due()) is not None:
            assert self.verification is not None
            scores = self.verification.verifier.scores(candidate.window[None])
            if (detection := self.settle(scores[0])) is not None:
                yield detection

    def _candidates_of(self, verification: Verification | None) -> Candidates | None:
        if verification is None:
            return None
        verifier, rate = verification.verifier, self.model.sample_rate
        if verifier.sample_rate != rate:
            raise ValueError(
                f"verifier {verifier.name!r} is for {verifier.sample_rate} Hz, the model for {rate}"
            )
        if missing := set(self.model.classes) - set(verification.thresholds):
            raise ValueError(f"the verifier has no threshold for {', '.join(sorted(missing))}")
        self._columns = [verifier.classes.index(keyword) for keyword in self.model.classes]
        thresholds = [verification.thresholds[keyword] for keyword in self.model.classes]
        settlement = Settlement(list(self.trigger.values()), thresholds, rate)
        lookahead = round(verification.lookahead_s * rate)
        return Candidates(verifier.window_samples, lookahead, settlement)

    def _turn_down(self, outcome: Outcome) -> None:
        turned_down = TurnedDown.of(outcome, self.model.classes, self.model.sample_rate)
        self._turned_down.append(turned_down)

    def _restart(self, position: int) -> None:
        self._frames = np.empty((0, self.model.header.front_end.bands), np.float32)
        self._next_decision = position + self.model.window_samples


def warm_up(model: KeywordModel) -> None:
    """Process one window with a model: the first takes longer than the others."""
    Spotter(model).push(np.zeros(model.window_samples, np.float32))


def hop_frames(model: KeywordModel, hop_s: float) -> int:
    """Frames in a hop.

    Raises:
        ValueError: the hop is not a multiple of the front end's hop, or longer than half a
            window: then a word could fall between two.
    """
    settings = model.header.front_end
    step = settings.hop_length / settings.sample_rate
    most = model.window_samples / settings.sample_rate / 2
    frames = hop_s / step
    if not step <= hop_s + 1e-9 <= most + 1e-6 or abs(frames - round(frames)) > 1e-6:
        raise ValueError(f"hop_s must be a multiple of {step:g} s up to {most:g} s, not {hop_s:g}")
    return round(frames)
