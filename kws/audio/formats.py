"""What a file or stream is, by its first bytes. Pure."""

from dataclasses import dataclass
from enum import Enum, auto

ENOUGH = 12
"""Bytes that tell most formats."""
ENOUGH_FOR_MPEG = 9_000
"""Bytes in which a second frame of MPEG audio begins."""


class Reader(Enum):
    """What reads a format."""

    WAV = auto()
    """The reader of kws itself."""
    LIBSNDFILE = auto()
    MEDIA = auto()
    """FFmpeg's libraries, through PyAV: `kws[media]`."""
    NOTHING = auto()


@dataclass(frozen=True)
class Format:
    """A format.

    Attributes:
        name: as people call it.
        reader: what reads it.
    """

    name: str
    reader: Reader


_BEGINNINGS: tuple[tuple[bytes, str, Reader], ...] = (
    (b"RIFX", "RIFX (big-endian WAV)", Reader.LIBSNDFILE),
    (b"riff\x2e\x91\xcf\x11", "W64", Reader.LIBSNDFILE),
    (b"fLaC", "FLAC", Reader.LIBSNDFILE),
    (b"OggS", "Ogg", Reader.LIBSNDFILE),
    (b"FORM", "AIFF", Reader.LIBSNDFILE),
    (b"caff", "CAF", Reader.LIBSNDFILE),
    (b".snd", "AU", Reader.LIBSNDFILE),
    (b"dns.", "AU", Reader.LIBSNDFILE),
    (b"Creative Voice File", "VOC", Reader.LIBSNDFILE),
    (b"NIST_1A", "NIST Sphere", Reader.LIBSNDFILE),
    (b"\x64\xa3\x01\x00", "IRCAM", Reader.LIBSNDFILE),
    (b"\x64\xa3\x02\x00", "IRCAM", Reader.LIBSNDFILE),
    (b"\x64\xa3\x03\x00", "IRCAM", Reader.LIBSNDFILE),
    (b"\x64\xa3\x04\x00", "IRCAM", Reader.LIBSNDFILE),
    (b"\x1a\x45\xdf\xa3", "WebM or Matroska", Reader.MEDIA),
    (b"#!AMR", "AMR", Reader.MEDIA),
    (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "Windows Media", Reader.MEDIA),
    (b"wvpk", "WavPack", Reader.MEDIA),
    (b"MAC \x96\x0f", "Monkey's Audio", Reader.MEDIA),
    (b"TTA1", "TTA", Reader.MEDIA),
    (b"MPCK", "Musepack", Reader.MEDIA),
    (b"MP+", "Musepack", Reader.MEDIA),
    (b"DSD \x1c\0\0\0", "DSF", Reader.MEDIA),
    (b"FRM8", "DSDIFF", Reader.MEDIA),
    (b"FLV\x01", "Flash video", Reader.MEDIA),
    (b"ADIF", "AAC", Reader.MEDIA),
    (b"\x7f\xfe\x80\x01", "DTS", Reader.MEDIA),
    (b"#!SILK_V3", "SILK", Reader.NOTHING),
    (b"\x02#!SILK_V3", "SILK", Reader.NOTHING),
    (b"MThd", "MIDI", Reader.NOTHING),
    (b"PK\x03\x04", "a ZIP archive", Reader.NOTHING),
    (b"\x1f\x8b\x08", "a gzip file", Reader.NOTHING),
    (b"BZh9", "a bzip2 file", Reader.NOTHING),
    (b"\xfd7zXZ\0", "an XZ file", Reader.NOTHING),
    (b"\x28\xb5\x2f\xfd", "a Zstandard file", Reader.NOTHING),
    (b"%PDF-", "a PDF file", Reader.NOTHING),
    (b"\x89PNG\r\n", "a picture", Reader.NOTHING),
    (b"\xff\xd8\xff\xe0", "a picture", Reader.NOTHING),
    (b"\x7fELF", "a program", Reader.NOTHING),
)
_MPEG_KBITS = {
    (1, 1): (32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (1, 2): (32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (1, 3): (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (2, 1): (32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (2, 2): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (2, 3): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
"""Bit rates by version (1, or 2 for 2 and 2.5) and layer: ISO 11172-3 and 13818-3."""
_MPEG_RATES = {3: (44_100, 48_000, 32_000), 2: (22_050, 24_000, 16_000), 0: (11_025, 12_000, 8_000)}
_TEXT = frozenset(b"\t\n\r\f") | frozenset(range(0x20, 0x7F))
ENOUGH_FOR_TEXT = 64
"""Bytes that are text for certain, if they all may be."""


def may_be_mpeg(begin: bytes) -> bool:
    """Whether more bytes are needed to tell MPEG audio from raw samples."""
    return len(begin) >= 2 and begin[0] == 0xFF and begin[1] & 0xE0 == 0xE0


def may_be_text(begin: bytes) -> bool:
    """Whether more bytes are needed to tell text from raw samples."""
    return bool(begin) and _TEXT.issuperset(begin)


def identify(begin: bytes) -> Format | None:
    """The format of what begins so; None: it may be raw samples.

    Args:
        begin: the first `ENOUGH` bytes; more where `may_be_mpeg` (`ENOUGH_FOR_MPEG`) or
            `may_be_text`; fewer only where there are no more.
    """
    if begin[:4] in (b"RIFF", b"RF64", b"BW64"):
        if begin[8:12] in (b"AVI ", b"CDXA", b"RMID", b"WEBP"):
            name = begin[8:12].decode().strip()
            return Format(name, Reader.MEDIA if name == "AVI" else Reader.NOTHING)
        return Format("WAV", Reader.WAV)
    for beginning, name, reader in _BEGINNINGS:
        if begin.startswith(beginning):
            return Format(name, reader)
    if begin[4:8] == b"ftyp":
        return Format("3GP" if begin[8:10] == b"3g" else "MP4 or M4A", Reader.MEDIA)
    if begin[:3] == b"ID3" and begin[3:4] in (b"\2", b"\3", b"\4"):
        return Format("MP3", Reader.LIBSNDFILE)
    if may_be_mpeg(begin):
        length, name, reader = _mpeg_frame(begin)
        if length and _mpeg_frame(begin[length : length + 8])[0]:
            return Format(name, reader)
    if len(begin) >= ENOUGH_FOR_TEXT and may_be_text(begin):
        return Format("text", Reader.NOTHING)
    return None


def _mpeg_frame(head: bytes) -> tuple[int, str, Reader]:
    """The length in bytes of the frame of MPEG audio that begins so (0: none), and what it is."""
    if len(head) < 6 or not may_be_mpeg(head):
        return 0, "", Reader.NOTHING
    version, layer = head[1] >> 3 & 3, 4 - (head[1] >> 1 & 3)
    if version & 2 and layer == 4:  # ADTS (ISO 13818-7)
        length = (head[3] & 3) << 11 | head[4] << 3 | head[5] >> 5
        return (length if length > 7 else 0), "AAC", Reader.MEDIA
    rate, kbits = head[2] >> 2 & 3, head[2] >> 4
    if version == 1 or layer == 4 or rate == 3 or kbits in (0, 15):
        return 0, "", Reader.NOTHING
    bits = 1000 * _MPEG_KBITS[1 if version == 3 else 2, layer][kbits - 1]
    hertz, padding = _MPEG_RATES[version][rate], head[2] >> 1 & 1
    if layer == 1:
        length = 4 * (12 * bits // hertz + padding)
    else:
        samples = 72 if layer == 3 and version != 3 else 144
        length = samples * bits // hertz + padding
    return length, "MP3" if layer == 3 else "MPEG audio", Reader.LIBSNDFILE
