"""All that a report tells of a model, before a word or a picture is made of it."""

import hashlib
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import TypeVar

import msgspec

from kws.config.paths import find_model
from kws.spotting.model_file import KeywordModel, load_model
from train.data.clips import Split, of_split, word_clips
from train.data.skipped import SkippedRecordings
from train.fitting.progress_state import EpochRecord
from train.measure.evaluation_set import EvaluationSet, Kind
from train.measure.stream_report import FalseAlarm, Miss, Result, StreamReport, make_report
from train.measure.tracks import track_groups
from train.reporting.clips import Confusion, confusion
from train.reporting.scenes import (
    Scene,
    moment_of_false_alarm,
    moment_of_miss,
    scenes,
    timelines,
)

T = TypeVar("T")
SHOWN = 12
"""Misses, and false alarms, that can be looked at and listened to."""
TELLING = ("clean", "clean, room", "10 dB", "in running speech")
"""Conditions of which misses are shown: in worse ones there is little to be learnt from them."""
KINDS: tuple[Kind, ...] = ("negative", "other words", "noise", "words", "words in speech")
"""What false alarms in it tell, the most first; in the first three no keyword is said."""


@dataclass(frozen=True)
class Findings:
    """What there is to tell.

    Attributes:
        path: the model file.
        digest: SHA-256 of it, hexadecimal.
        model: what was measured.
        data: folder of the recordings.
        clips: what single clips are taken for.
        streams: what was counted in streams.
        history: of the training's epochs; empty where the model file tells nothing of them.
        timelines: longer stretches, with the condition of each.
        misses: the worst, with what was heard around them.
        false_alarms: the worst, with what was heard around them.
    """

    path: Path
    digest: str
    model: KeywordModel
    data: Path
    clips: Confusion
    streams: StreamReport
    history: tuple[EpochRecord, ...]
    timelines: tuple[tuple[str, Scene], ...]
    misses: tuple[tuple[Miss, Scene], ...]
    false_alarms: tuple[tuple[FalseAlarm, Scene], ...]

    def where(self, recording: str) -> str:
        """The name of a recording, from the data's folder on where it is in there."""
        path = Path(recording)
        return str(path.relative_to(self.data)) if path.is_relative_to(self.data) else recording


def find(
    name: str | Path, data: Path, split: Split, workers: int, measured: StreamReport | None = None
) -> Findings:
    """Measure a model, or take what was measured, and hear the worst of it once more.

    Args:
        name: of a bundled model, or a model file.
        data: folder as for `train.measure.evaluation_set.EvaluationSet`.
        split: side of the clips.
        workers: processes that hear; 0 for this one.
        measured: what `train stream` has just measured with the same model and data.

    Raises:
        ConfigError: there are no held-out clips of the keywords, or what was measured is not in
            the data.
        AudioFileError: a recording of a stream cannot be read, or too many clips cannot.
        ModelError: the model cannot be read.
    """
    path = find_model(name)
    model = load_model(path)
    split = measured.split if measured else split
    groups = EvaluationSet(data, model.classes, model.sample_rate, split).groups()
    streams = measured or make_report(model, track_groups(path, groups, workers), split)
    words = data / "speech_commands"
    clips = of_split(word_clips(words if words.is_dir() else data), split)
    taken = confusion(model, clips, SkippedRecordings(len(clips)).skip)
    misses, alarms = worst_misses(streams), worst_false_alarms(streams)
    stretches = timelines(groups)
    heard = iter(
        scenes(
            model,
            [
                *(moment for _, moment in stretches),
                *(moment_of_miss(groups, each) for each in misses),
                *(moment_of_false_alarm(groups, each, model.sample_rate) for each in alarms),
            ],
        )
    )
    return Findings(
        path=path,
        digest=hashlib.sha256(path.read_bytes()).hexdigest(),
        model=model,
        data=data,
        clips=taken,
        streams=streams,
        history=history(model),
        timelines=tuple((name, next(heard)) for name, _ in stretches),
        misses=tuple((each, next(heard)) for each in misses),
        false_alarms=tuple((each, next(heard)) for each in alarms),
    )


def history(model: KeywordModel) -> tuple[EpochRecord, ...]:
    """What a model file tells of the epochs of its training; nothing where it cannot be read."""
    try:
        return msgspec.convert(model.header.training.get("history", ()), tuple[EpochRecord, ...])
    except msgspec.ValidationError:
        return ()


def is_promised(result: Result, streams: StreamReport) -> bool:
    """Whether a model means to hear the keywords in a group of streams."""
    in_speech = streams.context == "anywhere"
    return result.kind == "words" or (in_speech and result.kind == "words in speech")


def worst_misses(streams: StreamReport) -> list[Miss]:
    """Some of the misses: of each telling condition in turn, and no clip twice.

    What a model misses in running speech that only hears words alone, it never promised to hear.
    """
    conditions = [each.name for each in streams.results if is_promised(each, streams)]
    misses = [each for each in streams.misses if each.condition in conditions]
    telling = [each for each in misses if each.condition in TELLING]
    return _in_turn(
        telling or misses,
        conditions,
        lambda each: each.condition,
        lambda each: each.clip,
    )


def worst_false_alarms(streams: StreamReport) -> list[FalseAlarm]:
    """Some of the false alarms: of each group in turn, and none in the same second as another.

    What thresholds are not chosen with comes first.
    """
    ranked = sorted(streams.results, key=lambda each: (KINDS.index(each.kind), each.calibrates))
    groups = [each.name for each in ranked if each.kind in KINDS[:3] or each.name in TELLING]
    return _in_turn(
        [each for each in streams.false_alarms if each.group in groups],
        groups,
        lambda each: each.group,
        lambda each: (each.recording, round(each.t)),
    )


def _in_turn(
    found: Iterable[T],
    groups: Sequence[str],
    group_of: Callable[[T], str],
    sameness: Callable[[T], Hashable],
) -> list[T]:
    """The first of each group, then the second of each, up to so many; those alike only once."""
    by_group: dict[str, list[T]] = {group: [] for group in groups}
    for each in found:
        by_group.setdefault(group_of(each), []).append(each)
    chosen: dict[Hashable, T] = {}
    for rank in zip_longest(*by_group.values()):
        for each in rank:
            if each is not None and len(chosen) < SHOWN:
                chosen.setdefault(sameness(each), each)
    order = {name: index for index, name in enumerate(by_group)}
    return sorted(chosen.values(), key=lambda each: order[group_of(each)])
