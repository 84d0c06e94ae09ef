"""Streams of which everything is known: words between pauses or inside speech, noise, rooms."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from math import inf

import numpy as np

from kws.typing import Samples
from train.data.clips import Clip
from train.data.samples import active_region, read_samples
from train.scenes.augment import reverberate
from train.scenes.sources import Recordings

AFTER_S = 1.0
"""Seconds of a stream behind its last word, in which it may still be detected."""
NOISE_DB = -40.0
"""RMS level of recorded noise in a stream, dB of full scale."""
PAUSE_S = (2.0, 4.0)
"""Range of the seconds from a word's end to the next word's start."""
SPEECH_S = 2.0
"""Seconds of running speech on either side of a word inside it."""
GAP_S = 0.1
"""Most seconds between a word inside running speech and the speech beside it."""


@dataclass(frozen=True)
class Word:
    """A word in a stream; `start` and `end` are in seconds of the stream.

    Attributes:
        keyword: what is said.
        start: where it begins.
        end: where it ends.
        clip: the recording that it comes from, for people.
    """

    keyword: str
    start: float
    end: float
    clip: str = ""


@dataclass(frozen=True)
class Part:
    """A recording in a stream of several; `start` and `end` are in seconds of the stream.

    Attributes:
        name: of the recording, for people.
        start: where it begins.
        end: where it ends.
        offset: seconds of the recording at `start`.
    """

    name: str
    start: float
    end: float
    offset: float = 0.0


@dataclass(frozen=True)
class LabelledStream:
    """A long recording of which everything is known.

    Attributes:
        samples: float32 of shape (n,), mono, in [-1, 1].
        sample_rate: samples per second.
        truth: what is said in it, in order.
        name: for people.
        parts: the recordings that it is put together of, in order, where it is.
    """

    samples: Samples
    sample_rate: int
    truth: tuple[Word, ...]
    name: str = ""
    parts: tuple[Part, ...] = ()

    @property
    def duration(self) -> float:
        """Seconds."""
        return len(self.samples) / self.sample_rate

    @property
    def recorded(self) -> float:
        """Seconds without the silence between the parts."""
        return sum(part.end - part.start for part in self.parts) if self.parts else self.duration


@dataclass(frozen=True)
class Condition:
    """An acoustic condition of words.

    Attributes:
        name: for tables.
        snr_db: level of each word over that of the noise around it; None for no recorded noise.
        room_s: reverberation time (RT60) of the room, seconds; 0 for none.
        in_speech: whether each word stands inside running speech instead of between pauses.
        level_db: of words and noise, dB relative to their own; the white noise stays as it is.
        pause_s: range that the time from a word's end to the next word's start is drawn from;
            inside running speech there is the speech besides.
    """

    name: str
    snr_db: float | None = None
    room_s: float = 0.0
    in_speech: bool = False
    level_db: float = 0.0
    pause_s: tuple[float, float] = PAUSE_S


CLEAN = Condition("clean")


@dataclass(frozen=True)
class _Placed:
    """A clip's samples, the region of them that is the word, and where in the stream it begins."""

    clip: Clip
    samples: Samples
    region: tuple[int, int]
    start: int

    @property
    def end(self) -> int:
        return self.start + self.region[1] - self.region[0]

    @property
    def power(self) -> float:
        return float(np.square(self.samples[slice(*self.region)]).mean())


def build_stream(
    clips: Iterable[Clip],
    *,
    sample_rate: int,
    duration: float | None = None,
    condition: Condition = CLEAN,
    noise: Recordings | None = None,
    speech: Recordings | None = None,
    floor_db: float = -60.0,
    seed: int = 1,
    name: str = "",
) -> LabelledStream:
    """Clips one after the other over low white noise, or over recorded noise.

    Args:
        clips: of words, in the order of the stream.
        sample_rate: of the clips, samples per second.
        duration: seconds of the stream, and clips that do not fit into it are left out; by
            default as long as the clips need.
        condition: of the words.
        noise: where noise comes from, if the condition wants some.
        speech: where speech comes from, if the condition wants some.
        floor_db: RMS level of the white noise, dB of full scale.
        seed: everything drawn depends on it only, and the pauses on nothing else: the same words
            stand in the same places under any condition without running speech.
        name: of the stream, for people.

    Raises:
        AudioFileError: a clip cannot be read or has another sample rate.
        ValueError: the condition wants noise or speech, and there is none.
    """
    layout, floor, sound = np.random.default_rng(seed).spawn(3)
    placed = _place(clips, sample_rate, duration, condition, layout)
    count = (placed[-1].end if placed else 0) + round(AFTER_S * sample_rate)
    if duration is not None:
        count = round(duration * sample_rate)
    samples = floor.standard_normal(count, np.float32) * np.float32(10 ** (floor_db / 20))
    gain = np.float32(10 ** (condition.level_db / 20))
    if condition.snr_db is not None:
        around = _noise(count, noise, sound, sample_rate)
        placed = [_at_snr(each, around, condition.snr_db) for each in placed]
        samples += gain * around
    for each in placed:
        said, start = each.samples, each.start - each.region[0]
        if condition.in_speech:
            said, start = _in_speech(each, speech, sound, sample_rate)
        if condition.room_s:
            # Each word is in a room of its own: how much of its sound comes direct is drawn.
            tail = np.pad(said, (0, round(condition.room_s * sample_rate)))
            said = reverberate(tail, sample_rate, condition.room_s, sound)
        _add(samples, gain * said, start)
    truth = tuple(
        Word(each.clip.word, each.start / sample_rate, each.end / sample_rate, str(each.clip.path))
        for each in placed
    )
    return LabelledStream(np.clip(samples, -1.0, 1.0), sample_rate, truth, name)


def _place(
    clips: Iterable[Clip],
    sample_rate: int,
    duration: float | None,
    condition: Condition,
    draw: np.random.Generator,
) -> list[_Placed]:
    """Draw where words are, as many as fit."""
    latest = inf if duration is None else (duration - AFTER_S) * sample_rate
    beside = 2 * (SPEECH_S + GAP_S) if condition.in_speech else 0.0
    placed: list[_Placed] = []
    end = 0
    for clip in clips:
        samples = read_samples(clip.path, sample_rate)
        pause = draw.uniform(*condition.pause_s) + beside
        word = _Placed(
            clip, samples, active_region(samples, sample_rate), end + round(pause * sample_rate)
        )
        end = word.end
        if end > latest:
            break
        placed.append(word)
    return placed


def _noise(
    count: int, recordings: Recordings | None, draw: np.random.Generator, sample_rate: int
) -> Samples:
    """Ten seconds of each noise after the other, all at one level."""
    if not recordings:
        raise ValueError("there are no recordings of noise")
    step = 10 * sample_rate
    noise = np.concatenate([recordings.whole(step, draw) for _ in range(-(-count // step))])[:count]
    for start in range(0, count, step):
        part = noise[start : start + step]
        part *= 10 ** (NOISE_DB / 20) / max(1e-6, float(np.sqrt(np.square(part).mean())))
    return noise


def _at_snr(word: _Placed, around: Samples, snr_db: float) -> _Placed:
    """The word scaled to stand over the noise around it."""
    wanted = float(np.square(around[word.start : word.end]).mean()) * 10 ** (snr_db / 10)
    gain = np.sqrt(max(wanted, 1e-12) / max(word.power, 1e-12))
    return replace(word, samples=word.samples * np.float32(gain))


def _in_speech(
    word: _Placed, speech: Recordings | None, draw: np.random.Generator, sample_rate: int
) -> tuple[Samples, int]:
    """The word with speech of the same level right before and right after it.

    Returns:
        Samples, and the place in the stream of the first of them.
    """
    if not speech:
        raise ValueError("there are no recordings of speech")
    length = round(SPEECH_S * sample_rate)
    before, after = (round(draw.uniform(0.0, GAP_S) * sample_rate) for _ in range(2))
    start = word.start - before - length
    said = np.zeros(word.end + after + length - start, np.float32)
    _add(said, word.samples, word.start - word.region[0] - start)
    for place in (0, len(said) - length):
        part = speech.whole(length, draw)
        gain = np.sqrt(word.power / max(1e-12, float(np.square(part).mean())))
        _add(said, part * np.float32(gain), place)
    return said, start


def _add(stream: Samples, clip: Samples, offset: int) -> None:
    """Add a clip to the stream from sample `offset` on, where there is room for it."""
    first, last = max(0, -offset), min(len(clip), len(stream) - offset)
    if last > first:
        stream[offset + first : offset + last] += clip[first:last]
