"""Stretches of streams that a report shows: heard once more, just as they were measured."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import torch

from kws.errors import ConfigError
from kws.spotting.frontend import LogMel
from kws.spotting.model_file import KeywordModel
from kws.spotting.spotter import Detection
from kws.typing import Samples
from train.measure.evaluation_set import Group
from train.measure.labelled_streams import LabelledStream, Word
from train.measure.scoring import judge
from train.measure.segments import FileSegment, Segment
from train.measure.stream_report import FalseAlarm, Miss
from train.measure.threshold_events import Levels, smooth
from train.measure.tracks import Track, detect, timing_of, track

TIMELINES = ("10 dB", "in running speech")
"""Conditions of which a longer stretch is shown."""
TIMELINE_S = 40.0
AROUND_MISS_S = (1.0, 2.0)
"""Seconds around the start of a word that was missed: about all in which it could be detected."""
AROUND_FALSE_ALARM_S = (2.0, 1.0)
"""Seconds around the moment of a false alarm; a window is a second, and a few are averaged."""


@dataclass(frozen=True)
class Moment:
    """A moment of a recording, and what is around it.

    Attributes:
        segment: that the recording is heard in.
        recording: its name; a segment's own where the segment is a single one.
        t: second of the recording.
        around: seconds before and after it.
    """

    segment: Segment
    recording: str
    t: float
    around: tuple[float, float]


@dataclass(frozen=True)
class Scene:
    """What is heard in a stretch; all times are seconds from its start.

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


def moment_of_miss(groups: Sequence[Group], miss: Miss) -> Moment:
    """The stretch around a word that was not detected.

    Raises:
        ConfigError: it is not in these groups.
    """
    for segment in _segments(groups, miss.condition):
        if segment.name == miss.stream:
            return Moment(segment, segment.name, miss.t, AROUND_MISS_S)
    raise _elsewhere(miss.stream)


def moment_of_false_alarm(groups: Sequence[Group], alarm: FalseAlarm, rate: int) -> Moment:
    """The stretch around a false alarm.

    Args:
        groups: what was heard.
        alarm: what was detected.
        rate: samples per second.

    Raises:
        ConfigError: it is not in these groups.
    """
    # Of a long recording that was cut, the last part that begins before is the one.
    for segment in reversed(_segments(groups, alarm.group)):
        if _holds(segment, alarm.recording, round(alarm.t * rate)):
            return Moment(segment, alarm.recording, alarm.t, AROUND_FALSE_ALARM_S)
    raise _elsewhere(alarm.recording)


def timelines(groups: Sequence[Group]) -> list[tuple[str, Moment]]:
    """The first seconds of some conditions, by name; of the first one if none of them is there."""
    spoken = [
        each for each in groups if each.kind in ("words", "words in speech") and each.segments
    ]
    chosen = [each for each in spoken if each.name in TIMELINES] or spoken[:1]
    firsts = ((each.name, each.segments[0]) for each in chosen)
    return [
        (name, Moment(segment, segment.name, 0.0, (0.0, TIMELINE_S))) for name, segment in firsts
    ]


def scenes(model: KeywordModel, moments: Sequence[Moment]) -> list[Scene]:
    """Hear the segments of some moments again, each once, and cut the moments out.

    Raises:
        AudioFileError: a recording cannot be read or has another sample rate.
    """
    found: dict[Moment, Scene] = {}
    for segment in dict.fromkeys(moment.segment for moment in moments):
        stream = segment.build(model.sample_rate)
        heard = track(model, stream)
        for moment in moments:
            if moment.segment == segment:
                found[moment] = _scene(model, stream, heard, moment)
    return [found[moment] for moment in moments]


def _scene(model: KeywordModel, stream: LabelledStream, heard: Track, moment: Moment) -> Scene:
    rate, trigger = model.sample_rate, model.header.trigger
    before, after = moment.around
    t = _second_of_stream(stream, moment)
    first = max(0, round((t - before) * rate))
    samples = stream.samples[first : round((t + after) * rate)]
    start, end = first / rate, (first + len(samples)) / rate
    pace = timing_of(model)
    window_s, hop_s = model.window_samples / rate, pace.hop / rate
    times: Levels = window_s + hop_s * np.arange(len(heard.posteriors), dtype=np.float64)
    smoothed = [
        smooth(column, pace.averaged(trigger[keyword]))
        for keyword, column in zip(model.classes, heard.posteriors.T, strict=True)
    ]
    inside = (times >= start) & (times <= end)
    detections = detect(model, heard, trigger)
    verdict = judge(detections, [word for word in heard.truth if word.keyword in model.classes])

    def words(found: Iterable[Word]) -> tuple[Word, ...]:
        return tuple(
            replace(word, start=word.start - start, end=word.end - start)
            for word in found
            if word.end > start and word.start < end
        )

    def decided(found: Iterable[Detection]) -> tuple[Detection, ...]:
        return tuple(replace(each, t=each.t - start) for each in found if start <= each.t <= end)

    return Scene(
        samples=samples,
        sample_rate=rate,
        frames=LogMel(model.header.front_end)(torch.from_numpy(samples)).numpy(),
        times=times[inside] - start,
        smoothed=np.stack(smoothed, axis=1)[inside],
        words=words(heard.truth),
        missed=words(verdict.missed),
        detections=decided(detections),
        hits=decided(hit.detection for hit in verdict.hits),
    )


def _second_of_stream(stream: LabelledStream, moment: Moment) -> float:
    """Where a moment of a recording is in the stream: the way back from `Track.place`."""
    for part in reversed(stream.parts):
        if part.name == moment.recording and part.offset <= moment.t:
            return part.start + moment.t - part.offset
    return moment.t


def _holds(segment: Segment, recording: str, sample: int) -> bool:
    """Whether a recording, or a part of it that begins by a sample, is heard in a segment."""
    if not isinstance(segment, FileSegment):
        return segment.name == recording
    return any(
        str(excerpt.path) == recording and excerpt.start <= sample for excerpt in segment.excerpts
    )


def _segments(groups: Sequence[Group], name: str) -> list[Segment]:
    return [segment for group in groups if group.name == name for segment in group.segments]


def _elsewhere(recording: str) -> ConfigError:
    return ConfigError(f"{recording}: was measured, but is not in the data of this report")
