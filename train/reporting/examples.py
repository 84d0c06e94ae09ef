"""Examples of a report: parts of streams, processed once more just as they were measured."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from io import BytesIO

import numpy as np
import numpy.typing as npt
import soundfile

from kws.spotting.detection import Detection
from kws.spotting.frontend import LogMel
from kws.spotting.model import KeywordModel
from kws.typing import Samples
from train.measure.evaluation_set import Group
from train.measure.labelled_streams import LabelledStream, Word
from train.measure.scoring import judge
from train.measure.segments import FileSegment, Segment
from train.measure.threshold_events import Levels, smooth
from train.measure.tracks import Track, detect, timing_of, track

STRETCHES = ("10 dB", "in running speech")
"""Conditions of which a longer example is shown."""
STRETCH_S = 40.0
AROUND_MISS_S = (1.0, 2.0)
"""Seconds around the start of a word that was missed: about all in which it could be detected."""
AROUND_FALSE_ALARM_S = (2.0, 1.0)
"""Seconds around the moment of a false alarm; a window is a second, and a few are averaged."""
LOUD = 0.7
"""Peak that audio is amplified to for people."""
MOST_GAIN = 30.0
"""How many times quiet audio is amplified at most."""


@dataclass(frozen=True)
class Moment:
    """A second of a recording in a segment, and the seconds before and after it that are shown."""

    segment: Segment
    recording: str
    t: float
    around: tuple[float, float]


@dataclass(frozen=True)
class Example:
    """A part of a stream; all times are seconds from its start.

    Attributes:
        samples: float32 of shape (n,).
        sample_rate: samples per second.
        frames: ln mel power of shape (frames, bands).
        times: of the decisions, shape (windows,).
        smoothed: posteriors as a trigger averages them, shape (windows, keywords).
        words: that are said in it.
        missed: keywords of them that are not detected.
        detections: in it.
        hits: those of a word that is said.
    """

    samples: Samples
    sample_rate: int
    frames: npt.NDArray[np.float32]
    times: Levels
    smoothed: Levels
    words: tuple[Word, ...]
    missed: tuple[Word, ...]
    detections: tuple[Detection, ...]
    hits: tuple[Detection, ...]

    @property
    def duration(self) -> float:
        """Seconds."""
        return len(self.samples) / self.sample_rate

    def peaks(self, keywords: Sequence[str]) -> list[tuple[str, float]]:
        """Each keyword's highest smoothed posterior, the highest first."""
        peaks = self.smoothed.max(axis=0, initial=0.0).tolist()
        return sorted(zip(keywords, peaks, strict=True), key=lambda each: -each[1])

    def flac(self) -> bytes:
        """The audio as FLAC, which all browsers play, loud enough for people."""
        peak = float(np.abs(self.samples).max(initial=1e-6))
        content, samples = BytesIO(), self.samples * min(MOST_GAIN, LOUD / peak)
        soundfile.write(content, samples, self.sample_rate, format="FLAC", subtype="PCM_16")
        return content.getvalue()


def find_piece(groups: Sequence[Group], name: str, recording: str, sample: int) -> Segment:
    """The segment of a group that has a sample of a recording, or of a stream of its own."""
    segments = [segment for group in groups if group.name == name for segment in group.segments]
    # Of a long recording that was cut, the last part that begins before is the one.
    return next(each for each in reversed(segments) if _contains(each, recording, sample))


def stretches(groups: Sequence[Group]) -> list[tuple[str, Moment]]:
    """The first seconds of some conditions, by name; of the first one if none of them is there."""
    kinds = ("words", "words in speech")
    spoken = [each for each in groups if each.kind in kinds and each.segments]
    chosen = [each for each in spoken if each.name in STRETCHES] or spoken[:1]
    firsts = ((each.name, each.segments[0]) for each in chosen)
    around = (0.0, STRETCH_S)
    return [(name, Moment(segment, segment.name, 0.0, around)) for name, segment in firsts]


def examples(model: KeywordModel, moments: Sequence[Moment]) -> list[Example]:
    """Process the segments of some moments again, each once, and cut the moments out.

    Raises:
        AudioFileError: a recording cannot be read or has another sample rate.
    """
    found: dict[Moment, Example] = {}
    for segment in dict.fromkeys(moment.segment for moment in moments):
        stream = segment.build(model.sample_rate)
        processed = track(model, stream)
        for moment in moments:
            if moment.segment == segment:
                found[moment] = _example(model, stream, processed, moment)
    return [found[moment] for moment in moments]


def _example(
    model: KeywordModel, stream: LabelledStream, processed: Track, moment: Moment
) -> Example:
    rate, trigger = model.sample_rate, model.header.trigger
    before, after = moment.around
    t = _second_of_stream(stream, moment)
    first = max(0, round((t - before) * rate))
    samples = stream.samples[first : round((t + after) * rate)]
    start, end = first / rate, (first + len(samples)) / rate
    pace = timing_of(model)
    window_s, hop_s = model.window_samples / rate, pace.hop / rate
    times: Levels = window_s + hop_s * np.arange(len(processed.posteriors), dtype=np.float64)
    smoothed = [
        smooth(column, pace.averaged(trigger[keyword]))
        for keyword, column in zip(model.classes, processed.posteriors.T, strict=True)
    ]
    inside = (times >= start) & (times <= end)
    detections = detect(model, processed, trigger)
    verdict = judge(detections, [word for word in processed.truth if word.keyword in model.classes])

    def words(found: Iterable[Word]) -> tuple[Word, ...]:
        return tuple(
            replace(word, start=word.start - start, end=word.end - start)
            for word in found
            if word.end > start and word.start < end
        )

    def detected(found: Iterable[Detection]) -> tuple[Detection, ...]:
        return tuple(replace(each, t=each.t - start) for each in found if start <= each.t <= end)

    return Example(
        samples=samples,
        sample_rate=rate,
        frames=LogMel(model.header.front_end)(samples),
        times=times[inside] - start,
        smoothed=np.stack(smoothed, axis=1)[inside],
        words=words(processed.truth),
        missed=words(verdict.missed),
        detections=detected(detections),
        hits=detected(hit.detection for hit in verdict.hits),
    )


def _second_of_stream(stream: LabelledStream, moment: Moment) -> float:
    """Where a moment of a recording is in the stream: the way back from `Track.place`."""
    for part in reversed(stream.parts):
        if part.name == moment.recording and part.offset <= moment.t:
            return part.start + moment.t - part.offset
    return moment.t


def _contains(segment: Segment, recording: str, sample: int) -> bool:
    """Whether a segment has a recording, or a part of it that begins by a sample."""
    if not isinstance(segment, FileSegment):
        return segment.name == recording
    return any(
        str(excerpt.path) == recording and excerpt.start <= sample for excerpt in segment.excerpts
    )
