"""Gets Speech Commands: downloads its archive, checks it and unpacks it."""

import gzip
import hashlib
import logging
import re
import shutil
import tarfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from email.message import Message
from http.client import HTTPException, HTTPResponse, InvalidURL
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from tqdm import tqdm

from kws.errors import AudioFileError, ConfigError, ServerError

log = logging.getLogger(__name__)

ADDRESS = "http://download.tensorflow.org/data/speech_commands_{version}.tar.gz"
SHA256 = {
    "v0.01": "743935421bb51cccdb6bdd152e04c5c70274e935c82119ad7faeec31780d811d",
    "v0.02": "af14739ee7dc311471de98f5f9d2c9191b18aedfe957f4a6ff791c709868ff58",
}
"""Of the archive of each version, as torchaudio has them."""
_UNPACKED_SHARE = 1.5  # bytes on disk for each of the archive; about 1.43 in both versions
_RECORDINGS = "*/*.wav"
_CHUNK, _DISK_BLOCK = 1 << 16, 4_096  # bytes


@dataclass(frozen=True)
class DownloadConfig:
    """What to get and where from.

    Attributes:
        folder: gets `speech_commands/<word>/*.wav`; made where it is missing.
        version: of Speech Commands.
        url: of a mirror, http or https; the official address by default.
        sha256: of the archive, 64 hex digits; by default the version's own, for a mirror too.
        attempts: connections in a row that may bring nothing new.
        pause: seconds before the second attempt; each further pause is twice as long.
        timeout: seconds of silence after which a connection counts as cut.
        size_limit: bytes that the archive may take, and its recordings.
    """

    folder: Path
    version: str = "v0.02"
    url: str = ""
    sha256: str = ""
    attempts: int = 5
    pause: float = 1.0
    timeout: float = 30.0
    size_limit: int = 8_000_000_000


def download(config: DownloadConfig) -> Path:
    """Download, check and unpack, going on where an earlier call stopped.

    Returns:
        The folder that holds `<word>/*.wav`; where there was one already, it is left alone.

    Raises:
        ConfigError: a setting cannot be, or the folder cannot be written or has no room.
        ServerError: the server cannot be reached, refuses, or breaks off time and again.
        AudioFileError: the archive is not the expected one, damaged, or not safe to unpack.
    """
    transfer = _Transfer(config)
    result = config.folder / "speech_commands"
    try:
        if any(result.glob(_RECORDINGS)):
            log.info("%s: already there, and left alone; remove it to get it anew", result)
            return result
        if result.is_file() or (result.is_dir() and any(result.iterdir())):
            raise ConfigError(f"{result}: is in the way, without <word>/*.wav; move it elsewhere")
        config.folder.mkdir(parents=True, exist_ok=True)
        archive = transfer.whole_archive()
        _unpack(archive, result, config.size_limit)
        archive.unlink()
    except OSError as error:
        raise ConfigError(
            f"{error.filename or config.folder}: cannot be written: {error.strerror or error}; "
            "mend that and try again (what has come is kept), or choose another folder"
        ) from error
    log.info("%s: all recordings are there", result)
    return result


class _BrokenError(Exception):
    """This attempt failed; another may not."""


class _Transfer:
    """An archive on its way into a folder."""

    def __init__(self, config: DownloadConfig) -> None:
        if config.version not in SHA256:
            raise ConfigError(f"version {config.version!r}: there are {' and '.join(SHA256)}")
        self.config = config
        self.url = config.url or ADDRESS.format(version=config.version)
        if not re.match("https?://[^/]", self.url, re.IGNORECASE):
            raise ConfigError(f"{self.url}: no address; it has to start with http:// or https://")
        self.sha256 = config.sha256.lower() or SHA256[config.version]
        if not re.fullmatch("[0-9a-f]{64}", self.sha256):
            raise ConfigError(f"{config.sha256!r}: no SHA-256; that has 64 hex digits")
        self.archive = config.folder / f"speech_commands_{config.version}.tar.gz"
        self.partial = self.archive.with_name(f"{self.archive.name}.partial")
        # What the server calls this state of its file: it can then say whether that has changed.
        self.validator = self.archive.with_name(f"{self.archive.name}.validator")

    def whole_archive(self) -> Path:
        """The archive with the right checksum: one that is there already, or a new one."""
        if self.archive.is_file():
            if _digest(self.archive) == self.sha256:
                return self.archive
            log.warning("%s: not the archive that is wanted; getting it anew", self.archive)
            self.archive.unlink()
        self._receive_all()
        digest = _digest(self.partial)
        self.validator.unlink(missing_ok=True)
        if digest != self.sha256:
            found = f"wrong checksum {digest} of {self._size()} bytes, which are removed"
            self.partial.unlink()
            raise AudioFileError(f"{self.url}: {found}; try again, or give another --sha256")
        return self.partial.replace(self.archive)

    def _size(self) -> int:
        return self.partial.stat().st_size if self.partial.exists() else 0

    def _receive_all(self) -> None:
        failures, most = 0, self._size()
        while True:
            try:
                return self._receive()
            except _BrokenError as error:
                # Compared with the most there ever was: who starts anew each time gets nowhere.
                failures = 1 if self._size() > most else failures + 1
                most = max(most, self._size())
                if failures >= self.config.attempts:
                    raise ServerError(
                        f"{self.url}: {error}; attempt {failures} without success, giving up: "
                        "check the connection and try again (what has come is kept)"
                    ) from error
                pause = self.config.pause * 2 ** (failures - 1)
                log.warning("%s: %s; trying again in %g s", self.url, error, pause)
            time.sleep(pause)

    def _receive(self) -> None:
        """Ask for what is missing and append what comes."""
        start = self._size()
        with self._answer(start) as response:
            content_range = response.headers.get("Content-Range", "")
            rest = response.status == 206 and content_range.startswith(f"bytes {start}-")
            whole = response.status == 416 and _digest(self.partial) == self.sha256
            if not rest and not whole:
                self.partial.unlink(missing_ok=True)
                if response.status in (206, 416):
                    raise _BrokenError(f"the server has not the rest from byte {start} on")
                self.validator.write_text(_validator(response.headers), "ascii")
                start = 0
            if not whole:
                self._append(response, start)

    def _answer(self, start: int) -> HTTPResponse | HTTPError:
        """The answer to a request for what is from byte `start` on."""
        try:
            request = Request(self.url, headers={"User-Agent": "kws"})
            if start:
                request.add_header("Range", f"bytes={start}-")
                if self.validator.exists() and (validator := self.validator.read_text("ascii")):
                    request.add_header("If-Range", validator)
            response: HTTPResponse = urlopen(request, timeout=self.config.timeout)
        except HTTPError as error:
            if error.code == 416 and start:
                return error
            error.close()
            answer = f"the server answers {error.code} {error.reason}"
            if error.code in (408, 429) or error.code >= 500:
                raise _BrokenError(answer) from error
            raise ServerError(f"{self.url}: {answer}; try another address with --url") from error
        except (InvalidURL, ValueError) as error:
            raise ConfigError(f"{self.url}: no address: {error}") from error
        except (OSError, HTTPException) as error:
            raise _BrokenError(f"cannot be reached: {getattr(error, 'reason', error)}") from error
        return response

    def _append(self, response: HTTPResponse | HTTPError, start: int) -> None:
        total = None if response.length is None else start + response.length
        if total is not None:
            _check_room(self.config.folder, total - start + _UNPACKED_SHARE * total)
        log.info("%s: from byte %d of %s on", self.url, start, total or "unknown")
        size, limit = start, self.config.size_limit
        with self.partial.open("ab") as file, _bar("downloading", total, start) as bar:
            for chunk in _chunks(response):
                size += len(chunk)
                if max(size, total or 0) > limit:
                    self.partial.unlink()
                    raise AudioFileError(f"{self.url}: more than {limit} bytes; check the address")
                file.write(chunk)
                _advance(bar, "downloaded", size)
        if total is not None and size < total:
            raise _BrokenError(f"the connection ended after {size} of {total} bytes")


def _validator(headers: Message) -> str:
    for name in ("ETag", "Last-Modified"):
        value = headers.get(name, "")
        # RFC 9110, section 13.1.5: a weak one does not do for parts of a file.
        if value and value.isascii() and value.isprintable() and not value.startswith("W/"):
            return value
    return ""


def _chunks(response: HTTPResponse | HTTPError) -> Iterator[bytes]:
    # Apart from the writing of files, whose errors are of the same type.
    try:
        while chunk := response.read(_CHUNK):
            yield chunk
    except (OSError, HTTPException) as error:
        raise _BrokenError(f"the connection broke: {error!r}") from error


def _digest(path: Path) -> str:
    log.info("%s: checking", path)
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _check_room(folder: Path, needed: float) -> None:
    free = shutil.disk_usage(folder).free
    if free < needed:
        sizes = f"{needed / 1e9:.1f} GB needed, {free / 1e9:.1f} GB free"
        raise ConfigError(f"{folder}: {sizes}; make room there, or choose another folder")


def _unpack(archive: Path, result: Path, size_limit: int) -> None:
    """Unpack under another name, so that `result` is whole or not there."""
    _check_room(result.parent, _UNPACKED_SHARE * archive.stat().st_size)
    half = result.with_name(f".{result.name}.unpacking")
    shutil.rmtree(half, ignore_errors=True)
    half.mkdir()
    try:
        _extract(archive, half, size_limit)
        half.replace(result)
    finally:
        shutil.rmtree(half, ignore_errors=True)


def _extract(archive: Path, folder: Path, size_limit: int) -> None:
    size = 0
    with archive.open("rb") as file, _bar("unpacking", archive.stat().st_size) as bar:
        try:
            with tarfile.open(fileobj=file, mode="r:gz") as members:
                # As filter="data", which Python has only since 3.11.4 (Debian 12 has 3.11.2).
                members.extraction_filter = getattr(tarfile, "data_filter", None)
                for member in members:
                    size += max(1, -(-member.size // _DISK_BLOCK)) * _DISK_BLOCK
                    if reason := _danger(member, size, size_limit):
                        raise tarfile.TarError(f"{member.name!r} {reason}")
                    if member.isfile():  # its folders come with it
                        members.extract(member, folder, set_attrs=False)
                    _advance(bar, "unpacked", file.tell())
            if not any(folder.glob(_RECORDINGS)):
                raise tarfile.TarError("it holds no <word>/*.wav")
        except Exception as error:
            # A damaged archive makes tarfile raise almost anything, a disk an OSError.
            if isinstance(error, OSError) and not isinstance(error, gzip.BadGzipFile):
                raise
            raise AudioFileError(
                f"{archive}: cannot be unpacked: {error}; remove it and give another --url"
            ) from error


def _danger(member: tarfile.TarInfo, size: int, size_limit: int) -> str:
    """Why a member must not be unpacked, with which all have `size` bytes; empty if it may be."""
    path = PurePosixPath(member.name)
    if path.is_absolute() or ".." in path.parts:
        return "leads out of the folder"
    if not (member.isdir() or member.isfile()) or member.issparse():
        return "is neither a plain file nor a folder"
    return f"goes beyond the {size_limit} bytes allowed in all" if size > size_limit else ""


def _bar(what: str, total: int | None, start: int = 0) -> "tqdm[Any]":
    return tqdm(
        desc=what, total=total, initial=start, unit="B", unit_scale=True, leave=False, disable=None
    )


def _advance(bar: "tqdm[Any]", what: str, to: int) -> None:
    """Move the bar; where it is not shown, log each tenth."""
    if bar.disable and bar.total and 10 * to // bar.total > 10 * bar.n // bar.total:
        log.info("%s %d %% of %.0f MB", what, 100 * to // bar.total, bar.total / 1e6)
    bar.update(to - bar.n)
    bar.n = to  # a bar that is not shown does not count
