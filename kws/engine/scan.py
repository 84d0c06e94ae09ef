"""Recordings, as fast as the machine goes, with the same result as the daemon would give."""

import logging
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

from kws.audio.decode import open_audio
from kws.audio.readers import AudioReader, blocks
from kws.audio.resample import MonoResampler, warn_not_finite
from kws.config.schema import Config
from kws.engine.build import SILENCE_S, make_spotter
from kws.errors import AudioFileError
from kws.spotting.detection import Detection
from kws.spotting.load import load_model
from kws.spotting.model import KeywordModel
from kws.typing import Samples

log = logging.getLogger(__name__)

BLOCK_S = 10.0
"""Seconds that are read and processed at once."""
FULL_BAND_HZ = 16_000


def scan(
    source: str | Path | BinaryIO,
    model: KeywordModel | None = None,
    config: Config | None = None,
    *,
    progress: Callable[[float], object] = lambda seconds: None,
) -> Iterator[Detection]:
    """Detect the keywords in a recording.

    Args:
        source: a file, at any rate and with any number of channels: any that libsndfile reads
            (WAV, FLAC, MP3, Ogg, ...), and where PyAV is installed, any that FFmpeg reads; or a
            binary file object of such, as a pipe, which is read from where it is.
        model: the keyword model; the bundled default by default.
        config: its `model.hop_s`, `detection`, `trigger` and `keywords` count, and
            `audio.channel`.
        progress: called with the seconds of each block of audio that was processed.

    Yields:
        What is detected, in order; `t` is in seconds of the recording, and can be up to one second
        after its end.

    Raises:
        AudioFileError: the file is missing, empty or damaged; what was detected before the damage
            has been yielded by then.
        ConfigError: the configuration does not fit the model.
    """
    if isinstance(source, str):
        source = Path(source)
    config, model = config or Config(), model or load_model()
    yield from scan_reader(
        open_audio(source, channel=config.audio.channel), model, config, progress=progress
    )


def scan_reader(
    reader: AudioReader,
    model: KeywordModel,
    config: Config,
    *,
    progress: Callable[[float], object] = lambda seconds: None,
) -> Iterator[Detection]:
    """The same for a recording that is open; it is closed at the end."""
    with closing(reader):
        spotter = make_spotter(config, model)
        rate = reader.format.sample_rate
        resampler = MonoResampler(rate, model.sample_rate, reader.name)
        if rate < FULL_BAND_HZ:
            log.warning("%s: %d Hz; words are harder to tell apart", reader.name, rate)

        def detected(samples: Samples) -> Iterator[Detection]:
            return shifted(spotter.push(samples))

        def shifted(detections: list[Detection]) -> Iterator[Detection]:
            return (replace(each, t=round(each.t - SILENCE_S, 9)) for each in detections)

        yield from detected(resampler.flush(SILENCE_S))
        damage: AudioFileError | None = None
        try:
            for block in blocks(reader, round(BLOCK_S * rate)):
                yield from detected(resampler.push(block))
                progress(len(block) / rate)
        except AudioFileError as error:
            damage = error
        yield from detected(resampler.flush(SILENCE_S))
        yield from shifted(spotter.finish())
        warn_not_finite(reader.name, resampler.not_finite)
        if damage is not None:
            raise damage
