"""The header of a WAV file or stream: bytes in, values out. Pure.

The format is that of Microsoft and IBM (1991), with `WAVE_FORMAT_EXTENSIBLE` (2001), and RF64
(EBU Tech 3306). Sizes in a header are often wrong: who writes into a pipe cannot know them, a
recorder that was killed left none, and above 4 GiB they begin again at 0. So no size is believed
that what follows contradicts.
"""

import struct
from dataclasses import dataclass
from typing import Protocol

from kws.typing import AudioFormat, PcmFormat, SampleFormat

MOST_CHANNELS = 64
_UNKNOWN_FROM = 2**31 - 2**16
"""Sizes of sound from which a writer did not know: programs put in as much as fits."""
_WRAP = 2**32
_CONTAINERS = (b"RIFF", b"RF64", b"BW64")
_CHUNKS = frozenset(
    (
        *(b"fmt ", b"data", b"fact", b"LIST", b"list", b"JUNK", b"junk", b"PAD ", b"FLLR", b"ds64"),
        *(b"bext", b"iXML", b"cue ", b"smpl", b"inst", b"PEAK", b"id3 ", b"ID3 ", b"cart", b"axml"),
    )
)
"""Chunks that are known for certain where a pad byte may or may not be missing before them."""
_PCM, _FLOAT, _A_LAW, _MU_LAW, _EXTENSIBLE = 1, 3, 6, 7, 0xFFFE
_GUID_TAILS = (
    bytes.fromhex("000000001000800000aa00389b71"),
    bytes.fromhex("0000210711d38644c8c1ca000000"),  # Ambisonic B-format
)
_CODECS = {2: "MS ADPCM", 0x11: "IMA ADPCM", 0x31: "GSM 6.10", 0x50: "MPEG audio", 0x55: "MP3"}
_PIECE = 1 << 16


class ReadBytes(Protocol):
    """The next bytes of a file or stream: as many as wanted, fewer only at its end."""

    def __call__(self, size: int, /) -> bytes: ...


class WavError(ValueError):
    """It begins like a WAV file, but is none that can be read; the message says why."""


class CodecError(WavError):
    """The sound in it is compressed."""


@dataclass(frozen=True)
class WavHeader:
    """What stands before the sound.

    Attributes:
        pcm: what the bytes of the sound mean.
        start: how many bytes come before the sound.
        declared: bytes of sound as the header has it; None where its writer did not know.
        riff_end: where the file ends by its header; None where its writer did not know.
    """

    pcm: PcmFormat
    start: int
    declared: int | None
    riff_end: int | None

    def sound_bytes(self, total: int, after: bytes) -> int:
        """Bytes of sound in a file.

        Args:
            total: length of the file.
            after: the file's next bytes, up to 9, after as much sound as is declared.
        """
        there = total - self.start
        if self.declared is None or self.declared > there:
            return there
        if self.declared and (wrapped := (there - self.declared) // _WRAP):
            return self.declared + wrapped * _WRAP
        return there if self.goes_on(after) else self.declared

    def goes_on(self, after: bytes) -> bool:
        """Whether there is more sound than is declared, where `after` is what follows it."""
        if self.declared is None:
            return True
        if self.declared:
            return len(after) >= 9 and not _is_chunk(after, odd=self.declared % 2 == 1)
        # A recorder that was killed; unless the file is whole, and has other chunks instead.
        if not _is_name(after[:4]) or len(after) < 8 or self.riff_end is None:
            return True
        end = self.start + 8 + int.from_bytes(after[4:8], "little")
        return end > self.riff_end

    def missing(self, count: int) -> bool:
        """Whether a file that ended after `count` bytes of sound was cut short."""
        return self.declared is not None and count < self.declared


def read_header(read: ReadBytes) -> WavHeader:
    """Read all that comes before the sound.

    Raises:
        CodecError: its sound is compressed.
        WavError: it is no WAV file, damaged, or of a kind of sample that is not known.
    """
    head = read(12)
    if len(head) < 12:
        raise WavError("ends in its header")
    if head[:4] not in _CONTAINERS or head[8:] != b"WAVE":
        raise WavError("holds no WAVE")
    riff_size = int.from_bytes(head[4:8], "little")
    data_size: int | None = None
    pcm: PcmFormat | None = None
    offset, size = 12, 0
    while True:
        name, size, offset = _next_chunk(read, offset, odd=size % 2 == 1)
        if name == b"data":
            break
        if name == b"ds64" and head[:4] != b"RIFF":
            content = _content(read, name, size, at_least=16)
            riff_size, data_size = struct.unpack_from("<QQ", content)
        elif name == b"fmt ":
            pcm = _format(_content(read, name, size, at_least=16))
        else:
            _skip(read, name, size)
        offset += size
    if pcm is None:
        raise WavError("its sound comes before its format")
    large = head[:4] != b"RIFF"
    if data_size is None or size != _WRAP - 1:
        data_size = size
    declared = None if _is_unknown(data_size, large=large) else data_size
    riff_end = None if riff_size < 36 or _is_unknown(riff_size, large=large) else riff_size + 8
    return WavHeader(pcm, offset, declared, riff_end)


def _is_unknown(size: int, *, large: bool) -> bool:
    """Whether a writer did not know a size; `large`: it could have written more than 4 GiB."""
    if large:
        return _UNKNOWN_FROM <= size <= 2**31 or size == _WRAP - 1 or size >= 2**63 - 1
    return size >= _UNKNOWN_FROM


def _next_chunk(read: ReadBytes, offset: int, *, odd: bool) -> tuple[bytes, int, int]:
    """The name and size of the next chunk, and where its content begins.

    Args:
        read: gives the next bytes.
        offset: where they begin.
        odd: whether the chunk before has an odd size: then a pad byte should follow, and is often
            missing.
    """
    head = read(8)
    offset += 8
    if odd and _is_padded(head):
        head = head[1:] + read(1)
        offset += 1
    if len(head) < 8:
        raise WavError("ends before its sound: there is no chunk 'data'")
    if not _is_name(head[:4]):
        raise WavError(f"is damaged at byte {offset - 8}: no chunk begins there")
    return head[:4], int.from_bytes(head[4:], "little"), offset


def _is_padded(head: bytes) -> bool:
    """Whether a pad byte comes first, where a chunk or a pad byte and a chunk begin."""
    if head[:4] in _CHUNKS:
        return False
    return head[:1] == b"\0" or head[1:5] in _CHUNKS or not _is_name(head[:4])


def _is_chunk(after: bytes, *, odd: bool) -> bool:
    """Whether a chunk begins here, or after a pad byte where `odd`."""
    return _is_name(after[:4]) or (odd and _is_name(after[1:5]))


def _is_name(name: bytes) -> bool:
    """Whether four bytes can be the name of a chunk: letters, digits, and blanks at the end."""
    return len(name) == 4 and name.rstrip(b" ").replace(b"_", b"x").isalnum()


def _content(read: ReadBytes, name: bytes, size: int, *, at_least: int) -> bytes:
    """The content of a chunk that matters."""
    if size < at_least:
        raise WavError(f"its chunk {name.decode()!r} has {size} bytes, and should have {at_least}")
    content = read(min(size, _PIECE))
    if len(content) < min(size, _PIECE):
        raise _too_long(name, size, len(content))
    if size > _PIECE:
        _skip(read, name, size - _PIECE)
    return content


def _skip(read: ReadBytes, name: bytes, size: int) -> None:
    left = size
    while left:
        piece = read(min(left, _PIECE))
        if not piece:
            raise _too_long(name, size, size - left)
        left -= len(piece)


def _too_long(name: bytes, size: int, there: int) -> WavError:
    return WavError(
        f"its chunk {name.decode()!r} is longer than the file: {size} bytes, and {there} are there"
    )


def _format(content: bytes) -> PcmFormat:
    """What the bytes of the sound mean, from the chunk `fmt `."""
    tag, channels, rate, _, block, bits = struct.unpack_from("<HHIIHH", content)
    if tag == _EXTENSIBLE:
        if len(content) < 40:
            raise WavError("its format is WAVE_FORMAT_EXTENSIBLE without a sub-format")
        tag, tail = int.from_bytes(content[24:26], "little"), content[26:40]
        if tail not in _GUID_TAILS:
            raise CodecError(f"its sub-format {content[24:40].hex()} is not known")
    if not 1 <= channels <= MOST_CHANNELS:
        raise WavError(f"has {channels} channels; 1 to {MOST_CHANNELS} can be processed")
    samples = _samples(tag, bits, block / channels)
    return PcmFormat(AudioFormat(rate, channels), samples)


def _samples(tag: int, bits: int, container: float) -> SampleFormat:
    """The type of a sample.

    Args:
        tag: of the format.
        bits: of a sample.
        container: bytes of a sample by the size of a frame, which writers get wrong.
    """
    if tag == _A_LAW:
        return "alaw"
    if tag == _MU_LAW:
        return "mulaw"
    if tag not in (_PCM, _FLOAT):
        raise CodecError(f"its sound is {_CODECS.get(tag, f'of the format 0x{tag:04X}')}")
    # Samples of fewer bits stand in the upper ones of their bytes.
    width = 4 if container == 4 and 16 < bits < 32 else -(-bits // 8)
    kinds: dict[tuple[int, int], SampleFormat] = {
        (_PCM, 1): "u8",
        (_PCM, 2): "s16le",
        (_PCM, 3): "s24le",
        (_PCM, 4): "s32le",
        (_FLOAT, 4): "f32le",
        (_FLOAT, 8): "f64le",
    }
    if (tag, width) not in kinds:
        raise WavError(
            f"has samples of {bits} bits ({'PCM' if tag == _PCM else 'float'}); PCM of 1 to 32 "
            "bits, float of 32 and 64 bits, A-law and mu-law can be read"
        )
    return kinds[tag, width]
