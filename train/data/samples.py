"""Samples of a recording, and where in them the sound is."""

import math
from contextlib import closing
from pathlib import Path

import numpy as np
import numpy.typing as npt

from kws.audio.decode import open_audio
from kws.audio.readers import AudioReader, blocks
from kws.audio.resample import MonoResampler
from kws.errors import AudioFileError
from kws.typing import Frames, Samples
from train.data.sound_files import resampled_length

_MARGIN_S = 0.05
"""Of a recording of another rate, so much before a place is resampled with it."""


def read_samples(path: Path, sample_rate: int, start: int = 0, count: int = -1) -> Samples:
    """Mono float32 samples of a file at a rate, or `count` of them from `start`.

    Another rate is resampled, as the daemon does.

    Raises:
        AudioFileError: the file is damaged, missing, or has samples that are no numbers.
    """
    with closing(open_audio(path)) as reader:
        own = reader.format.sample_rate
        if own == sample_rate:
            mono = _read(reader, start, count).mean(axis=1)
        else:
            mono = _resampled(reader, sample_rate, start, count)
    if not np.isfinite(mono).all():
        raise AudioFileError(f"{path}: holds samples that are no finite numbers")
    return np.asarray(mono, np.float32)


def _resampled(reader: AudioReader, sample_rate: int, start: int, count: int) -> Samples:
    """`count` samples from `start`, both at another rate than the recording's own."""
    own = reader.format.sample_rate
    # Places that both rates share; from one of them on, a margin before what is wanted.
    shared = math.gcd(own, sample_rate)
    margin = -(-_MARGIN_S * sample_rate // (sample_rate // shared))
    unit = max(0, start // (sample_rate // shared) - int(margin))
    first, drop = unit * own // shared, start - unit * sample_rate // shared
    wanted = (
        -1 if count < 0 else math.ceil((drop + count) * own / sample_rate) + round(_MARGIN_S * own)
    )
    frames = _read(reader, first, wanted)
    if not np.isfinite(frames).all():
        return np.full(1, np.nan, np.float32)
    resampler = MonoResampler(own, sample_rate, reader.name)
    samples = np.concatenate((resampler.push(frames), resampler.flush()))
    samples = samples[: resampled_length(len(frames), own, sample_rate)]
    return samples[drop:] if count < 0 else samples[drop : drop + count]


def _read(reader: AudioReader, start: int, count: int) -> Frames:
    """`count` frames from `start`, or all from there; float32 of shape (n, channels)."""
    if reader.frames is None:  # what can only be read from its beginning
        frames = np.concatenate(list(blocks(reader, reader.format.sample_rate)))
        return frames[start:] if count < 0 else frames[start : start + count]
    if start:
        reader.seek(start)
    most = max(0, reader.frames - start) if count < 0 else count
    parts = [np.empty((0, reader.format.channels), np.float32)]
    while most and len(part := reader.read(most)):
        parts.append(part)
        most -= len(part)
    return np.concatenate(parts) if len(parts) != 2 else parts[1]


def active_region(samples: Samples, sample_rate: int) -> tuple[int, int]:
    """Where the word is: from the first to the last loud frame of 10 ms.

    Args:
        samples: float32 of shape (n,).
        sample_rate: samples per second.

    Returns:
        First sample and the sample after the last; all of the clip where nothing stands out.
    """
    step = sample_rate // 100
    count = len(samples) // step
    if not count:
        return 0, len(samples)
    frames = samples[: count * step].reshape(count, step)
    power = np.einsum("ij,ij->i", frames, frames) / step + 1e-10
    first, last = loud_span(10 * np.log10(power))
    return (0, len(samples)) if (first, last) == (0, count) else (first * step, last * step)


def loud_span(level_db: npt.NDArray[np.floating]) -> tuple[int, int]:
    """First loud frame and the frame after the last; all of them where nothing stands out.

    Loud is less than 25 dB below the loudest frame and 6 dB above the quietest tenth.

    Args:
        level_db: level of each frame, dB, shape (n,).
    """
    quiet = np.partition(level_db, len(level_db) // 10)[len(level_db) // 10]
    loud = np.flatnonzero(level_db > max(level_db.max() - 25, quiet + 6))
    if not loud.size:
        return 0, len(level_db)
    return int(loud[0]), int(loud[-1]) + 1
