"""Standard input: raw samples, WAV streams, and how they end."""

import io
import re
import struct
import wave

import numpy as np
import pytest

from kws.audio.feed import Feed
from kws.audio.stdin import Stdin
from kws.errors import AudioFileError, KwsError
from kws.typing import AudioFormat, SampleFormat, Samples

STEREO = np.array([[0, 100], [-32_768, 32_767], [5, -6]], "<i2")
AS_FLOAT = STEREO.astype(np.float32) / 32_768
MIXED = AS_FLOAT.mean(axis=1)
RATE = 16_000


def read(
    data: bytes, *, rate: int = RATE, channels: int = 2, sample_format: SampleFormat = "s16le"
) -> tuple[Samples, KwsError | None]:
    pipe = io.BufferedReader(io.BytesIO(data))
    source = Stdin(pipe, AudioFormat(rate, channels), sample_format, RATE)
    feed = Feed(source.open(), lambda: 0.0)
    assert feed.format == AudioFormat(RATE, 1)
    source.start(feed)
    blocks = [np.empty((0, 1), np.float32)]
    while (chunk := feed.read(1)) is not None:
        assert chunk.lost == 0
        blocks.append(chunk.frames)
    return np.concatenate(blocks)[:, 0], feed.error


def wav(frames: np.ndarray, rate: int = RATE, count: int | None = None) -> bytes:
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(frames.shape[1])
        file.setsampwidth(frames.dtype.itemsize)
        file.setframerate(rate)
        file.writeframes(frames.tobytes())
    data = bytearray(buffer.getvalue())
    if count is not None:
        data[40:44] = struct.pack("<I", count)
    return bytes(data)


def test_raw_samples() -> None:
    np.testing.assert_allclose(read(STEREO.tobytes())[0], MIXED)
    samples, error = read(AS_FLOAT.astype("<f4").tobytes(), sample_format="f32le")
    np.testing.assert_allclose(samples, MIXED)
    assert error is None


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "ended before any sound came"),
        (b"\1", "ended before any sound came"),
        (wav(STEREO[:0]), "ended before any sound came"),
        (b"fLaC\x00\x00", "is FLAC, but cannot be decoded|is FLAC; to read that"),
        (b"\x1f\x8b\x08\x00", "is a gzip file, not an audio file"),
        (b"Usage: arecord [OPTION]... [FILE]..., and so on for some more lines", "is text"),
    ],
)
def test_what_is_no_sound_is_named(data: bytes, message: str) -> None:
    samples, error = read(data)
    assert len(samples) == 0
    assert re.search(message, str(error))


def test_more_than_the_ring_holds() -> None:
    many = np.arange(400_000, dtype="<i2")
    samples, _ = read(many.tobytes(), channels=1)
    np.testing.assert_allclose(samples, many / np.float32(32_768))


def test_another_rate_is_resampled() -> None:
    tone = (10_000 * np.sin(np.arange(44_100) / 20)).astype("<i2")[:, None]
    raw, _ = read(tone.tobytes(), rate=44_100, channels=1)
    assert abs(len(raw) - RATE) <= 1
    with_header, _ = read(wav(tone, rate=44_100), channels=1)
    np.testing.assert_allclose(with_header, raw)


def test_half_a_sample_at_the_end_is_reported(caplog: pytest.LogCaptureFixture) -> None:
    samples, _ = read(STEREO.tobytes() + b"\x01\x02\x03")
    assert len(samples) == 3
    assert "3 bytes left over" in caplog.text


def test_samples_that_are_no_numbers_are_reported(caplog: pytest.LogCaptureFixture) -> None:
    broken = np.array([[0.5], [np.nan]], "<f4")
    samples, _ = read(broken.tobytes(), channels=1, sample_format="f32le")
    assert samples.tolist() == [0.5, 0.0]
    assert "1 samples were no numbers" in caplog.text


def test_a_wav_header_counts() -> None:
    np.testing.assert_allclose(read(wav(STEREO), channels=1)[0], MIXED)
    wide = (STEREO.astype("<i4") * 65_536).astype("<i4")
    np.testing.assert_allclose(read(wav(wide))[0], MIXED, atol=1e-6)


@pytest.mark.parametrize("count", [0, 0x7FFFFFF0, 0xFFFFFFF0])
def test_a_wav_stream_without_a_length_is_processed_to_its_end(count: int) -> None:
    assert len(read(wav(STEREO, count=count))[0]) == 3


def test_what_follows_the_samples_of_a_wav_file_is_no_sound() -> None:
    data = wav(STEREO) + b"LIST\x04\x00\x00\x00abcd"
    assert len(read(data)[0]) == 3


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"RIFF\x00\x00\x00\x00AVI ", "standard input: is AVI"),
        (b"RIFF\x24\x00", "begins like a WAV file, but"),
        (wav(STEREO, rate=1), "1000 to 768000 Hz"),
    ],
)
def test_a_wav_header_that_cannot_be_is_named(data: bytes, message: str) -> None:
    samples, error = read(data)
    assert len(samples) == 0
    assert isinstance(error, AudioFileError)
    assert message in str(error)
