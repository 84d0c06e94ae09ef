"""WAV headers, right and wrong ones, as files and as streams; libsndfile is the oracle."""

import io
import itertools
import struct
from contextlib import closing, suppress
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from kws.audio.decode import open_audio
from kws.audio.readers import blocks
from kws.audio.wav import WavError, read_header
from kws.errors import AudioFileError
from kws.typing import Frames
from tests.support.wav import KINDS, Kind, Layout, chunk, encoded, wav

PCM_16 = KINDS[1]
FRAMES = 37
"""An odd number, so that 8 and 24 bits have an odd size."""
UNKNOWN = (0, 0x7FFF_FFFF, 0x7FFF_F000, 0x8000_0000, 0xFFFF_FFFF)
SIZES = [
    *(Layout(riff_size=size) for size in (0, 8, 36, 1_000, 0x7FFF_FFFF, 0xFFFF_FFFF)),
    *(Layout(data_size=size, pad=False) for size in UNKNOWN),
    *(Layout(riff_size=size, data_size=size, pad=False) for size in UNKNOWN),
]
CHUNKS = [
    Layout(),
    Layout(pad=False),
    Layout(before=chunk(b"LIST", b"INFOISFT\4\0\0\0abc\0")),
    Layout(before=chunk(b"bext", bytes(601)) + chunk(b"JUNK", bytes(3))),
    Layout(before=chunk(b"LIST", b"odd", pad=False) + chunk(b"fact", bytes(4))),
    Layout(before=chunk(b"odd1", b"x", pad=False)),
    Layout(after=chunk(b"LIST", bytes(26)) + chunk(b"id3 ", bytes(7))),
    Layout(after=chunk(b"LIST", bytes(26)), pad=False),
]
LAYOUTS = [*SIZES, *CHUNKS]
CONTAINERS = ("RIFF", "EXTENSIBLE", "RF64")
CHANNELS, RATES = (1, 2, 6), (8_000, 44_100, 96_000)


class InPieces(io.BytesIO):
    """A pipe that gives a few bytes at a time."""

    def read1(self, size: int | None = -1) -> bytes:
        return super().read1(min(7, size or 7))


def samples(channels: int, frames: int = FRAMES) -> Frames:
    random = np.random.default_rng(channels)
    return random.uniform(-1, 1, (frames, channels)).astype(np.float32)


def read(source: Path | io.BytesIO) -> Frames:
    with closing(open_audio(source)) as reader:
        return np.concatenate(list(blocks(reader, 16)))


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.subtype)
def test_every_kind_of_sample_and_header(kind: Kind, tmp_path: Path) -> None:
    path, count = tmp_path / "recording.wav", 0
    for channels in CHANNELS:
        data, expected = encoded(samples(channels), kind)
        rates = itertools.cycle(RATES)
        for (container, layout), rate in zip(
            itertools.product(CONTAINERS, LAYOUTS), rates, strict=False
        ):
            case = Layout(container, *list(vars(layout).values())[1:])
            content = wav(data, kind, channels, rate, case)
            path.write_bytes(content)
            for source in (path, io.BytesIO(content)):
                np.testing.assert_array_equal(read(source), expected, err_msg=str(case))
            count += 1
    assert count == len(CHANNELS) * len(CONTAINERS) * len(LAYOUTS)
    print(f"{kind.subtype}: {count} files, each also as a stream, are as libsndfile has them")


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.subtype)
@pytest.mark.parametrize("channels", [1, 2, 6])
@pytest.mark.parametrize("form", ["WAV", "WAVEX", "RF64"])
def test_files_that_libsndfile_wrote(kind: Kind, channels: int, form: str, tmp_path: Path) -> None:
    path = tmp_path / "recording.wav"
    soundfile.write(path, samples(channels), 22_050, subtype=kind.subtype, format=form)
    expected, _ = soundfile.read(path, dtype="float32", always_2d=True)
    np.testing.assert_array_equal(read(path), expected)
    np.testing.assert_array_equal(read(InPieces(path.read_bytes())), expected)


def test_24_bits_in_four_bytes_each(tmp_path: Path) -> None:
    data, expected = encoded(samples(2), Kind("PCM_32", 1, 32))
    content = bytearray(wav(data, Kind("", 1, 32), 2, 16_000, Layout()))
    content[34:36] = struct.pack("<H", 24)
    np.testing.assert_array_equal(read(io.BytesIO(content)), expected)


@pytest.mark.parametrize("layout", [Layout(data_size=60), Layout("RF64", data_size=60)])
def test_sound_that_no_chunk_follows_goes_on(layout: Layout, tmp_path: Path) -> None:
    data, expected = encoded(samples(1), PCM_16)
    path = tmp_path / "recording.wav"
    path.write_bytes(wav(data, PCM_16, 1, 16_000, layout))
    for source in (path, InPieces(path.read_bytes())):
        np.testing.assert_array_equal(read(source), expected)


def test_a_size_that_wrapped_round_above_4_gib(tmp_path: Path) -> None:
    path, bytes_of_sound = tmp_path / "long.wav", 2**32 + 640_000
    with path.open("wb") as file:
        file.write(wav(b"", PCM_16, 1, 16_000, Layout(data_size=bytes_of_sound % 2**32)))
        file.write(chunk(b"LIST", bytes(640)))  # what looks like a chunk is sound as well
        file.truncate(44 + bytes_of_sound)
    with closing(open_audio(path)) as reader:
        assert reader.frames == bytes_of_sound // 2


def test_an_rf64_file_above_4_gib(tmp_path: Path) -> None:
    path, bytes_of_sound = tmp_path / "long.wav", 2**32 + 640_000
    header = wav(b"", PCM_16, 1, 16_000, Layout("RF64", data_size=bytes_of_sound))
    with path.open("wb") as file:
        file.write(header)
        file.truncate(len(header) + bytes_of_sound)
    with closing(open_audio(path)) as reader:
        assert reader.frames == bytes_of_sound // 2


def test_an_empty_file_with_other_chunks_is_empty(tmp_path: Path) -> None:
    path = tmp_path / "empty.wav"
    path.write_bytes(wav(b"", PCM_16, 1, 16_000, Layout(after=chunk(b"LIST", bytes(26)))))
    with pytest.raises(AudioFileError, match="holds no audio"):
        open_audio(path)


@pytest.mark.parametrize("cut", [1, 30, 60])
def test_what_is_cut_short_is_given_and_said(cut: int, tmp_path: Path) -> None:
    data, expected = encoded(samples(1), PCM_16)
    path = tmp_path / "recording.wav"
    path.write_bytes(wav(data, PCM_16, 1, 16_000, Layout())[:-cut])
    for source in (path, io.BytesIO(path.read_bytes())):
        given: list[Frames] = []
        with (
            closing(open_audio(source)) as reader,
            pytest.raises(AudioFileError, match=r"cut short after 0.0 s; the audio until there"),
        ):
            given.extend(blocks(reader, 8))
        np.testing.assert_array_equal(np.concatenate(given), expected[: FRAMES - -(-cut // 2)])


GOOD = wav(encoded(samples(2), PCM_16)[0], PCM_16, 2, 16_000, Layout(before=chunk(b"LIST", b"ab")))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"RIFF", "ends in its header"),
        (GOOD[:20], "longer than the file: 16 bytes, and 0 are there"),
        (GOOD[:36], "no chunk 'data'"),
        (
            b"RIFF\x32\0\0\0WAVEfmt \x10\0\0\0\1\0\1\0\x80\x3e\0\0\0\x7d\0\0\2\0\x10\0"
            b"LIST\xff\0\0\0data\0\0\0\0\0\0",
            "its chunk 'LIST' is longer than the file: 255 bytes, and 10 are there",
        ),
        (GOOD[:16] + b"\x0e\0\0\0" + GOOD[20:], "has 14 bytes, and should have 16"),
        (GOOD[:12] + GOOD[46:], "its sound comes before its format"),
        (GOOD[:22] + b"\0\0" + GOOD[24:], "has 0 channels"),
        (GOOD[:22] + b"\xff\xff" + GOOD[24:], "has 65535 channels"),
        (GOOD[:34] + b"\x40\0" + GOOD[36:], "samples of 64 bits"),
        (GOOD[:34] + b"\0\0" + GOOD[36:], "samples of 0 bits"),
        (GOOD[:20] + b"\xfe\xff" + GOOD[22:], "without a sub-format"),
        (GOOD[:36] + b"\0\0\0\0" + GOOD[36:], "is damaged at byte 36"),
        (GOOD[:24] + bytes(4) + GOOD[28:], "0 Hz; 1000 to 768000 Hz"),
    ],
)
def test_what_cannot_be_is_named(content: bytes, message: str, tmp_path: Path) -> None:
    path = tmp_path / "bad.wav"
    path.write_bytes(content)
    for source in (path, io.BytesIO(content)):
        with pytest.raises(AudioFileError) as raised:
            read(source)
        assert message in str(raised.value)


@given(st.binary(max_size=200), st.integers(0, 60))
def test_any_bytes_are_a_header_or_an_error(noise: bytes, place: int) -> None:
    for content in (noise, GOOD[:place] + noise, GOOD[:place] + noise + GOOD[place:]):
        try:
            header = read_header(io.BytesIO(content).read)
        except WavError:
            continue
        assert header.start <= len(content)
        after = content[header.start + (header.declared or 0) :][:9]
        assert 0 <= header.sound_bytes(len(content), after) <= len(content) - header.start


@given(st.integers(0, len(GOOD)), st.integers(0, 255))
def test_a_file_with_a_wrong_byte_is_read_or_refused(place: int, byte: int) -> None:
    content = GOOD[:place] + bytes([byte]) + GOOD[place + 1 :]
    with suppress(AudioFileError):
        assert read(io.BytesIO(content)).dtype == np.float32
