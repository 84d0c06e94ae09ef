"""WAV files with right and wrong headers, of sound that libsndfile encoded and decoded."""

import io
import struct
from dataclasses import dataclass

import soundfile

from kws.typing import Frames

GUID_TAIL = bytes.fromhex("000000001000800000aa00389b71")


@dataclass(frozen=True)
class Kind:
    """A type of sample: libsndfile's name of it, its tag in a header, and its bits."""

    subtype: str
    tag: int
    bits: int


KINDS = (
    Kind("PCM_U8", 1, 8),
    Kind("PCM_16", 1, 16),
    Kind("PCM_24", 1, 24),
    Kind("PCM_32", 1, 32),
    Kind("FLOAT", 3, 32),
    Kind("DOUBLE", 3, 64),
    Kind("ALAW", 6, 8),
    Kind("ULAW", 7, 8),
)


def encoded(frames: Frames, kind: Kind) -> tuple[bytes, Frames]:
    """The bytes of frames, shape (n, channels), and what libsndfile makes of them."""
    raw, channels = io.BytesIO(), frames.shape[1]
    options = {"subtype": kind.subtype, "format": "RAW", "endian": "LITTLE"}
    soundfile.write(raw, frames, 16_000, **options)
    data = raw.getvalue()
    decoded, _ = soundfile.read(
        io.BytesIO(data), -1, 0, None, "float32", True, None, None, 16_000, channels, **options
    )
    return data, decoded


@dataclass(frozen=True)
class Layout:
    """How the header stands around the sound.

    Attributes:
        container: RIFF, RIFF with WAVE_FORMAT_EXTENSIBLE ("EXTENSIBLE"), or RF64.
        riff_size: what stands there instead of the right size.
        data_size: the same, of the sound.
        before: chunks between format and sound, with their pad bytes or without.
        after: the same after the sound.
        pad: whether sound of an odd size has its pad byte.
    """

    container: str = "RIFF"
    riff_size: int | None = None
    data_size: int | None = None
    before: bytes = b""
    after: bytes = b""
    pad: bool = True


def chunk(name: bytes, content: bytes, *, pad: bool = True) -> bytes:
    """A chunk, with the pad byte that one of an odd size should have, or without."""
    return name + struct.pack("<I", len(content)) + content + b"\0" * (pad and len(content) % 2)


def wav(data: bytes, kind: Kind, channels: int, rate: int, layout: Layout) -> bytes:
    """A file of encoded sound."""
    block = kind.bits // 8 * channels
    tag = kind.tag if layout.container == "RIFF" else 0xFFFE
    fmt = struct.pack("<HHIIHH", tag, channels, rate, rate * block, block, kind.bits)
    if tag == 0xFFFE:
        fmt += struct.pack("<HHIH", 22, kind.bits, 0, kind.tag) + GUID_TAIL
    large = layout.container == "RF64"
    declared = len(data) if layout.data_size is None else layout.data_size
    size = 0xFFFFFFFF if large else declared
    sound = b"data" + struct.pack("<I", size) + data
    sound += b"\0" * (layout.pad and len(data) % 2) + layout.after
    ds64_bytes = 36 if large else 0
    body = chunk(b"fmt ", fmt) + layout.before + sound
    total = 4 + ds64_bytes + len(body)
    riff = total if layout.riff_size is None else layout.riff_size
    if large:
        body = chunk(b"ds64", struct.pack("<QQQI", riff, declared, 0, 0)) + body
    head = b"RF64" if large else b"RIFF"
    return head + struct.pack("<I", 0xFFFFFFFF if large else riff) + b"WAVE" + body
