"""Recordings, as fast as the machine goes, with the same result as the daemon would give."""

import logging
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from kws.audio.file import open_audio, read_blocks
from kws.audio.resample import MonoResampler, warn_not_finite
from kws.config.schema import Config
from kws.engine.build import SILENCE_S, make_spotter
from kws.errors import AudioFileError
from kws.spotting.load import load_model
from kws.spotting.model import KeywordModel
from kws.spotting.spotter import Detection
from kws.typing import Samples

log = logging.getLogger(__name__)

BLOCK_S = 10.0
"""Seconds that are read and processed at once."""
FULL_BAND_HZ = 16_000


def scan(
    path: str | Path,
    model: KeywordModel | None = None,
    config: Config | None = None,
    *,
    progress: Callable[[float], object] = lambda seconds: None,
) -> Iterator[Detection]:
    """Detect the keywords in a recording.

    Args:
        path: any file that libsndfile reads, at any rate and with any number of channels.
        model: the keyword model; the bundled default by default.
        config: its `model.hop_s`, `detection`, `trigger` and `keywords` count.
        progress: called with the seconds of each block of audio that was processed.

    Yields:
        What is detected, in order; `t` is in seconds of the recording, and can be up to one second
        after its end.

    Raises:
        AudioFileError: the file is missing, empty or damaged; what was detected before the damage
            has been yielded by then.
        ConfigError: the configuration does not fit the model.
    """
    path = Path(path)
    model = model or load_model()
    spotter = make_spotter(config or Config(), model)
    with open_audio(path) as file:
        resampler = MonoResampler(file.samplerate, spotter.model.sample_rate)
        if file.samplerate < FULL_BAND_HZ:
            log.warning("%s: %d Hz; words are harder to tell apart", path, file.samplerate)

        def detected(samples: Samples) -> Iterator[Detection]:
            return shifted(spotter.push(samples))

        def shifted(detections: list[Detection]) -> Iterator[Detection]:
            return (replace(each, t=each.t - SILENCE_S) for each in detections)

        yield from detected(resampler.flush(SILENCE_S))
        damage: AudioFileError | None = None
        try:
            for block in read_blocks(file, path, round(BLOCK_S * file.samplerate)):
                yield from detected(resampler.push(block))
                progress(len(block) / file.samplerate)
        except AudioFileError as error:
            damage = error
        yield from detected(resampler.flush(SILENCE_S))
        yield from shifted(spotter.finish())
        warn_not_finite(str(path), resampler.not_finite)
        if damage is not None:
            raise damage
