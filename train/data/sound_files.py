"""What can be said of a sound file without reading its sound: how long it is, if it is whole."""

from contextlib import closing
from pathlib import Path

from kws.audio.decode import open_audio
from kws.audio.readers import AudioReader, blocks
from kws.errors import AudioFileError

SHORTEST_S = 0.03
"""Seconds; what is shorter holds no frame of the front end, so no input for a model."""


def sound_length(path: Path, sample_rate: int) -> int:
    """Samples in a file at a rate, by its header where that says it.

    Raises:
        AudioFileError: the file is no sound, cut short, empty or cannot be opened.
    """
    with closing(open_audio(path)) as reader:
        if reader.cut_short:
            raise AudioFileError(f"{path}: is cut short: some of its sound is missing")
        count = resampled_length(_frames(reader), reader.format.sample_rate, sample_rate)
    if count < SHORTEST_S * sample_rate:
        raise AudioFileError(f"{path}: is too short: {count} samples at {sample_rate} Hz")
    return count


def resampled_length(frames: int, own_rate: int, sample_rate: int) -> int:
    """Samples that frames become at another rate."""
    return round(frames * sample_rate / own_rate)


def _frames(reader: AudioReader) -> int:
    if reader.frames is not None:
        return reader.frames
    return sum(map(len, blocks(reader, reader.format.sample_rate)))
