"""What a model makes of streams: posteriors once, detections for any trigger settings.

Everything goes through `kws.Spotter`, the path of the daemon.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from kws.spotting.detection import Detection
from kws.spotting.model import BATCH, KeywordModel
from kws.spotting.spotter import Spotter
from kws.spotting.trigger import TriggerSettings
from kws.typing import Samples
from train.measure.candidates import ScoredCandidate, score_candidates, settled
from train.measure.evaluation_set import Group
from train.measure.labelled_streams import LabelledStream, Part, Word
from train.measure.scoring import Tally, Verdict, judge, tallies, together
from train.measure.threshold_events import (
    KeywordTrack,
    Posteriors,
    TriggerTiming,
    active_spans,
    concatenate,
)

Trigger = Mapping[str, TriggerSettings]
"""Settings of every keyword."""


@dataclass(frozen=True)
class Track:
    """The output of a model for one stream.

    Attributes:
        posteriors: float32 of shape (windows, keywords).
        truth: what was said.
        recorded: seconds of sound, without silence that was put between recordings.
        name: of the stream, for people.
        parts: the recordings that the stream is put together of, where it is.
        candidates: where the model has a verifier, its candidates and their scores, for each
            lookahead in seconds.
    """

    posteriors: Posteriors
    truth: tuple[Word, ...]
    recorded: float
    name: str = ""
    parts: tuple[Part, ...] = ()
    candidates: Mapping[float, tuple[ScoredCandidate, ...]] = field(default_factory=dict)

    def place(self, t: float) -> tuple[str, float]:
        """The name of the recording at `t`, and the second of it.

        Args:
            t: seconds of the stream.
        """
        part = next((part for part in reversed(self.parts) if part.start <= t), None)
        return (self.name, t) if part is None else (part.name, part.offset + t - part.start)


@dataclass(frozen=True)
class TrackedGroup:
    """A group of streams with the output of a model for each."""

    group: Group
    tracks: tuple[Track, ...]

    @property
    def hours(self) -> float:
        """Of sound."""
        return sum(track.recorded for track in self.tracks) / 3600

    @property
    def words(self) -> list[Word]:
        """What is said in it."""
        return [word for track in self.tracks for word in track.truth]


def posteriors_of(model: KeywordModel, samples: Samples) -> Posteriors:
    """Posteriors, shape (windows, keywords), of all windows of a stream."""
    spotter = Spotter(model, verified=False)
    # Few windows at once, so that memory stays small.
    block = 10 * BATCH * round(spotter.hop_s * model.sample_rate)
    parts = [
        model.posteriors(spotter.windows(samples[start : start + block]))
        for start in range(0, len(samples), block)
    ]
    return np.concatenate([np.empty((0, len(model.classes)), np.float32), *parts])


def track(model: KeywordModel, stream: LabelledStream, lookaheads: Sequence[float] = ()) -> Track:
    """Run a model over a stream, and its verifier, once for each lookahead."""
    posteriors = posteriors_of(model, stream.samples)
    candidates = {
        each: score_candidates(model, stream.samples, posteriors, each) for each in lookaheads
    }
    return Track(posteriors, stream.truth, stream.recorded, stream.name, stream.parts, candidates)


def timing_of(model: KeywordModel) -> TriggerTiming:
    """How a model's trigger counts time."""
    return TriggerTiming(model.sample_rate, round(model.header.hop_s * model.sample_rate))


def keyword_track(
    model: KeywordModel, tracked: Sequence[TrackedGroup], keyword: str, smoothing_s: float
) -> KeywordTrack:
    """One keyword's posteriors in all streams, concatenated.

    Args:
        model: that the tracks are of.
        tracked: the groups.
        keyword: one of the model's.
        smoothing_s: the longest that will be tried.
    """
    index = model.classes.index(keyword)
    settings = model.header.trigger[keyword]
    tracks = [
        (
            track.posteriors[:, index],
            [(word.start, word.end) for word in track.truth if word.keyword == keyword],
        )
        for each in tracked
        for track in each.tracks
    ]
    window_s = model.window_samples / model.sample_rate
    return concatenate(
        tracks, timing_of(model), window_s, 2.0 + smoothing_s + settings.refractory_s
    )


def detect(model: KeywordModel, track: Track, trigger: Trigger) -> list[Detection]:
    """The detections of a spotter with these settings in a stream.

    With a verifier they are those of the pair at its default lookahead. Without one, stretches in
    which no keyword reaches its threshold are left out; nothing else comes of it.

    Args:
        model: that the track is of.
        track: its output.
        trigger: settings of every keyword, without a verifier.
    """
    if model.verifier is not None and model.header.pair is not None:
        default = model.header.pair.at(None)
        return settled(model, track.candidates[default.lookahead_s], default.thresholds)
    spotter = Spotter(model, trigger=trigger, verified=False)
    timing = timing_of(model)
    detections: list[Detection] = []
    position = 0
    settings = [trigger[keyword] for keyword in model.classes]
    for first, last in active_spans(track.posteriors, settings, timing):
        # A spotter that skips samples decides again a window after them, as at the start.
        spotter.skip((first - position) * timing.hop)
        position = first
        detections += spotter.decide(track.posteriors[first:last])
    return detections


def verdicts(model: KeywordModel, tracked: TrackedGroup, trigger: Trigger) -> list[Verdict]:
    """What becomes of the keywords said in each stream of a group, and of the detections."""
    return [
        judge(
            detect(model, track, trigger),
            [word for word in track.truth if word.keyword in model.classes],
        )
        for track in tracked.tracks
    ]


def count(model: KeywordModel, tracked: Sequence[TrackedGroup], trigger: Trigger) -> Tally:
    """Counts over groups, all keywords together."""
    return sum(
        (
            together(tallies(verdicts(model, each, trigger), model.classes, each.hours).values())
            for each in tracked
        ),
        Tally(),
    )
