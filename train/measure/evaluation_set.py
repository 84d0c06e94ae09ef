"""What a keyword spotter is measured with: streams of held-out words, audio without keywords.

Nothing here needs a model: another program can be measured with the same segments.
"""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np

from kws.audio.folder import recordings_in
from kws.errors import ConfigError
from train.data.clips import Clip, Clips, Split, of_split, recordings, word_clips
from train.data.index import Row, only_reports
from train.measure.labelled_streams import CLEAN, Condition
from train.measure.segments import Segment, WordSegment, file_segments

log = logging.getLogger(__name__)

Kind = Literal[
    "words", "synthetic words", "words in speech", "other words", "near words", "noise", "negative"
]
"""Keywords between pauses, or in synthetic voices, or inside running speech; and without any
keyword: other words alone, words that sound like keywords alone, noise, long audio."""

ROOM_S, FAR_DB = 0.5, -20.0
CONDITIONS = (
    *(
        Condition(f"{level}{place}", snr_db, room_s)
        for room_s, place in ((0.0, ""), (ROOM_S, ", room"))
        for level, snr_db in (
            ("clean", None),
            *((f"{snr} dB", float(snr)) for snr in (20, 10, 5, 0)),
        )
    ),
    *(
        Condition(f"{level}, far", snr_db, ROOM_S, level_db=FAR_DB)
        for level, snr_db in (("clean", None), ("10 dB", 10.0))
    ),
    Condition("in running speech", in_speech=True),
)
"""Every condition of words; a room has a reverberation time of 0.5 s, and far in it words are so
much quieter."""
CALIBRATING = ("clean", "20 dB", "10 dB", "clean, room")
"""Names of the conditions that thresholds are chosen with."""
STRAY_WORDS = Condition("stray words", pause_s=(8.0, 14.0))
"""Words other than the keywords, one in some ten seconds: beside hours of reading, in which hardly
a word stands alone, this is what thresholds are chosen with."""
WORDS_IN_SEGMENT = 60


@dataclass(frozen=True)
class Group:
    """Pieces that are counted together.

    Attributes:
        name: of the condition, or of the set of recordings.
        kind: of sound.
        calibrates: whether thresholds may be chosen with it.
        reports: whether it stands in the report.
        segments: the sound, in order.
    """

    name: str
    kind: Kind
    calibrates: bool
    reports: bool
    segments: tuple[Segment, ...]


@dataclass(frozen=True)
class EvaluationSet:
    """What there is to measure with.

    Attributes:
        data: folder with speech_commands/<word>/*.wav, or <word>/*.wav itself, and, where there
            are any, negatives/{calibration,evaluation}/<set>/*.wav and
            noise/{training,evaluation}/*.wav.
        keywords: the words that count.
        sample_rate: of all recordings, samples per second.
        split: side of the clips that are reported.
        calibrate: whether what is only needed to choose thresholds is wanted too.
        conditions: acoustic conditions of the words.
        seed: of everything drawn.
        more_noise: folder of noise that is measured alone, apart from that in `data`.
    """

    data: Path
    keywords: tuple[str, ...]
    sample_rate: int
    split: Split = "validation"
    calibrate: bool = False
    conditions: tuple[Condition, ...] = CONDITIONS
    seed: int = 1
    more_noise: Path | None = None

    def groups(self) -> list[Group]:
        """All groups. A folder that is missing is named in a warning, and what needs it left out.

        Raises:
            ConfigError: there are no held-out clips of the keywords.
            AudioFileError: a recording cannot be read.
        """
        clips = word_clips(self._folder)
        choosing, reported = self._spoken(clips)
        noise = self._found("noise/evaluation", "noise in streams")
        speech = self._found("negatives/evaluation", "running speech or false alarms an hour")
        groups = [
            *self._words(reported, self.conditions, noise, speech),
            *self._other_words(clips),
            *self._synthetic(),
        ]
        if noise is not None:
            segments = tuple(file_segments("noise alone", recordings([noise]), self.sample_rate))
            groups.append(Group("noise alone", "noise", False, True, segments))
        if self.more_noise is not None:
            found = recordings([self.more_noise])
            segments = tuple(file_segments("more noise", found, self.sample_rate))
            groups.append(Group("more noise", "noise", False, True, segments))
        if self.calibrate:
            groups = self._with_calibrating(groups, choosing)
        calibration = self._found("negatives/calibration", "audio to choose thresholds with")
        return [
            *groups,
            *self._stray_words(clips),
            *(_sets(calibration, self.sample_rate, calibrates=True) if calibration else ()),
            *(_sets(speech, self.sample_rate, calibrates=False) if speech else ()),
        ]

    @property
    def _folder(self) -> Path:
        folder = self.data / "speech_commands"
        return folder if folder.is_dir() else self.data

    def _spoken(self, clips: Clips) -> tuple[list[Clip], list[Clip]]:
        """Clips of the keywords, those to choose thresholds with and those that are reported."""
        choosing, reported = self._sides(clips, keywords=True)
        missing = [word for word in self.keywords if word not in {clip.word for clip in reported}]
        where = f"{self._folder}: no {self.split} clips of"
        if not reported:
            raise ConfigError(f"{where} any of the keywords: {', '.join(self.keywords)}")
        if missing:
            log.warning("%s %s: not measured how often missed", where, ", ".join(missing))
        return choosing, reported

    def _sides(self, clips: Clips, *, keywords: bool) -> tuple[list[Clip], list[Clip]]:
        """Clips to choose thresholds with and clips that are reported, each in a drawn order.

        Of the validation speakers one third reports, and chooses nothing. All do both where a word
        would be left on one side only.
        """

        def wanted(split: Split) -> list[Clip]:
            return [
                clip for clip in of_split(clips, split) if (clip.word in self.keywords) is keywords
            ]

        both = wanted("validation")
        choosing = [clip for clip in both if not only_reports(clip.speaker)]
        reporting = [clip for clip in both if only_reports(clip.speaker)]
        if {clip.word for clip in choosing} != {clip.word for clip in reporting}:
            choosing = reporting = both
        reported = reporting if self.split == "validation" else wanted(self.split)
        return self._shuffled(choosing), self._shuffled(reported)

    def _shuffled(self, clips: Sequence[Clip]) -> list[Clip]:
        order = np.random.default_rng(self.seed).permutation(len(clips))
        return [clips[index] for index in order]

    def _found(self, name: str, what: str) -> Path | None:
        folder = self.data / name
        if folder.is_dir() and recordings_in(folder):
            return folder
        log.warning("%s: no folder with recordings; measuring without %s", folder, what)
        return None

    def _words(
        self,
        clips: Sequence[Clip],
        conditions: Sequence[Condition],
        noise: Path | None,
        speech: Path | None,
    ) -> Iterator[Group]:
        for condition in conditions:
            if (condition.snr_db is not None and noise is None) or (
                condition.in_speech and speech is None
            ):
                continue
            kind: Kind = "words in speech" if condition.in_speech else "words"
            segments = self._segments(condition.name, clips, condition, noise, speech)
            yield Group(condition.name, kind, calibrates=False, reports=True, segments=segments)

    def _other_words(self, clips: Clips) -> Iterator[Group]:
        _, others = self._sides(clips, keywords=False)
        if not others:
            log.warning("%s: no clips of other words; measuring without", self.data)
            return
        segments = self._segments("other words", others, CLEAN, None, None)
        yield Group("other words", "other words", calibrates=False, reports=True, segments=segments)

    def _synthetic(self) -> Iterator[Group]:
        """Words in synthetic voices that nothing is trained on, and near words that are kept for
        evaluation in any voice: see `train.data.index`."""
        said, near = (list(_synthetic_rows(self.data, kind)) for kind in ("keywords", "near"))
        said = [(path, row) for path, row in said if row.word in self.keywords]
        kinds: tuple[tuple[str, Kind, list[tuple[Path, Row]]], ...] = (
            ("keywords, new voice", "synthetic words", [e for e in said if e[1].new_voice]),
            ("near, new voice", "near words", [e for e in near if e[1].new_voice]),
            ("near, new word", "near words", [e for e in near if e[1].new_word]),
        )
        for name, kind, rows in kinds:
            if rows:
                clips = [Clip(path, row.word, row.speaker, "testing") for path, row in rows]
                segments = self._segments(name, self._shuffled(clips), CLEAN, None, None)
                yield Group(name, kind, calibrates=False, reports=True, segments=segments)

    def _stray_words(self, clips: Clips) -> Iterator[Group]:
        """Other words as audio without keywords, always of the clips for choosing."""
        others, _ = self._sides(clips, keywords=False)
        if others:
            name = STRAY_WORDS.name
            segments = self._segments(name, others, STRAY_WORDS, None, None)
            yield Group(name, "negative", calibrates=True, reports=True, segments=segments)

    def _with_calibrating(self, groups: Sequence[Group], clips: Sequence[Clip]) -> list[Group]:
        """The same, with the streams of words and the noise that thresholds are chosen with.

        Noise for evaluation has no part in that; where there is none for calibration, that of
        the training will do. Streams that are reported anyway are not measured twice.
        """
        name = "noise/calibration"
        if not (self.data / name).is_dir():
            name = "noise/training"
        noise = self._found(name, "noise to choose thresholds with")
        wanted = [each for each in self.conditions if each.name in CALIBRATING]
        chosen = {group.segments: group for group in self._words(clips, wanted, noise, None)}
        alone = []
        if noise is not None:
            segments = tuple(file_segments("noise", recordings([noise]), self.sample_rate))
            alone.append(Group("noise", "negative", True, False, segments))
        return [
            *alone,
            *(
                replace(group, calibrates=chosen.pop(group.segments, None) is not None)
                for group in groups
            ),
            *(replace(group, calibrates=True, reports=False) for group in chosen.values()),
        ]

    def _segments(
        self,
        name: str,
        clips: Sequence[Clip],
        condition: Condition,
        noise: Path | None,
        speech: Path | None,
    ) -> tuple[Segment, ...]:
        return tuple(
            WordSegment(
                f"{name} {1 + first // WORDS_IN_SEGMENT}",
                tuple(clips[first : first + WORDS_IN_SEGMENT]),
                condition,
                noise if condition.snr_db is not None else None,
                speech if condition.in_speech else None,
                self.seed * 1_000_003 + first,
            )
            for first in range(0, len(clips), WORDS_IN_SEGMENT)
        )


def _synthetic_rows(data: Path, kind: str) -> Iterator[tuple[Path, Row]]:
    """Recordings of synthetic voices: <word>/<voice>_nohash_<n>.wav."""
    pack = f"synthetic/{kind}"
    for path in sorted((data / pack).glob("*/*.wav")):
        word, speaker = path.parent.name, path.name.partition("_nohash_")[0]
        yield path, Row(pack, path.name, 0, word, speaker, use="", language="", licence="")


def _sets(folder: Path, sample_rate: int, *, calibrates: bool) -> Iterator[Group]:
    """A group for each folder in a folder, and one for the recordings right in it."""
    sets = [(folder.name, [path for path in recordings_in(folder) if path.parent == folder])]
    for place in sorted(path for path in folder.iterdir() if path.is_dir()):
        sets.append((place.name, recordings_in(place)))
    for name, found in sets:
        if found:
            segments = tuple(file_segments(name, found, sample_rate))
            yield Group(name, "negative", calibrates=calibrates, reports=True, segments=segments)
