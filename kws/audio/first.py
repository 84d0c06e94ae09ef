"""The first source: there at once, refused, or one that may still come."""

from kws.audio.answer import answer_of
from kws.audio.capture import Pace
from kws.audio.choose import make_source, open_source
from kws.audio.feed import AudioFormat
from kws.audio.source import Source
from kws.config.schema import AudioConfig
from kws.errors import DeviceError, HungError

First = tuple[Source, AudioFormat | DeviceError]
"""The first source, and what it delivers or why it does not."""


async def first_source(
    audio: AudioConfig, model_rate: int, pace: Pace, *, demo_if_no_microphone: bool
) -> First:
    """The source that the configuration names; one that is not there may still come.

    Raises:
        KwsError: it cannot be opened, and will not come.
        HungError: the audio system does not answer.
    """
    try:
        return await answer_of(
            lambda: open_source(audio, model_rate, demo_if_no_microphone=demo_if_no_microphone),
            pace.answer,
        )
    except HungError:
        raise
    except DeviceError as error:
        source = make_source(audio, model_rate)
        if not source.comes_back:
            raise
        return source, error
