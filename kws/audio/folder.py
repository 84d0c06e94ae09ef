"""Which files in a folder are recordings: one rule for `kws scan` and for training."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from kws.errors import AudioFileError

SUFFIXES = frozenset(
    (
        *(".wav", ".wave", ".rf64", ".bwf", ".w64", ".flac", ".mp3", ".ogg", ".oga", ".opus"),
        *(".aif", ".aifc", ".aiff", ".au", ".caf", ".snd", ".voc"),
        *(".m4a", ".m4b", ".mp4", ".aac", ".webm", ".mka", ".3gp", ".3g2", ".amr", ".awb", ".wma"),
    )
)
"""Endings of recordings, in any case; a file that is named is read whatever its ending."""


def recordings_in(folder: Path, patterns: Sequence[str] = ()) -> list[Path]:
    """The recordings in a folder and the folders in it, in the order of their paths.

    Args:
        folder: where to look.
        patterns: take the files whose path, or the end of it, matches one of these ("*.wav",
            "2024-*/*"), whatever their ending.

    Raises:
        AudioFileError: a folder cannot be read.
    """
    if not patterns:
        return [path for path in files_in(folder) if is_recording(path)]
    found = files_in(folder)
    return [
        path for path in found if any(path.relative_to(folder).match(each) for each in patterns)
    ]


def files_in(folder: Path) -> list[Path]:
    """The files in a folder and the folders in it, in the order of their paths, but no hidden ones.

    macOS leaves a "._x.wav" beside each file on foreign disks.

    Raises:
        AudioFileError: a folder cannot be read.
    """
    found = []
    for parent, folders, names in os.walk(folder, onerror=_unreadable):
        folders[:] = [each for each in folders if not each.startswith(".")]
        found += [Path(parent, name) for name in names if not name.startswith(".")]
    return sorted(found)


def is_recording(path: Path) -> bool:
    """Whether a file is one by its ending."""
    return path.suffix.lower() in SUFFIXES


def _unreadable(error: OSError) -> NoReturn:
    raise AudioFileError(f"{error.filename}: cannot be read: {error.strerror}") from error
