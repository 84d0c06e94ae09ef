"""What a running daemon may become when its configuration is read again."""

from collections.abc import Callable

from msgspec.structs import replace

from kws.config.schema import AudioConfig, Config
from kws.errors import ConfigError
from kws.spotting.model_file import KeywordModel, load_model
from kws.spotting.spotter import warm_up

_FIXED_AUDIO = ("source", "stdin_rate", "stdin_channels", "stdin_format")


def load(old: Config, reread: Callable[[], Config]) -> tuple[Config, KeywordModel]:
    """The new configuration, and its model, ready to hear.

    Args:
        old: the one that holds.
        reread: reads the new one.

    Raises:
        KwsError: they cannot be used, or only by a new start.
    """
    new = reread()
    new = replace(new, audio=_as_chosen(new.audio, old.audio))
    if new.server != old.server:
        raise ConfigError("server: cannot change while kws runs; start it anew, or undo the change")
    for name in _FIXED_AUDIO:
        if getattr(new.audio, name) != getattr(old.audio, name):
            raise ConfigError(
                f"audio.{name}: cannot change while kws runs; start it anew, or undo the change"
            )
    model = load_model(new.model.path)
    warm_up(model)
    return new, model


def _as_chosen(new: AudioConfig, old: AudioConfig) -> AudioConfig:
    """What "auto" has chosen at the start stays."""
    if new.source != "auto":
        return new
    return replace(new, source=old.source, device=new.device or old.device)
