"""Reading configuration and model again while the daemon runs."""

import asyncio
import logging
from http import HTTPStatus
from typing import Any, Protocol

from msgspec.structs import replace

from kws.config.schema import AudioConfig, Config, KeywordConfig
from kws.daemon.sd_notify import SdNotify
from kws.daemon.watchdog import Watchdog
from kws.engine.engine import Engine
from kws.errors import ConfigError, KwsError
from kws.log import set_level
from kws.protocol.events import Publisher, Reloaded, ReloadRefused
from kws.spotting.load import load_model
from kws.spotting.model import KeywordModel
from kws.spotting.spotter import warm_up

log = logging.getLogger(__name__)

_FIXED_SECTIONS = ("server", "state", "history", "integrations", "actions")
_FIXED_AUDIO = ("source", "stdin_rate", "stdin_channels", "stdin_format")
_LIVE_SOURCES = ("microphone", "demo", "network")
"""A microphone is opened again with another channel; the others have none to choose. A recording
and standard input cannot be read again."""
_SWAP_SECONDS = 5.0
"""How long the inference thread may take to go over to another model."""
_ANSWER_SECONDS = 2.0
"""How long a client of POST /reload waits for its end."""


class ConfigReader(Protocol):
    """Reads the configuration."""

    def read(self) -> Config:
        """All settings, as they are now.

        Raises:
            ConfigError: they cannot be used.
        """
        ...


class Reloader:
    """Reloads one daemon, once at a time.

    Args:
        config: the settings that hold.
        reader: of the new settings.
        engine: goes over to them.
        publisher: takes the event.
        watchdog: of the engine.
        sd_notify: notifies the supervisor.
    """

    def __init__(
        self,
        config: Config,
        reader: ConfigReader,
        *,
        engine: Engine,
        publisher: Publisher,
        watchdog: Watchdog,
        sd_notify: SdNotify,
    ) -> None:
        self._config, self._reader = config, reader
        self._engine, self._publisher = engine, publisher
        self._watchdog, self._sd_notify = watchdog, sd_notify
        self._reloading = asyncio.Lock()
        self._answered = set[asyncio.Task[str]]()

    async def reload(self) -> str:
        """Reload, or log why not: then all goes on as before. Sources and subscribers go on.

        Returns:
            Why not; empty where it was done.
        """
        try:
            await self._reload()
        except KwsError as error:
            reason = "; ".join(str(error).splitlines())
            log.error("reload refused, going on as before: %s", reason)
            self._publisher.publish(ReloadRefused(reason))
            return reason
        return ""

    async def respond(self) -> tuple[HTTPStatus, dict[str, Any]]:
        """Reload; the content of the response to POST /reload.

        A reload that takes long goes on after the response, whoever waits for it; its end is an
        event.
        """
        reload = asyncio.create_task(self.reload())
        self._answered.add(reload)
        reload.add_done_callback(self._answered.discard)
        await asyncio.wait((reload,), timeout=_ANSWER_SECONDS)
        if not reload.done():
            reason = "it continues; its outcome is an event: reloaded or reload-refused"
            return HTTPStatus.ACCEPTED, {"reloaded": False, "reason": reason}
        if reason := reload.result():
            return HTTPStatus.CONFLICT, {"reloaded": False, "reason": reason}
        return HTTPStatus.OK, {"reloaded": True, "model": self._engine.spotter.model.header.name}

    async def _reload(self) -> None:
        async with self._reloading:
            self._sd_notify.reloading()
            try:
                config, model = await asyncio.to_thread(load, self._config, self._reader)
                async with asyncio.timeout(_SWAP_SECONDS):
                    await self._engine.change(config, model)
            except TimeoutError as error:
                raise KwsError("the inference thread does not answer") from error
            finally:
                self._sd_notify.reloaded(self._watchdog.status)
            self._config = config
            set_level(config.log.level)
            levels = self._engine.spotter.thresholds
            self._publisher.publish(Reloaded(model.header.name, model.classes, levels))
            log.info("reloaded: listening for: %s", ", ".join(model.classes))


def load(old: Config, reader: ConfigReader) -> tuple[Config, KeywordModel]:
    """The new configuration and its model, ready to be used.

    Args:
        old: the one that holds.
        reader: of the new one.

    Raises:
        KwsError: they cannot be used, or only by a new start.
    """
    new = reader.read()
    new = replace(new, audio=_as_chosen(new.audio, old.audio))
    for section in _FIXED_SECTIONS:
        if getattr(new, section) != getattr(old, section):
            raise ConfigError(
                f"{section}: cannot change while kws runs; restart it, or undo the change"
            )
    for keyword in new.keywords.keys() | old.keywords.keys():
        before, now = (
            (each.run, each.webhook)
            for each in (config.keywords.get(keyword, KeywordConfig()) for config in (old, new))
        )
        if before != now:
            raise ConfigError(
                f"keywords.{keyword}: its actions cannot change while kws runs; restart it, or "
                "undo the change"
            )
    read_once = old.audio.source not in _LIVE_SOURCES
    for name in (*_FIXED_AUDIO, *(("channel",) if read_once else ())):
        if getattr(new.audio, name) != getattr(old.audio, name):
            raise ConfigError(
                f"audio.{name}: cannot change while kws runs; restart it, or undo the change"
            )
    model = load_model(new.model.path, new.model.engine, new.model.verifier)
    warm_up(model)
    return new, model


def _as_chosen(new: AudioConfig, old: AudioConfig) -> AudioConfig:
    """What "auto" has chosen at the start stays."""
    if new.source != "auto":
        return new
    return replace(new, source=old.source, device=new.device or old.device)
