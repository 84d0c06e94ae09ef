"""DET curves: misses against false alarms of each keyword, at every threshold."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from kws.spotting.model import KeywordModel
from train.measure.threshold_events import false_alarms, misses
from train.measure.threshold_search import threshold_grid
from train.measure.tracks import TrackedGroup, keyword_track, timing_of


@dataclass(frozen=True)
class Detectability:
    """What a keyword's thresholds cost: a DET curve for each condition.

    Attributes:
        keyword: the word, detected by itself.
        thresholds: ascending.
        misses: in each condition, for each threshold.
        words: in each condition, how often it was said.
        false_alarms: in the evaluation audio, for each threshold.
        hours: of evaluation audio.
    """

    keyword: str
    thresholds: tuple[float, ...]
    misses: dict[str, tuple[int, ...]]
    words: dict[str, int]
    false_alarms: tuple[int, ...]
    hours: float


def det_curves(model: KeywordModel, tracked: Sequence[TrackedGroup]) -> Iterator[Detectability]:
    """The curves of each keyword, over the groups that are reported."""
    grid, timing = threshold_grid(), timing_of(model)
    reported = [each for each in tracked if each.group.reports]
    spoken = [each for each in reported if each.group.kind in ("words", "words in speech")]
    negatives = [
        each for each in reported if each.group.kind == "negative" and not each.group.calibrates
    ]
    for keyword in model.classes:
        settings = model.header.trigger[keyword]
        longest = settings.smoothing_s
        missed = {
            each.group.name: misses(
                keyword_track(model, [each], keyword, longest), settings, grid, timing
            )
            for each in spoken
        }
        said = {
            each.group.name: sum(word.keyword == keyword for word in each.words) for each in spoken
        }
        unsaid = keyword_track(model, negatives, keyword, longest)
        alarms = false_alarms(unsaid, settings, grid, timing)
        hours = sum(each.hours for each in negatives)
        yield Detectability(keyword, grid, missed, said, alarms, hours)
