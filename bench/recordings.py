"""The recordings that benches play: made of the bundled demo, or of clips."""

import json
from collections.abc import Sequence
from itertools import cycle
from pathlib import Path

import numpy as np
import soundfile
import soxr

from kws.audio.file import demo_recording
from kws.errors import AudioFileError, ConfigError
from kws.typing import Samples
from train.data.clips import of_split, word_clips
from train.measure.labelled_streams import LabelledStream, Word, build_stream

RATE = 16_000
FLOOR_DB = -60.0
"""RMS level of the white noise between words, dB of full scale."""
_EDGE_S = 0.05
"""Seconds of the demo that are kept on either side of a word."""


def demo(keywords: Sequence[str] | None = None) -> LabelledStream:
    """The bundled demo recording, with the given keywords as its truth; all by default."""
    samples, rate = soundfile.read(demo_recording(), dtype="float32")
    truth = tuple(
        Word(word["word"], word["start"], word["end"])
        for word in json.loads(demo_recording().with_suffix(".json").read_text())["words"]
        if keywords is None or word["word"] in keywords
    )
    return LabelledStream(samples, rate, truth)


def repeated(stream: LabelledStream, duration: float) -> LabelledStream:
    """A stream again and again, whole, for about `duration` seconds and at least once."""
    rounds = max(1, round(duration / stream.duration))
    truth = tuple(
        Word(word.keyword, word.start + turn * stream.duration, word.end + turn * stream.duration)
        for turn in range(rounds)
        for word in stream.truth
    )
    return LabelledStream(np.tile(stream.samples, rounds), stream.sample_rate, truth)


def words_between_pauses(
    count: int, *, pause_s: tuple[float, float] = (1.2, 1.8), seed: int = 1
) -> LabelledStream:
    """The demo's words, one after the other over low white noise.

    Args:
        count: words.
        pause_s: range of the seconds between two words; drawn, so that words end anywhere in a
            hop.
        seed: of all that is drawn.
    """
    source = demo()
    rate = source.sample_rate
    draw = np.random.default_rng(seed)
    edge = round(_EDGE_S * rate)
    parts: list[Samples] = []
    truth: list[Word] = []
    length = 0
    for index in range(count):
        word = source.truth[index % len(source.truth)]
        pause = round(draw.uniform(*pause_s) * rate)
        first, last = round(word.start * rate), round(word.end * rate)
        spoken = source.samples[first - edge : last + edge]
        parts += [np.zeros(pause, np.float32), spoken]
        start = length + pause + edge
        truth.append(Word(word.keyword, start / rate, (start + last - first) / rate))
        length += pause + len(spoken)
    parts.append(np.zeros(round(pause_s[1] * rate), np.float32))
    samples = np.concatenate(parts)
    noise = draw.standard_normal(len(samples), np.float32) * np.float32(10 ** (FLOOR_DB / 20))
    return LabelledStream(samples + noise, rate, tuple(truth))


def clips(
    folder: Path, keywords: Sequence[str], sample_rate: int, duration: float, seed: int = 1
) -> LabelledStream:
    """A stream of the keywords' validation clips in random order, again when all have been used.

    Raises:
        ConfigError: the folder holds none.
        AudioFileError: a clip cannot be read.
    """
    found = [clip for clip in of_split(word_clips(folder), "validation") if clip.word in keywords]
    if not found:
        raise ConfigError(f"--data {folder}: no validation clips of: {', '.join(keywords)}")
    order = np.random.default_rng(seed).permutation(len(found))
    return build_stream(
        cycle([found[index] for index in order]),
        sample_rate=sample_rate,
        duration=duration,
        seed=seed,
    )


def read(path: Path, rate: int = RATE) -> Samples:
    """A recording as float32 of shape (n,), mono, at `rate`.

    Raises:
        AudioFileError: it cannot be read.
    """
    try:
        samples, own = soundfile.read(path, dtype="float32", always_2d=True)
    except (OSError, soundfile.LibsndfileError) as error:
        raise AudioFileError(f"{path}: cannot be read as a recording: {error}") from error
    mono: Samples = soxr.resample(samples.mean(axis=1), own, rate)
    return mono


def pcm(samples: Samples) -> bytes:
    """Samples in [-1, 1] as signed 16-bit little-endian bytes."""
    data: bytes = np.rint(samples.clip(-1, 1) * 32_767).astype("<i2").tobytes()
    return data
