"""Whether the daemon is muted, in a file: it survives a restart."""

import contextlib
import logging
import os
from pathlib import Path

import msgspec
from msgspec import Struct

from kws.typing import MuteState

log = logging.getLogger(__name__)

NAME = "muted.json"


class _Content(Struct, frozen=True):
    """What the file says.

    Attributes:
        seconds: for how long the daemon was muted, at the time of writing; None: without end.
        until: when that ends: seconds since 1970; None: not by itself.
    """

    seconds: float | None = None
    until: float | None = None


class MuteFile:
    """The file; where there is none, the daemon is not muted.

    Args:
        folder: where it lies, made when it is written; None: there is none, and nothing is kept.
    """

    def __init__(self, folder: Path | None) -> None:
        self._path = None if folder is None else folder / NAME

    def read(self, now: float) -> MuteState:
        """Whether the daemon was muted, and still is to be.

        What cannot be read counts as muted: somebody has wanted that nobody listens.

        Args:
            now: seconds since 1970.
        """
        if self._path is None:
            return MuteState(muted=False)
        try:
            content = msgspec.json.decode(self._path.read_bytes(), type=_Content)
        except (FileNotFoundError, NotADirectoryError):
            return MuteState(muted=False)
        except (OSError, msgspec.MsgspecError) as error:
            log.warning("%s: cannot be read, so the daemon stays muted: %s", self._path, error)
            return MuteState(muted=True)
        if content.until is None or content.seconds is None:
            return MuteState(muted=True)
        # A clock that was set back must not make it longer.
        left = min(content.until - now, content.seconds)
        return MuteState(muted=True, seconds_left=left) if left > 0 else MuteState(muted=False)

    def write(self, state: MuteState, now: float) -> bool:
        """Keep a state, all of it or as it was before; false, and logged, where that fails.

        Args:
            state: to keep.
            now: seconds since 1970.
        """
        if self._path is None:
            log.warning("state.folder: there is none here, so a restart will unmute the daemon")
            return False
        try:
            if state.muted:
                left = state.seconds_left
                content = _Content(left, None if left is None else now + left)
                _replace(self._path, msgspec.json.encode(content))
            else:
                self._path.unlink(missing_ok=True)
        except OSError as error:
            now_it = "unmute" if state.muted else "mute"
            log.warning(
                "%s: cannot be written: %s (state.folder): a restart will %s the daemon",
                *(self._path, error.strerror, now_it),
            )
            return False
        return True


def _replace(path: Path, content: bytes) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}.partial")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(descriptor)
    partial.replace(path)
    # Some file systems cannot do so for a folder.
    with contextlib.suppress(OSError):
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
