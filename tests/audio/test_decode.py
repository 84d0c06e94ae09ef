"""Other formats than WAV, as files, in pipes and without the library that reads them."""

import io
from contextlib import closing
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from kws.audio import decode
from kws.audio.decode import open_audio
from kws.audio.formats import ENOUGH_FOR_MPEG, identify
from kws.audio.readers import blocks
from kws.errors import AudioFileError
from kws.typing import AudioFormat, Frames, PcmFormat
from tests.support.wav import KINDS, Layout, chunk, wav

RATE = 16_000
RAW = PcmFormat(AudioFormat(RATE, 1), "s16le")
TONE = (0.5 * np.sin(np.arange(RATE) * 0.2)).astype(np.float32)
LIBSNDFILE = {
    "FLAC": ("FLAC", "PCM_16", "FILE"),
    "Ogg Vorbis": ("OGG", "VORBIS", "FILE"),
    "Ogg Opus": ("OGG", "OPUS", "FILE"),
    "MP3": ("MP3", "MPEG_LAYER_III", "FILE"),
    "AIFF": ("AIFF", "PCM_24", "FILE"),
    "AU": ("AU", "PCM_16", "BIG"),
    "little-endian AU": ("AU", "PCM_16", "LITTLE"),
    "CAF": ("CAF", "PCM_16", "FILE"),
    "W64": ("W64", "PCM_16", "FILE"),
    "VOC": ("VOC", "PCM_16", "FILE"),
    "NIST Sphere": ("NIST", "PCM_16", "FILE"),
    "IRCAM": ("IRCAM", "PCM_16", "LITTLE"),
    "RIFX": ("WAV", "PCM_16", "BIG"),
    "WAV of MS ADPCM": ("WAV", "MS_ADPCM", "FILE"),
    "WAV of IMA ADPCM": ("WAV", "IMA_ADPCM", "FILE"),
}
MEDIA = {
    "M4A": ("mp4", "aac", RATE),
    "fragmented MP4": ("mp4", "aac", RATE),
    "WebM": ("webm", "libopus", 48_000),
    "Matroska": ("matroska", "aac", RATE),
    "ADTS": ("adts", "aac", RATE),
    "3GP": ("3gp", "libopencore_amrnb", 8_000),
    "AMR": ("amr", "libopencore_amrnb", 8_000),
}


def read(source: Path | io.BytesIO, raw: PcmFormat | None = None) -> tuple[Frames, AudioFormat]:
    with closing(open_audio(source, raw=raw)) as reader:
        return np.concatenate(list(blocks(reader, 5_000))), reader.format


def by_libsndfile(name: str) -> bytes:
    form, subtype, endian = LIBSNDFILE[name]
    file = io.BytesIO()
    soundfile.write(file, TONE, RATE, format=form, subtype=subtype, endian=endian)
    return file.getvalue()


def by_ffmpeg(name: str) -> bytes:
    form, codec, rate = MEDIA[name]
    file = io.BytesIO()
    options = {"movflags": "frag_keyframe+empty_moov"} if name.startswith("frag") else {}
    with av.open(file, "w", format=form, options=options) as container:
        stream = container.add_stream(codec, rate=rate, layout="mono")
        frame = av.AudioFrame.from_ndarray(TONE[None], format="fltp", layout="mono")
        frame.sample_rate = RATE
        assert isinstance(stream, av.AudioStream)
        resampler = av.AudioResampler(stream.format, "mono", rate, stream.frame_size or None)
        for each in [*resampler.resample(frame), *resampler.resample(None)]:
            container.mux(stream.encode(each))
        container.mux(stream.encode(None))
    return file.getvalue()


@pytest.mark.parametrize("name", LIBSNDFILE)
def test_what_libsndfile_reads(name: str, tmp_path: Path) -> None:
    content = by_libsndfile(name)
    path = tmp_path / "recording"
    path.write_bytes(content)
    expected, _ = soundfile.read(io.BytesIO(content), dtype="float32", always_2d=True)
    # Were it taken for raw samples, it would be noise: a pipe is decoded like a file.
    for source in (path, io.BytesIO(content)):
        frames, audio_format = read(source, RAW)
        assert audio_format == AudioFormat(RATE, 1)
        np.testing.assert_allclose(frames, expected, atol=1e-6)


@pytest.mark.parametrize("name", LIBSNDFILE)
def test_any_place_of_what_libsndfile_reads(name: str, tmp_path: Path) -> None:
    path = tmp_path / "recording"
    path.write_bytes(by_libsndfile(name))
    with closing(open_audio(path)) as reader:
        whole = reader.read(2 * RATE)
        for place in (12_345, 3, len(whole), len(whole) + 5):
            reader.seek(place)
            # A transform codec begins anew at each place.
            tolerance = 0.01 if "Ogg" in name else 1e-5
            np.testing.assert_allclose(reader.read(1_000), whole[place:][:1_000], atol=tolerance)


@pytest.mark.parametrize("tag", [b"", b"ID3\3\0\0\0\0\0\x0a" + bytes(10)])
def test_mp3_with_and_without_a_tag_in_a_pipe(tag: bytes) -> None:
    frames, _ = read(io.BytesIO(tag + by_libsndfile("MP3")), RAW)
    assert abs(np.abs(frames[4_000:12_000]).max() - 0.5) < 0.05


@pytest.mark.parametrize("name", MEDIA)
def test_what_ffmpeg_reads(name: str, tmp_path: Path) -> None:
    content = by_ffmpeg(name)
    path = tmp_path / "recording"
    path.write_bytes(content)
    for source in (path, io.BytesIO(content)):
        frames, audio_format = read(source, RAW)
        assert audio_format.channels == 1
        seconds = len(frames) / audio_format.sample_rate
        assert 0.95 < seconds < 1.25
        middle = frames[len(frames) // 4 : len(frames) // 2, 0]
        frequency = np.argmax(np.abs(np.fft.rfft(middle * np.hanning(len(middle)))))
        hertz = frequency * audio_format.sample_rate / len(middle)
        assert abs(hertz - 0.2 * RATE / (2 * np.pi)) < 10
        assert abs(np.abs(middle).max() - 0.5) < 0.15


@pytest.mark.parametrize("name", MEDIA)
def test_without_its_library_it_is_refused_with_what_to_do(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decode, "media_installed", lambda: False)
    path = tmp_path / "of a phone"
    path.write_bytes(by_ffmpeg(name))
    for source, file in ((path, f"'{path}'"), (io.BytesIO(path.read_bytes()), "'file object'")):
        with pytest.raises(AudioFileError) as raised:
            read(source, RAW)
        assert "pip install 'kws[media]'" in str(raised.value)
        assert f"ffmpeg -i {file} -f wav -" in str(raised.value)


@pytest.mark.parametrize("name", MEDIA)
def test_what_is_damaged_is_named(name: str, tmp_path: Path) -> None:
    path = tmp_path / "recording"
    path.write_bytes(by_ffmpeg(name)[:64])
    with pytest.raises(AudioFileError, match=r"cannot be decoded|ended|damaged"):
        read(path)


def test_a_file_without_sound_is_named(tmp_path: Path) -> None:
    path = tmp_path / "silent.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=25)
        stream.width = stream.height = 16
        stream.pix_fmt = "yuv420p"
        container.mux(stream.encode(av.VideoFrame(16, 16, "yuv420p")))
        container.mux(stream.encode(None))
    with pytest.raises(AudioFileError, match="it has no sound"):
        read(path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"PK\3\4" + bytes(20), "is a ZIP archive, not an audio file"),
        (b"\x1f\x8b\x08" + bytes(20), "is a gzip file, not an audio file"),
        (b"MThd\0\0\0\6" + bytes(20), "is MIDI, not an audio file"),
        (b"RIFF\4\0\0\0WEBPVP8 ", "is WEBP, not an audio file"),
        (b"{" + b'"t": 1.0, ' * 20, "is text, not an audio file"),
        (b"", "ended before any sound came"),
    ],
)
def test_what_is_no_sound_is_no_raw_sound_either(content: bytes, message: str) -> None:
    with pytest.raises(AudioFileError, match=message):
        read(io.BytesIO(content), RAW)


def test_raw_samples_only_where_they_are_wanted() -> None:
    data = (TONE * 2**14).astype("<i2").tobytes()
    frames, _ = read(io.BytesIO(data), RAW)
    np.testing.assert_allclose(frames[:, 0], TONE / 2, atol=1e-4)
    with pytest.raises(AudioFileError, match="no format that is known"):
        read(io.BytesIO(data))


@given(st.integers(-32_768, 32_767), st.floats(0.01, 3), st.floats(1, 32_767))
def test_raw_samples_are_no_mpeg(first: int, step: float, level: float) -> None:
    tone = level * np.sin(np.arange(ENOUGH_FOR_MPEG // 2) * step)
    samples = np.concatenate(([first], tone)).astype("<i2")
    assert identify(samples.tobytes()[:ENOUGH_FOR_MPEG]) is None


@given(st.binary(max_size=100))
def test_any_bytes_are_identified_or_not(begin: bytes) -> None:
    for each in (begin, b"\xff\xfb" + begin, b"\xff\xf1" + begin):
        assert identify(each) is None or identify(each)


def test_one_channel(tmp_path: Path) -> None:
    path = tmp_path / "stereo.wav"
    soundfile.write(path, np.stack((TONE, -TONE), axis=1), RATE, subtype="FLOAT")
    for channel, expected in ((0, TONE), (1, -TONE)):
        with closing(open_audio(path, channel=channel)) as reader:
            assert reader.format == AudioFormat(RATE, 1)
            np.testing.assert_array_equal(reader.read(RATE)[:, 0], expected)
    with pytest.raises(AudioFileError, match=r"has 2 channels, 0 to 1; there is no channel 2"):
        open_audio(path, channel=2)


def test_a_pipe_is_no_empty_file(tmp_path: Path) -> None:
    header = wav(bytes(4_000), KINDS[1], 1, RATE, Layout(before=chunk(b"LIST", b"x")))
    with pytest.raises(TypeError, match="open it in binary mode"):
        open_audio(io.StringIO("RIFF"))  # type: ignore[arg-type]
    assert len(read(io.BytesIO(header))[0]) == 2_000
