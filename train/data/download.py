"""Gets Speech Commands: downloads its archive, checks it and unpacks it."""

import gzip
import logging
import re
import shutil
import sys
import tarfile
import zlib
from dataclasses import dataclass
from pathlib import Path

from kws.errors import AudioFileError, ConfigError, ServerError

log = logging.getLogger(__name__)

ADDRESS = "http://download.tensorflow.org/data/speech_commands_{version}.tar.gz"
SHA256 = {
    "v0.01": "743935421bb51cccdb6bdd152e04c5c70274e935c82119ad7faeec31780d811d",
    "v0.02": "af14739ee7dc311471de98f5f9d2c9191b18aedfe957f4a6ff791c709868ff58",
}
"""Of the archive of each version, as torchaudio has them."""
_NEEDED = {"v0.01": 3.6e9, "v0.02": 6.1e9}  # bytes: the archive, and its recordings beside it
_RECORDINGS = "*/*.wav"
_TIMEOUT_S = 30.0


@dataclass(frozen=True)
class DownloadConfig:
    """What to get and where from.

    Attributes:
        folder: gets `speech_commands/<word>/*.wav`; made where it is missing.
        version: of Speech Commands.
        url: of a mirror, http or https; the official address by default.
        sha256: of the archive, 64 hex digits; by default the version's own, for a mirror too.
    """

    folder: Path
    version: str = "v0.02"
    url: str = ""
    sha256: str = ""


def download(config: DownloadConfig) -> Path:
    """Download, check and unpack. A download that is cut starts over.

    Returns:
        The folder that holds `<word>/*.wav`; where there was one already, it is left alone.

    Raises:
        ConfigError: a setting cannot be, or the folder cannot be written or has no room.
        ServerError: the server cannot be reached, refuses, or breaks off.
        AudioFileError: the archive is not the expected one, damaged, or not safe to unpack.
    """
    if config.version not in SHA256:
        raise ConfigError(f"version {config.version!r}: there are {' and '.join(SHA256)}")
    url = config.url or ADDRESS.format(version=config.version)
    if not re.match(r"https?://[^/\s]+(/\S*)?$", url, re.IGNORECASE):
        raise ConfigError(f"{url}: no address; it has to start with http:// or https://")
    sha256 = config.sha256.lower() or SHA256[config.version]
    if not re.fullmatch("[0-9a-f]{64}", sha256):
        raise ConfigError(f"{config.sha256!r}: no SHA-256; that has 64 hex digits")
    result = config.folder / "speech_commands"
    try:
        if any(result.glob(_RECORDINGS)):
            log.info("%s: already there, and left alone; remove it to get it anew", result)
            return result
        if result.is_file() or (result.is_dir() and any(result.iterdir())):
            raise ConfigError(f"{result}: is in the way, without <word>/*.wav; move it elsewhere")
        config.folder.mkdir(parents=True, exist_ok=True)
        if sha256 == SHA256[config.version]:
            _check_room(config.folder, _NEEDED[config.version])
        archive = _archive(config, url, sha256)
        _unpack(archive, result)
        archive.unlink()
    except OSError as error:
        raise ConfigError(
            f"{error.filename or config.folder}: cannot be written: {error.strerror or error}; "
            "mend that and try again, or choose another folder"
        ) from error
    log.info("%s: all recordings are there", result)
    return result


def _archive(config: DownloadConfig, url: str, sha256: str) -> Path:
    """The archive with the right checksum: one that is there already, or a new one."""
    # Imported here: the other commands work without them, as in the container.
    import pooch
    from requests.exceptions import InvalidURL, RequestException

    pooch.get_logger().setLevel("WARNING")
    log.info("%s: downloading", url)
    name = f"speech_commands_{config.version}.tar.gz"
    bar = sys.stderr.isatty()
    get = pooch.HTTPDownloader(progressbar=bar, timeout=_TIMEOUT_S, headers={"User-Agent": "kws"})
    try:
        return Path(pooch.retrieve(url, f"sha256:{sha256}", name, config.folder, downloader=get))
    except InvalidURL as error:
        raise ConfigError(f"{url}: no address: {error}") from error
    except RequestException as error:  # an OSError too
        raise ServerError(
            f"{url}: cannot be downloaded: {error}; check the connection and try again, or try "
            "another address with --url"
        ) from error
    except ValueError as error:
        raise AudioFileError(
            f"{url}: wrong checksum: {error}; try again, or give another --sha256"
        ) from error


def _check_room(folder: Path, needed: float) -> None:
    free = shutil.disk_usage(folder).free
    if free < needed:
        sizes = f"{needed / 1e9:.1f} GB needed, {free / 1e9:.1f} GB free"
        raise ConfigError(f"{folder}: {sizes}; make room there, or choose another folder")


def _unpack(archive: Path, result: Path) -> None:
    """Unpack under another name, so that `result` is whole or not there."""
    log.info("%s: unpacking", archive)
    half = result.with_name(f".{result.name}.unpacking")
    shutil.rmtree(half, ignore_errors=True)
    try:
        with tarfile.open(archive, "r:gz") as members:
            # As filter="data", which Python has only since 3.11.4 (Debian 12 has 3.11.2); there
            # the checksum alone says that the archive is harmless.
            members.extraction_filter = getattr(tarfile, "data_filter", None)
            members.extractall(half)
        if not any(half.glob(_RECORDINGS)):
            raise tarfile.TarError("it holds no <word>/*.wav")
        half.replace(result)
    except (tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise AudioFileError(
            f"{archive}: cannot be unpacked: {error}; remove it and give another --url"
        ) from error
    finally:
        shutil.rmtree(half, ignore_errors=True)
