"""Which files in a folder are recordings: one rule for `kws scan` and for training."""

from collections.abc import Iterator, Sequence
from pathlib import Path

SUFFIXES = frozenset(
    (
        *(".wav", ".wave", ".rf64", ".bwf", ".w64", ".flac", ".mp3", ".ogg", ".oga", ".opus"),
        *(".aif", ".aifc", ".aiff", ".au", ".caf", ".snd", ".voc"),
        *(".m4a", ".m4b", ".mp4", ".aac", ".webm", ".mka", ".3gp", ".3g2", ".amr", ".awb", ".wma"),
    )
)
"""Endings of recordings, in any case; a file that is named is read whatever its ending."""


def recordings_in(folder: Path, patterns: Sequence[str] = ()) -> Iterator[Path]:
    """The recordings in a folder and the folders in it, in the order of their paths.

    Hidden files and folders are none: macOS leaves a "._x.wav" beside each file on foreign disks.

    Args:
        folder: where to look.
        patterns: take the files whose path, or the end of it, matches one of these ("*.wav",
            "2024-*/*"), whatever their ending.

    Raises:
        OSError: the folder cannot be read.
    """
    for path in sorted(folder.rglob("*")):
        inside = path.relative_to(folder)
        if any(part.startswith(".") for part in inside.parts):
            continue
        if patterns:
            wanted = any(inside.match(pattern) for pattern in patterns)
        else:
            wanted = path.suffix.lower() in SUFFIXES
        if wanted and not path.is_dir():
            yield path
