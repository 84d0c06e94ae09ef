"""A wake word plugin of OpenVoiceOS, which runs in its process: no daemon is needed."""

from typing import Any

from ovos_plugin_manager.templates.hotwords import HotWordEngine

from kws.audio.pcm import PcmDecoder
from kws.config.load import convert
from kws.config.schema import Config
from kws.engine.build import make_spotter
from kws.errors import ConfigError
from kws.spotting.load import load_model
from kws.typing import AudioFormat, PcmFormat

RATE = 16_000
"""What OpenVoiceOS delivers: samples per second, 16 bit, mono."""
_SECTIONS = ("model", "detection", "trigger", "keywords")


class KwsHotWord(HotWordEngine):  # type: ignore[misc]  # the library has no types
    """Detects one keyword of a model.

    Args:
        key_phrase: what OpenVoiceOS calls it; with underscores for blanks, the keyword.
        config: its section of `hotwords`: `keyword`, where it has another name, and the sections
            `model`, `detection`, `trigger` and `keywords`, as in `config.yaml`.

    Raises:
        ConfigError: it cannot be used, or the model has no such keyword.
        ModelError: the model cannot be used.
    """

    def __init__(self, key_phrase: str = "yes", config: dict[str, Any] | None = None) -> None:
        super().__init__(key_phrase, config)
        sections = {name: self.config[name] for name in _SECTIONS if name in self.config}
        settings = convert(sections, Config, f"hotwords.{self.key_phrase}")
        model = load_model(settings.model.path, settings.model.engine, settings.model.verifier)
        self._keyword = str(self.config.get("keyword") or self.key_phrase.replace(" ", "_"))
        if self._keyword not in model.classes:
            raise ConfigError(
                f"hotwords.{self.key_phrase}: model {model.header.name!r} has no keyword "
                f"{self._keyword!r}; it has: {', '.join(model.classes)}"
            )
        if model.sample_rate != RATE:
            raise ConfigError(
                f"hotwords.{self.key_phrase}: the model is for {model.sample_rate} Hz, and "
                f"OpenVoiceOS delivers {RATE}"
            )
        self._decoder = PcmDecoder(PcmFormat(AudioFormat(RATE, 1), "s16le"))
        self._spotter = make_spotter(settings, model)
        self._found = False

    def update(self, chunk: bytes) -> None:
        """Take the next samples: 16 bit, mono, 16 kHz."""
        samples = self._decoder.push(chunk)[:, 0]
        found = (each.keyword == self._keyword for each in self._spotter.push(samples))
        self._found = any(list(found)) or self._found

    def found_wake_word(self) -> bool:
        """Whether it was detected since this was last asked."""
        found, self._found = self._found, False
        return found

    def reset(self) -> None:
        """Forget all audio so far."""
        self._spotter.skip(0)
        self._found = False
