"""Standard input as a source: raw samples, or a WAV stream with a header."""

import io
import logging
import select
import wave
from typing import BinaryIO, cast

from kws.audio.feed import Feed, write_in_thread
from kws.audio.pcm import PcmDecoder
from kws.audio.resample import MonoResampler, warn_not_finite
from kws.config.schema import HIGHEST_RATE, LOWEST_RATE
from kws.errors import AudioFileError
from kws.typing import AudioFormat, PcmFormat, SampleFormat

log = logging.getLogger(__name__)

_BLOCK_SECONDS = 0.1
_OTHER_FORMATS = {b"fLaC": "FLAC", b"OggS": "Ogg", b"caff": "CAF", b"FORM": "AIFF"}


class Stdin:
    """Audio on a pipe, read as fast as it is processed; nothing of it is lost.

    Raw samples come in the format that is passed in. Where the stream begins like a WAV file
    (as `arecord` writes it), its header counts instead. A pipe may be silent for long before it
    begins, so this source delivers mono at the model's rate whatever comes.

    Args:
        pipe: a buffered binary stream.
        audio_format: rate and channels of raw samples.
        sample_format: type of raw samples.
        model_rate: samples per second to deliver.
    """

    kind = "stdin"
    name = "standard input"
    stream = "default"
    live = False
    comes_back = False

    def __init__(
        self,
        pipe: BinaryIO,
        audio_format: AudioFormat,
        sample_format: SampleFormat,
        model_rate: int,
    ) -> None:
        self._pipe = cast(io.BufferedReader, pipe)
        self._bytes_left: int | None = None
        self._pcm = PcmFormat(audio_format, sample_format)
        self._model_rate = model_rate

    def open(self) -> AudioFormat:
        return AudioFormat(self._model_rate, 1)

    def start(self, feed: Feed) -> None:
        write_in_thread(self, feed)

    def stop(self) -> None:
        """Nothing to do: ending the feed ends the reading."""

    def write_to(self, feed: Feed) -> None:
        """Write what comes, to its end or that of the feed. Raises AudioFileError."""
        try:
            begin = self._pipe.peek(4)[:4]
            if begin in _OTHER_FORMATS:
                raise AudioFileError(
                    f"standard input: looks like {_OTHER_FORMATS[begin]}; send WAV or raw samples, "
                    "or give a file to --source"
                )
            if begin == b"RIFF":
                self._pcm, self._bytes_left = _wave_header(self._pipe)
                log.info(
                    "standard input: WAV, %d Hz, %d channel(s)",
                    self._pcm.audio.sample_rate,
                    self._pcm.audio.channels,
                )
            self._write_samples(feed)
        except OSError as error:
            raise AudioFileError(f"standard input: cannot be read: {error.strerror}") from error

    def _write_samples(self, feed: Feed) -> None:
        rate = self._pcm.audio.sample_rate
        resampler, decoder = MonoResampler(rate, self._model_rate), PcmDecoder(self._pcm)
        block = round(_BLOCK_SECONDS * rate) * self._pcm.frame_bytes
        seconds = 0.0
        while data := self._read(block):
            frames = decoder.push(data)
            seconds += len(frames) / rate
            if not feed.write_waiting(resampler.push(frames)[:, None]):
                return
        feed.write_waiting(resampler.flush()[:, None])
        if not seconds:
            raise AudioFileError("standard input ended before any sound came")
        log.info("standard input ended after %.1f s", seconds)
        if left := len(decoder.left_over):
            log.warning("standard input ended inside a sample: %d bytes left over", left)
        warn_not_finite(self.name, resampler.not_finite)

    def _read(self, most: int) -> bytes:
        if self._bytes_left is not None:
            most = min(most, self._bytes_left)
        while (data := self._read_once(most)) is None:
            select.select([self._pipe], [], [])
        if self._bytes_left is not None:
            self._bytes_left -= len(data)
        return data

    def _read_once(self, most: int) -> bytes | None:
        """Nothing at the end; None where the pipe does not block and is empty for now."""
        return self._pipe.read1(most) if most else b""


def _wave_header(pipe: io.BufferedReader) -> tuple[PcmFormat, int | None]:
    """What a WAV stream holds and, where its header knows it, in how many bytes."""
    try:
        with wave.open(pipe) as header:
            width, count = header.getsampwidth(), header.getnframes()
            audio_format = AudioFormat(header.getframerate(), header.getnchannels())
    # The latter: a chunk that says less than it needs.
    except (wave.Error, EOFError, RuntimeError) as error:
        raise AudioFileError(
            f"standard input: begins like a WAV file, but {str(error) or 'ends in its header'}"
        ) from error
    rate, channels = audio_format.sample_rate, audio_format.channels
    if not (LOWEST_RATE <= rate <= HIGHEST_RATE and 1 <= channels <= 64):
        raise AudioFileError(
            f"standard input: WAV of {rate} Hz and {channels} channels; "
            f"{LOWEST_RATE} to {HIGHEST_RATE} Hz and up to 64 channels can be processed"
        )
    if width not in (2, 4):
        raise AudioFileError(
            f"standard input: WAV of {8 * width} bits; send 16 or 32 bits (arecord -f S16_LE)"
        )
    # Who writes to a pipe cannot know the length and puts in nothing, or as much as fits.
    size = count * width * audio_format.channels
    pcm = PcmFormat(audio_format, "s16le" if width == 2 else "s32le")
    return pcm, size if 0 < size < 2**31 - 2**16 else None
