"""The measurements that a report shows."""

import hashlib
from collections import defaultdict
from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from itertools import zip_longest
from operator import itemgetter
from pathlib import Path
from typing import TypeVar

import msgspec

from kws.config.paths import find_model
from kws.config.schema import NO_VERIFIER
from kws.spotting.load import load_model
from kws.spotting.model import KeywordModel
from train.data.clips import Split, of_split, word_clips
from train.data.skipped import SkippedRecordings
from train.fitting.progress_state import EpochRecord
from train.measure.evaluation_set import EvaluationSet, Kind
from train.measure.stream_report import FalseAlarm, Miss, Result, StreamReport, make_report
from train.measure.workers import ModelSource, track_groups
from train.reporting.clips import Confusion, confusion
from train.reporting.examples import (
    AROUND_FALSE_ALARM_S,
    AROUND_MISS_S,
    Example,
    Moment,
    examples,
    find_piece,
    stretches,
)

T = TypeVar("T")
SHOWN = 12
"""Misses, and false alarms, that are shown with their audio."""
TELLING = ("clean", "clean, room", "10 dB", "in running speech")
"""Conditions of which misses are shown: in more noise single misses say little."""
KINDS: tuple[Kind, ...] = ("negative", "other words", "noise", "words", "words in speech")
"""In the order in which their false alarms are shown; the first three are without keywords."""


@dataclass(frozen=True)
class Findings:
    """What a report shows.

    Attributes:
        path: the model file.
        digest: SHA-256 of it, hexadecimal.
        model: what was measured.
        data: folder of the recordings.
        clips: classes of single clips.
        streams: what was counted in streams.
        history: of the training's epochs; empty where the model file has none.
        stretches: longer examples, with the condition of each.
        misses: the worst, with the example of each.
        false_alarms: the worst, with the example of each.
    """

    path: Path
    digest: str
    model: KeywordModel
    data: Path
    clips: Confusion
    streams: StreamReport
    history: tuple[EpochRecord, ...]
    stretches: tuple[tuple[str, Example], ...]
    misses: tuple[tuple[Miss, Example], ...]
    false_alarms: tuple[tuple[FalseAlarm, Example], ...]

    def where(self, recording: str) -> str:
        """The name of a recording, from the data's folder on where it is in there."""
        path = Path(recording)
        return str(path.relative_to(self.data)) if path.is_relative_to(self.data) else recording


def find(name: str | Path, data: Path, split: Split, workers: int) -> Findings:
    """Measure a model, and process the worst of it once more.

    Args:
        name: of a bundled model, or a model file.
        data: folder as for `train.measure.evaluation_set.EvaluationSet`.
        split: side of the clips.
        workers: processes that measure; 0 for this one.

    Raises:
        ConfigError: there are no held-out clips of the keywords.
        AudioFileError: a recording of a stream cannot be read, or too many clips cannot.
        ModelError: the model cannot be read.
    """
    path = find_model(name)
    model = load_model(path, verifier=NO_VERIFIER)
    groups = EvaluationSet(data, model.classes, model.sample_rate, split).groups()
    streams = make_report(model, track_groups(ModelSource(path), groups, workers), split)
    words = data / "speech_commands"
    clips = of_split(word_clips(words if words.is_dir() else data), split)
    taken = confusion(model, clips, SkippedRecordings(len(clips)).skip)
    misses, alarms, long = worst_misses(streams), worst_false_alarms(streams), stretches(groups)

    def moment(name: str, recording: str, t: float, around: tuple[float, float]) -> Moment:
        segment = find_piece(groups, name, recording, round(t * model.sample_rate))
        return Moment(segment, recording, t, around)

    moments = [
        *(each for _, each in long),
        *(moment(each.condition, each.stream, each.t, AROUND_MISS_S) for each in misses),
        *(moment(each.group, each.recording, each.t, AROUND_FALSE_ALARM_S) for each in alarms),
    ]
    shown = iter(examples(model, moments))
    return Findings(
        path=path,
        digest=hashlib.sha256(path.read_bytes()).hexdigest(),
        model=model,
        data=data,
        clips=taken,
        streams=streams,
        history=history(model),
        stretches=tuple((name, next(shown)) for name, _ in long),
        misses=tuple((each, next(shown)) for each in misses),
        false_alarms=tuple((each, next(shown)) for each in alarms),
    )


def history(model: KeywordModel) -> tuple[EpochRecord, ...]:
    """Epochs of the training by the model file; none where they cannot be read."""
    try:
        return msgspec.convert(model.header.training.get("history", ()), tuple[EpochRecord, ...])
    except msgspec.ValidationError:
        return ()


def is_promised(result: Result, streams: StreamReport) -> bool:
    """Whether a model is meant to detect the keywords of a group of streams."""
    in_speech = streams.context == "anywhere"
    return result.kind == "words" or (in_speech and result.kind == "words in speech")


def worst_misses(streams: StreamReport) -> list[Miss]:
    """Some of the misses: of each telling condition in turn, and no clip twice.

    Running speech does not count for a model that detects words between pauses only.
    """
    conditions = [each.name for each in streams.results if is_promised(each, streams)]
    misses = [each for each in streams.misses if each.condition in conditions]
    shown = [each for each in misses if each.condition in TELLING] or misses
    return _in_turn((conditions.index(each.condition), each.clip, each) for each in shown)


def worst_false_alarms(streams: StreamReport) -> list[FalseAlarm]:
    """Some of the false alarms: of each group in turn, and none in the same second as another.

    What thresholds are not chosen with comes first.
    """
    ranked = sorted(streams.results, key=lambda each: (KINDS.index(each.kind), each.calibrates))
    groups = [each.name for each in ranked if each.kind in KINDS[:3] or each.name in TELLING]
    return _in_turn(
        (groups.index(each.group), (each.recording, round(each.t)), each)
        for each in streams.false_alarms
        if each.group in groups
    )


def _in_turn(found: Iterable[tuple[int, Hashable, T]]) -> list[T]:
    """The first of each group, then the second of each, up to so many, in the order of the groups.

    Args:
        found: the group of each, something that those alike have in common, and itself; of those
            alike only one is taken.
    """
    groups = defaultdict[int, list[tuple[int, Hashable, T]]](list)
    for each in found:
        groups[each[0]].append(each)
    chosen: dict[Hashable, tuple[int, T]] = {}
    for rank in zip_longest(*(groups[group] for group in sorted(groups))):
        for group, likeness, each in filter(None, rank):
            if len(chosen) < SHOWN:
                chosen.setdefault(likeness, (group, each))
    return [each for _, each in sorted(chosen.values(), key=itemgetter(0))]
