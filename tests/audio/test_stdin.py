"""Standard input: raw samples, WAV streams, and how they end."""

import io
import struct
import wave

import numpy as np
import pytest

from kws.audio.feed import AudioFormat, Feed
from kws.audio.ring import Frames
from kws.audio.stdin import SampleFormat, Stdin
from kws.errors import AudioFileError

STEREO = np.array([[0, 100], [-32_768, 32_767], [5, -6]], "<i2")
AS_FLOAT = STEREO.astype(np.float32) / 32_768


def read(
    data: bytes, channels: int = 2, sample_format: SampleFormat = "s16le"
) -> tuple[AudioFormat, Frames]:
    pipe = io.BufferedReader(io.BytesIO(data))
    source = Stdin(pipe, AudioFormat(16_000, channels), sample_format)
    audio_format = source.open()
    feed = Feed(audio_format, lambda: 0.0)
    source.start(feed)
    blocks = [np.empty((0, audio_format.channels), np.float32)]
    while (chunk := feed.read(1)) is not None:
        assert chunk.lost == 0
        blocks.append(chunk.frames)
    return audio_format, np.concatenate(blocks)


def wav(frames: np.ndarray, rate: int = 44_100, count: int | None = None) -> bytes:
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
    audio_format, frames = read(STEREO.tobytes())
    assert audio_format == AudioFormat(16_000, 2)
    np.testing.assert_allclose(frames, AS_FLOAT)
    _, frames = read(AS_FLOAT.astype("<f4").tobytes(), sample_format="f32le")
    np.testing.assert_allclose(frames, AS_FLOAT)


def test_nothing_at_all() -> None:
    assert len(read(b"")[1]) == 0


def test_more_than_the_ring_holds() -> None:
    many = np.arange(400_000, dtype="<i2")[:, None]
    _, frames = read(many.tobytes(), channels=1)
    np.testing.assert_allclose(frames, many / np.float32(32_768))


def test_half_a_sample_at_the_end_is_said(caplog: pytest.LogCaptureFixture) -> None:
    _, frames = read(STEREO.tobytes() + b"\x01\x02\x03")
    assert len(frames) == 3
    assert "3 bytes left over" in caplog.text


def test_a_wav_header_counts() -> None:
    audio_format, frames = read(wav(STEREO), channels=1)
    assert audio_format == AudioFormat(44_100, 2)
    np.testing.assert_allclose(frames, AS_FLOAT)
    wide = (STEREO.astype("<i4") * 65_536).astype("<i4")
    np.testing.assert_allclose(read(wav(wide))[1], AS_FLOAT, atol=1e-6)


@pytest.mark.parametrize("count", [0, 0x7FFFFFF0, 0xFFFFFFF0])
def test_a_wav_stream_that_does_not_know_its_length_is_heard_to_its_end(count: int) -> None:
    assert len(read(wav(STEREO, count=count))[1]) == 3


def test_what_follows_the_samples_of_a_wav_file_is_no_sound() -> None:
    data = wav(STEREO) + b"LIST\x04\x00\x00\x00abcd"
    assert len(read(data)[1]) == 3


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"RIFF\x00\x00\x00\x00AVI ", "begins like a WAV file, but"),
        (b"RIFF\x24\x00", "begins like a WAV file, but"),
        (wav(np.zeros((4, 1), "u1")), "WAV of 8 bits"),
    ],
)
def test_a_wav_header_that_cannot_be_is_named(data: bytes, message: str) -> None:
    with pytest.raises(AudioFileError, match=message):
        read(data)
