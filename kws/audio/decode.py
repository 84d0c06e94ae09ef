"""From a file, a pipe or raw samples to a reader of their sound."""

import logging
import os
import shlex
import stat
import tempfile
from pathlib import Path
from typing import IO, BinaryIO

import soundfile

from kws.audio.formats import (
    ENOUGH,
    ENOUGH_FOR_MPEG,
    ENOUGH_FOR_TEXT,
    Format,
    Reader,
    identify,
    may_be_mpeg,
    may_be_text,
)
from kws.audio.libsndfile import SoundfileReader
from kws.audio.media import MediaError, MediaReader, media_installed
from kws.audio.pipe import ByteStream
from kws.audio.readers import (
    AudioReader,
    OneChannel,
    PcmReader,
    WavFileReader,
    unreadable,
)
from kws.audio.wav import CodecError, WavError, read_header
from kws.config.schema import HIGHEST_RATE, LOWEST_RATE
from kws.errors import AudioFileError
from kws.typing import Channel, PcmFormat

log = logging.getLogger(__name__)

STDIN_NAME = "standard input"
_PIECE = 1 << 20
_IN_MEMORY = 1 << 26
"""Bytes of a compressed stream that are kept in memory, not in a temporary file."""


def open_audio(
    source: Path | BinaryIO,
    *,
    raw: PcmFormat | None = None,
    channel: Channel = "mix",
    name: str = "",
) -> AudioReader:
    """Open a recording: a file, or what comes out of a pipe or any binary file object.

    Args:
        source: a path, of a pipe too; or a file object, which is read from where it is.
        raw: what the bytes of a stream mean that begins like no format; without, such a one is
            refused.
        channel: the one to read; "mix" reads all.
        name: what it is called in messages; by default as its file.

    Raises:
        AudioFileError: there is no such file, or it is empty, damaged or of a format that cannot be
            read here, or it has no such channel; the message says what can be done.
    """
    if isinstance(source, Path):
        reader = _open_path(source, raw, name or str(source))
    else:
        reader = _open_stream(source, raw, name or _name_of(source))
    try:
        rate = reader.format.sample_rate
        if reader.frames == 0:
            raise AudioFileError(f"{reader.name}: holds no audio")
        if not LOWEST_RATE <= rate <= HIGHEST_RATE:
            limits = f"{LOWEST_RATE} to {HIGHEST_RATE} Hz can be processed"
            raise AudioFileError(f"{reader.name}: {rate} Hz; {limits}")
        return reader if channel == "mix" else OneChannel(reader, channel)
    except AudioFileError:
        reader.close()
        raise


def _name_of(file: BinaryIO) -> str:
    """What a file object is called in messages."""
    name = getattr(file, "name", None)
    if name in ("<stdin>", 0):
        return STDIN_NAME
    return os.fsdecode(name) if isinstance(name, str | bytes) else "file object"


def _open_path(path: Path, raw: PcmFormat | None, name: str) -> AudioReader:
    try:
        status = path.stat()
        if stat.S_ISDIR(status.st_mode):
            raise AudioFileError(f"{name}: is a folder, not an audio file")
        file = path.open("rb")
    except FileNotFoundError as error:
        raise AudioFileError(f"{name}: no such file") from error
    except OSError as error:
        raise unreadable(name, error) from error
    except ValueError as error:
        raise AudioFileError(f"{name!r}: no such file: {error}") from error
    if stat.S_ISREG(status.st_mode):
        return _open_file(file, path, name)
    try:
        return _open_stream(file, raw, name)
    except AudioFileError:
        file.close()
        raise


def _open_file(file: IO[bytes], path: Path | None, name: str) -> AudioReader:
    """Open what can be sought in; `path` is where it is, if it has a name."""
    try:
        begin = file.read(ENOUGH_FOR_MPEG)
        file.seek(0)
        if not begin:
            raise AudioFileError(f"{name}: the file is empty")
        what = identify(begin)
        if what is not None and what.reader is Reader.WAV:
            try:
                return WavFileReader(file, read_header(file.read), name)
            except CodecError:
                file.seek(0)
            except WavError as error:
                raise _damaged_wav(name, error) from error
    except OSError as error:
        file.close()
        raise unreadable(name, error) from error
    except BaseException:
        file.close()
        raise
    if path is None:
        return _decode(file, name, what)
    file.close()
    return _decode(path, name, what)


def _open_stream(file: BinaryIO, raw: PcmFormat | None, name: str) -> AudioReader:
    """Open a stream. A compressed one is read to its end first. Raises as `open_audio`."""
    stream = ByteStream(file)
    try:
        begin = stream.peek(ENOUGH)
        if may_be_mpeg(begin):
            begin = stream.peek(ENOUGH_FOR_MPEG)
        elif may_be_text(begin):
            begin = stream.peek(ENOUGH_FOR_TEXT)
        what = identify(begin)
        if what is None:
            if raw is None and begin:
                raise AudioFileError(f"{name}: is of no format that is known")
            if raw is None or not begin:
                raise AudioFileError(f"{name} ended before any sound came")
            return PcmReader(stream, raw, name)
        if what.reader is Reader.WAV:
            return _open_wav_stream(stream, name)
        if what.reader is Reader.NOTHING or (what.reader is Reader.MEDIA and not media_installed()):
            raise _refused(name, what)
        return _open_file(_whole(stream, name, what.name), None, name)
    except OSError as error:
        raise unreadable(name, error) from error


def _open_wav_stream(stream: ByteStream, name: str) -> AudioReader:
    consumed = bytearray()

    def read(size: int) -> bytes:
        data = stream.read(size)
        consumed.extend(data)
        return data

    try:
        header = read_header(read)
    except CodecError:
        return _open_file(_whole(stream, name, "compressed", bytes(consumed)), None, name)
    except WavError as error:
        raise _damaged_wav(name, error) from error
    pcm = header.pcm
    log.info("%s: WAV, %d Hz, %d channel(s)", name, pcm.audio.sample_rate, pcm.audio.channels)
    return PcmReader(stream, pcm, name, header)


def _whole(stream: ByteStream, name: str, what: str, begin: bytes = b"") -> IO[bytes]:
    """A temporary file with all that a stream gives."""
    log.info(
        "%s: %s, which is decoded once it has ended; one without an end: %s",
        *(name, what, "ffmpeg -i - -f wav - | kws ..."),
    )
    file: IO[bytes] = tempfile.SpooledTemporaryFile(_IN_MEMORY)  # noqa: SIM115
    file.write(begin)
    while data := stream.read_some(_PIECE):
        file.write(data)
    file.seek(0)
    return file


def _decode(file: Path | IO[bytes], name: str, what: Format | None) -> AudioReader:
    """A reader of something else than plain WAV."""
    try:
        return _decoded(file, name, what)
    except AudioFileError:
        if not isinstance(file, Path):
            file.close()
        raise


def _decoded(file: Path | IO[bytes], name: str, what: Format | None) -> AudioReader:
    if what is not None and what.reader is Reader.NOTHING:
        raise _refused(name, what)
    if what is None or what.reader is not Reader.MEDIA:
        try:
            return SoundfileReader(file, name)
        except soundfile.LibsndfileError as error:
            if what is None:
                reason = f"not an audio file that can be read ({error.error_string})"
                raise AudioFileError(f"{name}: {reason}") from error
    if not media_installed():
        raise _refused(name, what)
    try:
        if not isinstance(file, Path):
            file.seek(0)
        return MediaReader(file, name)
    except OSError as error:
        raise unreadable(name, error) from error
    except MediaError as error:
        raise AudioFileError(f"{name}: is {what.name}, but cannot be decoded: {error}") from error


def _damaged_wav(name: str, error: WavError) -> AudioFileError:
    return AudioFileError(f"{name}: begins like a WAV file, but {error}")


def _refused(name: str, what: Format) -> AudioFileError:
    """The error of a format that is not read here."""
    if what.reader is Reader.NOTHING:
        return AudioFileError(f"{name}: is {what.name}, not an audio file that can be read")
    file = "-" if name == STDIN_NAME else shlex.quote(name)
    return AudioFileError(
        f"{name}: is {what.name}; to read that, install PyAV (pip install 'kws[media]'), or "
        f"convert it: ffmpeg -i {file} -f wav -"
    )
