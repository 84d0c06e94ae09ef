"""What was measured in streams: counts, curves, and the worst that happened."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from math import ceil, floor

from kws.spotting.calibration import Calibration
from kws.spotting.detection import Detection
from kws.spotting.header import Context
from kws.spotting.model import KeywordModel
from kws.spotting.trigger import TriggerSettings
from train.data.clips import Split
from train.measure.calibrate import Averaging
from train.measure.det_curves import Detectability, det_curves
from train.measure.evaluation_set import Kind
from train.measure.labelled_streams import Word
from train.measure.scoring import PATIENCE_S, Tally, Verdict, tallies, together
from train.measure.threshold_events import smooth
from train.measure.tracks import Track, TrackedGroup, timing_of, verdicts

WORST = 10
"""Misses and false alarms of each group that are named."""


@dataclass(frozen=True)
class Result:
    """What was counted in a group of streams.

    Attributes:
        name: of the condition, or of the set of recordings.
        kind: of the streams.
        calibrates: whether thresholds may be chosen with it.
        spoken: words that were said, keywords or not.
        keywords: counts of each keyword.
    """

    name: str
    kind: Kind
    calibrates: bool
    spoken: int
    keywords: dict[str, Tally]

    @property
    def total(self) -> Tally:
        """Counts of all keywords."""
        return together(self.keywords.values())


@dataclass(frozen=True)
class Miss:
    """A keyword that was not detected.

    Attributes:
        keyword: what was said.
        condition: how.
        stream: in which stream.
        t: where the word begins in it, seconds.
        clip: the recording that it comes from.
        posterior: the highest smoothed posterior while it could have been detected.
    """

    keyword: str
    condition: str
    stream: str
    t: float
    clip: str
    posterior: float


@dataclass(frozen=True)
class FalseAlarm:
    """A detection of what was not said.

    Attributes:
        keyword: what was detected.
        group: the condition, or the set of recordings.
        recording: in which recording or stream.
        t: the second of it.
        posterior: the smoothed posterior that fired.
        said: the word that was said instead, if it is known.
    """

    keyword: str
    group: str
    recording: str
    t: float
    posterior: float
    said: str


@dataclass(frozen=True)
class StreamReport:
    """All that `train stream` measures.

    Attributes:
        model: name of the model.
        context: of the model.
        split: side of the clips.
        hop_s: seconds between windows.
        trigger: settings of each keyword.
        results: of each group.
        curves: of each keyword.
        calibration: the model's operating curve, if it has one.
        calibrated_at: false alarms per hour at which it was just calibrated, if it was.
        tried: ways of averaging that the calibration compared.
        misses: the worst of each condition, lowest posterior first.
        false_alarms: the worst of each group, highest posterior first.
        verifier: name of the verifier; None without one.
        lookahead_s: of the verifier.
        verifier_thresholds: score that each keyword has to reach; empty without a verifier.
        candidates_per_hour: what the verifier is run on in each group without keywords.
    """

    model: str
    context: Context
    split: Split
    hop_s: float
    trigger: dict[str, TriggerSettings]
    results: tuple[Result, ...]
    curves: tuple[Detectability, ...]
    calibration: Calibration | None = None
    calibrated_at: float | None = None
    tried: tuple[Averaging, ...] = ()
    misses: tuple[Miss, ...] = ()
    false_alarms: tuple[FalseAlarm, ...] = ()
    verifier: str | None = None
    lookahead_s: float = 0.0
    verifier_thresholds: dict[str, float] = field(default_factory=dict)
    candidates_per_hour: dict[str, float] = field(default_factory=dict)

    @property
    def thresholds(self) -> dict[str, float]:
        """What decides: the verifier's thresholds where there is one, else the trigger's."""
        if self.verifier is not None:
            return self.verifier_thresholds
        return {keyword: each.threshold for keyword, each in self.trigger.items()}

    def by_keyword(self) -> dict[str, Tally]:
        """Counts of each keyword: misses between pauses, false alarms in the evaluation audio."""
        unsaid = self.without_keywords(calibrates=False)
        return {
            keyword: replace(
                said, false_alarms=unsaid[keyword].false_alarms, hours=unsaid[keyword].hours
            )
            for keyword, said in self.spoken().items()
        }

    def of_kind(self, *kinds: Kind) -> list[Result]:
        """The results of these kinds, in order."""
        return [result for result in self.results if result.kind in kinds]

    def spoken(self) -> dict[str, Tally]:
        """Counts of each keyword between pauses, under all conditions together."""
        return _added(self.of_kind("words"), self.trigger)

    def without_keywords(self, *, calibrates: bool) -> dict[str, Tally]:
        """Counts of each keyword in the long audio for calibration, or for evaluation."""
        results = [each for each in self.of_kind("negative") if each.calibrates == calibrates]
        return _added(results, self.trigger)


def _added(results: Iterable[Result], keywords: Iterable[str]) -> dict[str, Tally]:
    results = list(results)
    return {
        keyword: sum((result.keywords[keyword] for result in results), Tally())
        for keyword in keywords
    }


def make_report(
    model: KeywordModel,
    tracked: Sequence[TrackedGroup],
    split: Split,
    *,
    calibrated_at: float | None = None,
    tried: tuple[Averaging, ...] = (),
) -> StreamReport:
    """Count hits, misses and false alarms of a model with its own trigger settings.

    Args:
        model: that the tracks are of.
        tracked: groups; those with `reports` are counted.
        split: side of the clips in them.
        calibrated_at: false alarms per hour at which the model was just calibrated, if it was.
        tried: ways of averaging that were compared for it.
    """
    point = model.header.pair.at(None) if model.verifier and model.header.pair else None
    trigger = model.trigger(verified=point is not None)
    late_s = point.lookahead_s if point else 0.0
    results, missed, alarms = [], [], []
    for each in tracked:
        if not each.group.reports:
            continue
        judged = verdicts(model, each, trigger)
        results.append(
            Result(
                each.group.name,
                each.group.kind,
                each.group.calibrates,
                len(each.words),
                tallies(judged, model.classes, each.hours, late_s),
            )
        )
        missed += sorted(_misses(model, each, judged), key=lambda each: each.posterior)[:WORST]
        alarms += sorted(_false_alarms(each, judged), key=lambda each: -each.posterior)[:WORST]
    return StreamReport(
        model=model.header.name,
        context=model.header.context,
        split=split,
        hop_s=model.header.hop_s,
        trigger={keyword: trigger[keyword] for keyword in model.classes},
        results=tuple(results),
        curves=tuple(det_curves(model, tracked)),
        calibration=point.calibration if point else model.header.calibration,
        calibrated_at=calibrated_at,
        tried=tried,
        misses=tuple(missed),
        false_alarms=tuple(alarms),
        verifier=model.verifier.name if model.verifier and point else None,
        lookahead_s=late_s,
        verifier_thresholds=point.thresholds if point else {},
        candidates_per_hour=_candidates(tracked, late_s) if point else {},
    )


def _candidates(tracked: Sequence[TrackedGroup], lookahead_s: float) -> dict[str, float]:
    return {
        each.group.name: round(
            sum(len(track.candidates[lookahead_s]) for track in each.tracks) / each.hours, 1
        )
        for each in tracked
        if each.group.reports and each.group.kind in ("noise", "negative")
    }


def _misses(
    model: KeywordModel, tracked: TrackedGroup, judged: Sequence[Verdict]
) -> Iterator[Miss]:
    for track, verdict in zip(tracked.tracks, judged, strict=True):
        for word in verdict.missed:
            peak = _peak(model, track, word)
            name = tracked.group.name
            yield Miss(word.keyword, name, track.name, word.start, word.clip, peak)


def _peak(model: KeywordModel, track: Track, word: Word) -> float:
    """The highest smoothed posterior of a word while it could have been detected."""
    timing = timing_of(model)
    index = model.classes.index(word.keyword)
    length = timing.averaged(model.header.trigger[word.keyword])
    window_s = model.window_samples / model.sample_rate
    first = max(0, ceil((word.start - window_s) / model.header.hop_s))
    last = max(0, floor((word.end + PATIENCE_S - window_s) / model.header.hop_s))
    before = max(0, first - length + 1)
    averages = smooth(track.posteriors[before : last + 1, index], length)[first - before :]
    return float(averages.max(initial=0.0))


def _false_alarms(tracked: TrackedGroup, judged: Sequence[Verdict]) -> Iterator[FalseAlarm]:
    for track, verdict in zip(tracked.tracks, judged, strict=True):
        for detection in verdict.false_alarms:
            recording, t = track.place(detection.t)
            yield FalseAlarm(
                detection.keyword,
                tracked.group.name,
                recording,
                t,
                detection.confidence,
                _said(track, detection),
            )


def _said(track: Track, detection: Detection) -> str:
    """The word in whose time a detection is."""
    for word in track.truth:
        if word.start <= detection.t <= word.end + PATIENCE_S:
            return word.keyword
    return ""
