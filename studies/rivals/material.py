"""The audio that all rivals process."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

import numpy as np
from tqdm import tqdm

from kws.errors import ConfigError
from studies.rivals.keyphrases import SAMPLE_RATE
from train.data.clips import Split
from train.measure.evaluation_set import CALIBRATING, CONDITIONS, EvaluationSet, Group
from train.measure.labelled_streams import PAUSE_S, LabelledStream
from train.measure.segments import Segment, WordSegment

SEED = 1
_WORD_S = sum(PAUSE_S) / 2 + 0.5
"""Seconds that a word takes in a stream, about."""

Use = Literal[
    "calibration words", "calibration audio", "clean", "10 dB", "other words", "evaluation audio"
]
"""What audio is used for; thresholds are chosen on the first two, the others are reported."""

CALIBRATION: tuple[Use, ...] = ("calibration words", "calibration audio")
USES: tuple[Use, ...] = get_args(Use)
CPU_USES: tuple[Use, ...] = ("clean", "evaluation audio")
"""Words between pauses, and speech; some rivals take less CPU time in pauses."""


@dataclass(frozen=True)
class Material:
    """What all rivals process.

    Attributes:
        segments: for each use, a part of what there is, drawn.
        shares: for each use, about what share of the sound that is, 0 to 1.
    """

    segments: dict[Use, tuple[Segment, ...]]
    shares: dict[Use, float]

    def streams(self, use: Use, rival: str) -> Iterator[LabelledStream]:
        """The sound, made when it is wanted; with a bar on a terminal.

        Args:
            use: what for.
            rival: that processes it, for people.

        Raises:
            AudioFileError: a recording cannot be read or has another sample rate.
        """
        bar = tqdm(self.segments[use], desc=f"{rival}: {use}", leave=False, disable=None)
        return (segment.build(SAMPLE_RATE) for segment in bar)


def material(
    data: Path, keywords: tuple[str, ...], split: Split, minutes: float, seed: int = SEED
) -> Material:
    """Draw the audio.

    Args:
        data: folder as for `train.measure.evaluation_set.EvaluationSet`.
        keywords: the words that count.
        split: side of the clips that are reported; thresholds are chosen with "validation".
        minutes: of sound for each use.
        seed: of everything drawn.

    Raises:
        ConfigError: clips of the keywords, or audio without them, are missing.
        AudioFileError: a recording cannot be read.
    """
    conditions = tuple(each for each in CONDITIONS if each.name in CALIBRATING)
    groups = EvaluationSet(data, keywords, SAMPLE_RATE, split, True, conditions, seed).groups()
    found: dict[Use, list[Group]] = {
        "calibration words": [each for each in groups if each.calibrates and each.kind == "words"],
        "calibration audio": [
            each for each in groups if each.calibrates and each.kind == "negative"
        ],
        **{
            use: [
                each
                for each in groups
                if each.reports and each.kind == "words" and each.name == use
            ]
            for use in ("clean", "10 dB")
        },
        "other words": [each for each in groups if each.kind == "other words"],
        "evaluation audio": [
            each for each in groups if each.kind == "negative" and not each.calibrates
        ],
    }
    missing = [use for use, some in found.items() if not some]
    if missing:
        raise ConfigError(f"--data {data}: nothing in it for: {', '.join(missing)}")
    drawn = {use: part(some, 60 * minutes, seed) for use, some in found.items()}
    return Material(
        {use: segments for use, (segments, _) in drawn.items()},
        {use: share for use, (_, share) in drawn.items()},
    )


def part(groups: Sequence[Group], seconds: float, seed: int) -> tuple[tuple[Segment, ...], float]:
    """Pieces of all groups, drawn until there are so many seconds of sound.

    Returns:
        Pieces in their order, and about what share of all sound they are.
    """
    segments = [segment for group in groups for segment in group.segments]
    lengths = [_seconds(segment) for segment in segments]
    drawn: list[int] = []
    for index in np.random.default_rng(seed).permutation(len(segments)).tolist():
        if sum(lengths[each] for each in drawn) >= seconds:
            break
        drawn.append(index)
    share = sum(lengths[each] for each in drawn) / sum(lengths)
    return tuple(segments[index] for index in sorted(drawn)), share


def _seconds(segment: Segment) -> float:
    """How long a segment is, about."""
    if isinstance(segment, WordSegment):
        return _WORD_S * len(segment.clips)
    return sum(excerpt.end - excerpt.start for excerpt in segment.excerpts) / SAMPLE_RATE
