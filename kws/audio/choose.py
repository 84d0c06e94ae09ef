"""From what the configuration says to an open source."""

import logging
import sys
import time
from pathlib import Path

from kws.audio.feed import AudioFormat
from kws.audio.file import Demo, Recording
from kws.audio.microphone import Microphone
from kws.audio.nothing import NoSource
from kws.audio.source import Source
from kws.audio.stdin import Stdin
from kws.config.schema import AudioConfig
from kws.errors import AudioFileError, NoMicrophoneError

log = logging.getLogger(__name__)


def open_source(
    config: AudioConfig, model_rate: int, *, demo_if_no_microphone: bool
) -> tuple[Source, AudioFormat]:
    """The source that the configuration names, opened.

    Args:
        config: what to listen to.
        model_rate: samples per second that need no resampling.
        demo_if_no_microphone: take the demo recording where there is no microphone.

    Raises:
        KwsError: it cannot be opened.
    """
    source = make_source(config, model_rate)
    try:
        return source, source.open()
    except NoMicrophoneError as error:
        if not demo_if_no_microphone:
            raise
        log.warning("%s; playing the demo recording instead", error)
        source = Demo(time.monotonic)
        return source, source.open()


def make_source(config: AudioConfig, model_rate: int, *, again: bool = False) -> Source:
    """The source that the configuration names, not opened yet.

    Args:
        config: what to listen to.
        model_rate: samples per second that need no resampling.
        again: it was lost, or was not there.

    Raises:
        AudioFileError: standard input is closed.
    """
    match config.source:
        case "microphone":
            return Microphone(config.device, model_rate, config.device_rate, rescan=again)
        case "demo":
            return Demo(time.monotonic)
        case "network":
            return NoSource(model_rate)
        case "-":
            if sys.stdin is None:
                raise AudioFileError("standard input is closed; pipe audio into kws")
            raw = AudioFormat(config.stdin_rate, config.stdin_channels)
            return Stdin(sys.stdin.buffer, raw, config.stdin_format, model_rate)
        case path:
            return Recording(Path(path))
