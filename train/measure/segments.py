"""Minutes of held-out sound, described so that any process can make them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from train.data.clips import Clip, recordings
from train.data.samples import read_samples
from train.data.sound_files import sound_length
from train.measure.labelled_streams import Condition, LabelledStream, Part, build_stream
from train.scenes.sources import Recordings

SEGMENT_S = 300.0
"""Seconds of recordings in a segment, about."""
SILENCE_S = 1.0
"""Seconds of silence before and after each recording, as `kws scan` has them."""
LEAD_S = 1.5
"""Seconds that a segment repeats of a long recording that was cut: more than a window, so that
nothing is lost at the cut."""


@dataclass(frozen=True)
class WordSegment:
    """A few minutes of words.

    Attributes:
        name: for people.
        clips: in order.
        condition: how.
        noise: folder of the noise, if the condition wants some.
        speech: folder of the speech, if the condition wants some.
        seed: of everything drawn.
    """

    name: str
    clips: tuple[Clip, ...]
    condition: Condition
    noise: Path | None = None
    speech: Path | None = None
    seed: int = 1

    def build(self, sample_rate: int) -> LabelledStream:
        """Make the sound.

        Raises:
            AudioFileError: a recording cannot be read or has another sample rate.
        """
        return build_stream(
            self.clips,
            sample_rate=sample_rate,
            condition=self.condition,
            noise=_folder(self.noise, sample_rate),
            speech=_folder(self.speech, sample_rate),
            seed=self.seed,
            name=self.name,
        )


@dataclass(frozen=True)
class Excerpt:
    """Samples `start` to `end` of a recording."""

    path: Path
    start: int
    end: int


@dataclass(frozen=True)
class FileSegment:
    """A few minutes of recordings without keywords, one after the other with silence between."""

    name: str
    excerpts: tuple[Excerpt, ...]

    def build(self, sample_rate: int) -> LabelledStream:
        """Read the sound.

        Raises:
            AudioFileError: a recording cannot be read or has another sample rate.
        """
        silence = np.zeros(round(SILENCE_S * sample_rate), np.float32)
        blocks, parts, length = [silence], [], len(silence)
        for excerpt in self.excerpts:
            lead = min(excerpt.start, round(LEAD_S * sample_rate))
            count = lead + excerpt.end - excerpt.start
            samples = read_samples(excerpt.path, sample_rate, excerpt.start - lead, count)
            first, last = (length + lead) / sample_rate, (length + len(samples)) / sample_rate
            parts.append(Part(str(excerpt.path), first, last, excerpt.start / sample_rate))
            blocks += [samples, silence]
            length += len(samples) + len(silence)
        return LabelledStream(np.concatenate(blocks), sample_rate, (), self.name, tuple(parts))


Segment = WordSegment | FileSegment


def file_segments(name: str, paths: Sequence[Path], sample_rate: int) -> Iterator[Segment]:
    """Recordings in segments of about five minutes; long ones are cut."""
    most = round(SEGMENT_S * sample_rate)
    waiting: list[Excerpt] = []
    number = count = 0
    for path in paths:
        frames = sound_length(path, sample_rate)
        for start in range(0, frames, most):
            excerpt = Excerpt(path, start, min(start + most, frames))
            if waiting and count + excerpt.end - excerpt.start > most:
                number += 1
                yield FileSegment(f"{name} {number}", tuple(waiting))
                waiting, count = [], 0
            waiting.append(excerpt)
            count += excerpt.end - excerpt.start
    yield FileSegment(f"{name} {number + 1}", tuple(waiting))


@lru_cache(maxsize=8)
def _recordings(folder: Path, sample_rate: int) -> Recordings:
    return Recordings(recordings([folder]), sample_rate)


def _folder(folder: Path | None, sample_rate: int) -> Recordings | None:
    return None if folder is None else _recordings(folder, sample_rate)
