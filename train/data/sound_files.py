"""What can be said of a sound file without reading its sound: how long it is, if it is whole."""

from pathlib import Path
from typing import BinaryIO

import soundfile

from kws.errors import AudioFileError

SHORTEST_S = 0.03
"""Seconds; what is shorter holds no frame of the front end, so no input for a model."""
_UNKNOWN_SIZES = (0, 0xFFFFFFFF)
"""What programs that write into a pipe say of a size that they cannot know."""


def sound_length(path: Path, sample_rate: int) -> int:
    """Samples in a file, by its header.

    Raises:
        AudioFileError: the file is no sound, cut short, empty, cannot be opened or has another
            sample rate.
    """
    try:
        with path.open("rb") as file:
            missing = _missing_bytes(file)
        info = soundfile.info(path)
    except OSError as error:
        raise AudioFileError(f"{path}: cannot be read: {error.strerror}") from error
    except soundfile.LibsndfileError as error:
        raise AudioFileError(f"{path}: cannot be read: {error.error_string}") from error
    if info.samplerate != sample_rate:
        raise AudioFileError(f"{path}: {info.samplerate} Hz, but {sample_rate} Hz are wanted")
    if missing:
        raise AudioFileError(f"{path}: is cut short: {missing} bytes of its sound are missing")
    if info.frames < SHORTEST_S * sample_rate:
        raise AudioFileError(f"{path}: is too short: {info.frames} samples")
    return int(info.frames)


def _missing_bytes(file: BinaryIO) -> int:
    """By how many bytes a WAV file is shorter than it says; libsndfile keeps quiet about that."""
    head = file.read(12)
    if (head[:4], head[8:]) != (b"RIFF", b"WAVE"):
        return 0
    while len(header := file.read(8)) == 8:
        size = int.from_bytes(header[4:], "little")
        here = file.tell()
        if header[:4] == b"data":
            there = file.seek(0, 2) - here
            return 0 if size in _UNKNOWN_SIZES else max(0, size - there)
        file.seek(here + size + size % 2)
    return 0
