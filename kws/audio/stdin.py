"""Standard input as a source: raw samples, or any format that begins with a header."""

import logging
from typing import BinaryIO

from kws.audio.decode import STDIN_NAME, open_audio
from kws.audio.feed import Feed, write_in_thread
from kws.audio.readers import blocks
from kws.audio.resample import MonoResampler, warn_not_finite
from kws.typing import AudioFormat, Channel, PcmFormat, SampleFormat

log = logging.getLogger(__name__)

_BLOCK_SECONDS = 0.1


class Stdin:
    """Audio on a pipe, read as fast as it is processed; nothing of it is lost.

    Raw samples come in the format that is passed in. Where the stream begins like a WAV file
    (as `arecord` writes it) or one of another format, its header counts instead. A pipe may be
    silent for long before it begins, so this source delivers mono at the model's rate whatever
    comes.

    Args:
        pipe: a binary stream.
        audio_format: rate and channels of raw samples.
        sample_format: type of raw samples.
        model_rate: samples per second to deliver.
        channel: the one to read; "mix" reads all.
    """

    kind = "stdin"
    name = STDIN_NAME
    stream = "default"
    live = False
    comes_back = False

    def __init__(
        self,
        pipe: BinaryIO,
        audio_format: AudioFormat,
        sample_format: SampleFormat,
        model_rate: int,
        channel: Channel = "mix",
    ) -> None:
        self._pipe = pipe
        self._raw = PcmFormat(audio_format, sample_format)
        self._model_rate, self._channel = model_rate, channel

    def open(self) -> AudioFormat:
        return AudioFormat(self._model_rate, 1)

    def start(self, feed: Feed) -> None:
        write_in_thread(self, feed)

    def stop(self) -> None:
        """Nothing to do: ending the feed ends the reading."""

    def write_to(self, feed: Feed) -> None:
        """Write what comes, to its end or that of the feed. Raises AudioFileError."""
        reader = open_audio(self._pipe, raw=self._raw, channel=self._channel, name=self.name)
        rate = reader.format.sample_rate
        resampler = MonoResampler(rate, self._model_rate, self.name)
        seconds = 0.0
        try:
            for frames in blocks(reader, round(_BLOCK_SECONDS * rate)):
                seconds += len(frames) / rate
                if not feed.write_waiting(resampler.push(frames)[:, None]):
                    return
        finally:
            feed.write_waiting(resampler.flush()[:, None])
            log.info("%s ended after %.1f s", self.name, seconds)
            warn_not_finite(self.name, resampler.not_finite)
