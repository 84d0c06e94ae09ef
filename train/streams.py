"""How well words are heard in a stream: one is built from clips, and what was heard is scored.

Clips told apart say little about a stream, in which every tenth of a second is a decision.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from kws.arrays import Samples
from kws.spotting.spotter import Detection
from train.clips import Clip, active_region, read_samples

PATIENCE_S = 1.0
"""Seconds after a word's end in which it may still be detected."""
FALSE_ALARM_S = 1.0
"""Seconds after a counted false alarm in which no other is counted."""


@dataclass(frozen=True)
class Word:
    """A word in a stream; `start` and `end` are in seconds of the stream."""

    keyword: str
    start: float
    end: float


@dataclass(frozen=True)
class Stream:
    """A long recording of which everything is known.

    Attributes:
        samples: float32 of shape (n,), mono, in [-1, 1].
        sample_rate: samples per second.
        truth: what is said in it, in order.
    """

    samples: Samples
    sample_rate: int
    truth: tuple[Word, ...]

    @property
    def duration(self) -> float:
        """Seconds."""
        return len(self.samples) / self.sample_rate


@dataclass(frozen=True)
class StreamScore:
    """What was heard of what was said.

    Attributes:
        hits: words that were detected.
        misses: words that were not.
        false_alarms: detections of what was not said, at most one per second.
        repeats: further detections of words that had been detected; neither hits nor false alarms.
        delays: of each hit, seconds from the word's end to its detection; negative where the word
            was recognised before it had ended.
        duration: of the stream, seconds.
    """

    hits: int
    misses: int
    false_alarms: int
    repeats: int
    delays: tuple[float, ...]
    duration: float

    @property
    def false_alarms_per_hour(self) -> float:
        """Rate of false alarms; with none in T hours its 95 % upper bound is 3 / T."""
        return self.false_alarms * 3600 / self.duration


def build_stream(
    clips: Iterable[Clip],
    *,
    sample_rate: int,
    duration: float,
    pause_s: tuple[float, float] = (2.0, 4.0),
    noise_db: float = -60.0,
    seed: int = 1,
) -> Stream:
    """Clips one after the other over low white noise.

    Args:
        clips: of words, in the order in which they are to be heard.
        sample_rate: of the clips, samples per second.
        duration: seconds of the stream; clips that do not fit into it are left out.
        pause_s: range that the time from a word's end to the next word's start is drawn from.
        noise_db: RMS level of the noise, dB of full scale.
        seed: pauses and noise depend on it only.

    Raises:
        AudioFileError: a clip cannot be read or has another sample rate.
    """
    draw = np.random.default_rng(seed)
    samples = draw.standard_normal(round(duration * sample_rate), np.float32)
    samples *= np.float32(10 ** (noise_db / 20))
    truth: list[Word] = []
    end = 0
    for clip in clips:
        recorded = read_samples(clip.path, sample_rate)
        first, last = active_region(recorded, sample_rate)
        start = end + round(draw.uniform(*pause_s) * sample_rate)
        end = start + last - first
        # Room behind the last word, so that it can still be detected.
        if end + PATIENCE_S * sample_rate > len(samples):
            break
        _add(samples, recorded, start - first)
        truth.append(Word(clip.word, start / sample_rate, end / sample_rate))
    return Stream(np.clip(samples, -1.0, 1.0), sample_rate, tuple(truth))


def score(detections: Iterable[Detection], truth: Sequence[Word], duration: float) -> StreamScore:
    """Score detections by the rule of MLPerf Tiny's streaming wake word benchmark.

    A detection of the word between its start and one second after its end is a hit; a word
    without one is a miss; any other detection is a false alarm, counted at most once per second.

    Args:
        detections: what was heard.
        truth: what should have been heard.
        duration: of the stream, seconds.
    """
    delays: dict[Word, float] = {}
    false_alarms = repeats = 0
    quiet_until = -np.inf
    for detection in sorted(detections, key=lambda each: each.t):
        meant = [
            word
            for word in truth
            if word.keyword == detection.keyword
            and word.start <= detection.t <= word.end + PATIENCE_S
        ]
        # Of several words the one whose time is up first: so as many as possible are hit.
        missing = min(
            (word for word in meant if word not in delays), key=lambda word: word.end, default=None
        )
        if missing is not None:
            delays[missing] = detection.t - missing.end
        elif meant:
            repeats += 1
        elif detection.t >= quiet_until:
            false_alarms += 1
            quiet_until = detection.t + FALSE_ALARM_S
    return StreamScore(
        hits=len(delays),
        misses=len(truth) - len(delays),
        false_alarms=false_alarms,
        repeats=repeats,
        delays=tuple(delays.values()),
        duration=duration,
    )


def _add(stream: Samples, clip: Samples, offset: int) -> None:
    """Add a clip to the stream from sample `offset` on, where there is room for it."""
    first, last = max(0, -offset), min(len(clip), len(stream) - offset)
    stream[offset + first : offset + last] += clip[first:last]
