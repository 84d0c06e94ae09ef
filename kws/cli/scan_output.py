"""Where `kws scan` writes detections: standard output, or a file, which can be continued.

Beside the file lies its progress, `FILE.progress`: a first line with what the scan depends on, then
a line for each recording that is done, with the length of the file after its detections. What comes
after the last such length belongs to a recording that was interrupted, and is processed again.
"""

import csv
import io
import os
import stat
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, BinaryIO, Protocol

import msgspec

from kws.errors import ConfigError
from kws.printing import print_text
from kws.protocol.events import Detected, scan_line
from kws.text import escaped, escaped_path

PROGRESS_SUFFIX = ".progress"
_OTHERS = {
    "format": "another --format",
    "model": "another model",
    "settings": "other settings (model.hop_s, detection, trigger or keywords)",
}
"""What an earlier scan had, by the key of what it depends on."""
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What begins a formula in a spreadsheet."""
Formatter = Callable[[str, Detected], str]


class Output(Protocol):
    """Takes detections, recording by recording."""

    def is_done(self, path: Path) -> bool:
        """Whether an earlier scan has processed the recording as it is now."""
        ...

    def write(self, path: Path, detected: Detected) -> None:
        """Write one detection."""
        ...

    def finish(self, path: Path, error: str | None) -> None:
        """All detections of a recording have been written; `error`: why there are no more."""
        ...

    def error_of(self, path: Path) -> str | None:
        """Why a recording that is done could not be read to its end."""
        ...

    def close(self) -> None:
        """Nothing more comes."""
        ...


def csv_line(*cells: object) -> str:
    """A line of a table, its text escaped."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(map(_cell, cells))
    return text.getvalue()


def _cell(value: object) -> object:
    """A value as a cell; text that a spreadsheet would compute gets an apostrophe before it."""
    if not isinstance(value, str):
        return value
    return f"'{escaped_path(value)}" if value.startswith(_FORMULA) else escaped_path(value)


def _csv(file: str, detected: Detected) -> str:
    fields = detected.fields()
    return csv_line(file, fields["t"], fields["keyword"], fields["confidence"])


def _audacity(_: str, detected: Detected) -> str:
    t = f"{detected.t:.3f}"
    return f"{t}\t{t}\t{escaped(detected.keyword)} {detected.confidence:.2f}\n"


def _json_lines(file: str, detected: Detected) -> str:
    return scan_line(file, detected) + "\n"


FORMATS: Mapping[str, tuple[str, Formatter]] = {
    "jsonl": ("", _json_lines),
    "csv": (csv_line("file", "t", "keyword", "confidence"), _csv),
    "audacity": ("", _audacity),
}
"""What comes first, and what a detection becomes, by the format's name."""


class StandardOutput:
    """Detections as they come."""

    def __init__(self, format_name: str) -> None:
        begin, self._formatter = FORMATS[format_name]
        print_text(begin)

    def is_done(self, path: Path) -> bool:
        """There is no earlier scan."""
        return False

    def write(self, path: Path, detected: Detected) -> None:
        """Print one detection; raises `kws.errors.OutputError`."""
        print_text(self._formatter(str(path), detected))

    def finish(self, path: Path, error: str | None) -> None:
        """Nothing to do."""

    def error_of(self, path: Path) -> str | None:
        """There is no earlier scan."""
        return None

    def close(self) -> None:
        """Nothing to do: it belongs to the process."""


class FileOutput:
    """Detections in a file, and which recordings are done.

    Args:
        path: of the file.
        format_name: key of `FORMATS`.
        depends_on: what detections depend on beside the recordings: an earlier scan with anything
            else is not continued.
        resume: continue where an earlier scan was interrupted; otherwise the file must not exist.

    Raises:
        ConfigError: the file exists, belongs to another scan, or cannot be written.
    """

    def __init__(
        self, path: Path, format_name: str, depends_on: Mapping[str, Any], *, resume: bool
    ) -> None:
        begin, self._formatter = FORMATS[format_name]
        self._path, self._progress_path = path, path.with_name(path.name + PROGRESS_SUFFIX)
        self._done: dict[str, Mapping[str, Any]] = {}
        self._whole = 0
        head = {"format": format_name, **depends_on}
        try:
            if resume and self._progress_path.exists():
                if not path.exists():
                    raise ConfigError(
                        f"--output {path}: is missing, but {self._progress_path} of its scan is "
                        "there; remove that to start over"
                    )
                end = self._read_progress(head)
                self._file: BinaryIO = path.open("r+b")
                self._file.truncate(end)
                self._file.seek(end)
                self._progress: BinaryIO = self._progress_path.open("r+b")
                self._progress.seek(self._whole)
                self._progress.truncate()
                return
            if path.exists():
                raise ConfigError(f"--output {path}: exists; {self._instead(resume=resume)}")
            self._file = path.open("xb")
            self._progress = self._progress_path.open("wb")
            self._append(self._file, begin.encode())
            line = msgspec.json.encode({"end": self._file.tell(), **head})
            self._append(self._progress, line + b"\n")
        except OSError as error:
            raise self._unwritable(error) from error

    def is_done(self, path: Path) -> bool:
        """Whether an earlier scan has processed the recording as it is now."""
        done = self._done.get(str(path))
        identity = _identity(path)
        return bool(identity) and done is not None and done == {**done, **identity}

    def write(self, path: Path, detected: Detected) -> None:
        """Write one detection.

        Raises:
            ConfigError: the file cannot be written, as on a full disk.
        """
        line = self._formatter(str(path), detected).encode(errors="surrogateescape")
        try:
            self._file.write(line)
        except OSError as error:
            raise self._unwritable(error) from error

    def error_of(self, path: Path) -> str | None:
        """Why a recording that is done could not be read to its end."""
        error = self._done[str(path)]["error"]
        return None if error is None else str(error)

    def finish(self, path: Path, error: str | None) -> None:
        """Note that a recording is done, once its detections are on the disk.

        Raises:
            ConfigError: as `write`.
        """
        try:
            self._append(self._file)
            line = {"file": str(path), **_identity(path), "error": error, "end": self._file.tell()}
            encoded = (msgspec.json.encode(line) + b"\n") if _is_text(path) else b""
            self._append(self._progress, encoded)
        except OSError as problem:
            raise self._unwritable(problem) from problem

    def close(self) -> None:
        """Close the files; what was interrupted is processed again."""
        self._file.close()
        self._progress.close()

    def _append(self, file: BinaryIO, data: bytes = b"") -> None:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())

    def _read_progress(self, head: Mapping[str, Any]) -> int:
        """Length of the file after the last recording that is done."""
        content = self._progress_path.read_bytes()
        self._whole = content.rfind(b"\n") + 1  # the last line may be torn
        lines = content[: self._whole].splitlines()
        try:
            begin, *done = [msgspec.json.decode(line, type=dict[str, Any]) for line in lines]
            end = begin.pop("end")
            for each in done:
                self._done[each.pop("file")] = each
                end = max(end, each.pop("end"))
            length = self._path.stat().st_size
        except (msgspec.MsgspecError, ValueError, KeyError, TypeError) as error:
            raise ConfigError(
                f"{self._progress_path}: is damaged; start over with another --output"
            ) from error
        if begin != head:
            changed = " and ".join(_OTHERS[key] for key in head if begin.get(key) != head[key])
            raise ConfigError(
                f"--output {self._path}: its scan had {changed or _OTHERS['settings']}; start over "
                "with another --output"
            )
        if length < end:
            raise ConfigError(
                f"--output {self._path}: is shorter than its scan left it; start over with another "
                "--output"
            )
        return int(end)

    def _instead(self, *, resume: bool) -> str:
        """What to do about a file that exists and cannot be continued by these arguments."""
        if self._progress_path.exists():
            return "name another file, or continue with it: --resume"
        if resume:
            return f"{self._progress_path}, which --resume needs, is missing; name another file"
        return "name another file"

    def _unwritable(self, error: OSError) -> ConfigError:
        return ConfigError(f"--output {self._path}: cannot be written: {error.strerror}")


def _identity(path: Path) -> dict[str, int]:
    """What changes when a recording does; nothing of one that is no file."""
    try:
        status = path.stat()
    except OSError:
        return {}
    if not stat.S_ISREG(status.st_mode):
        return {}
    return {"size": status.st_size, "changed_ns": status.st_mtime_ns}


def _is_text(path: Path) -> bool:
    """Whether a name can be written as JSON; one that cannot is processed again."""
    try:
        str(path).encode()
    except UnicodeEncodeError:
        return False
    return True
