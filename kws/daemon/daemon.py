"""The one room where all meet: start, ready, supervise, reload, stop."""

import asyncio
import contextlib
import logging
import os
import signal
import time
import uuid
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

import torch
from msgspec import to_builtins
from msgspec.structs import replace

from kws.audio.capture import Pace
from kws.audio.source import FirstSource, first_source, resolve_auto
from kws.config.schema import Config
from kws.daemon.reload import load
from kws.daemon.sd_notify import Supervisor
from kws.daemon.watchdog import Pulse
from kws.engine.engine import STOP_SECONDS, Hearing
from kws.engine.listener import thresholds
from kws.errors import KwsError
from kws.log import set_level
from kws.protocol.codes import EVENTS_PATH
from kws.protocol.events import Reloaded
from kws.serving.app import Reception
from kws.serving.auth import Access, read_access
from kws.serving.hub import Hub
from kws.serving.stdout import StdoutWriter
from kws.spotting.model_file import KeywordModel, load_model
from kws.spotting.spotter import warm_up

log = logging.getLogger(__name__)

_LAST_EVENTS_SECONDS = 5.0
"""How long subscribers may take to read the last events of a recording."""
_LOOK_SECONDS = 0.02
"""Between two looks whether the wait for sound has begun."""
_FORGET_SECONDS = 1.0
"""Between two looks for sound that was kept for long enough."""
_EXCHANGE_SECONDS = 5.0
"""How long the inference thread may take to go over to another model."""


def run(
    config: Config,
    *,
    reread: Callable[[], Config] | None = None,
    demo_if_no_microphone: bool = False,
) -> None:
    """Listen until the source ends or a signal comes.

    Args:
        config: all settings.
        reread: the settings as they are when it is called, for a reload; the same by default.
        demo_if_no_microphone: play the demo recording where there is no microphone.

    Raises:
        KwsError: it cannot start, the source was lost for good, or the audio system hangs.
    """
    torch.set_num_threads(1)
    asyncio.run(_run(config, reread or (lambda: config), demo_if_no_microphone))


async def _run(config: Config, reread: Callable[[], Config], demo_if_no_microphone: bool) -> None:
    access = read_access(config.server, os.environ)
    model = load_model(config.model.path)
    warm_up(model)
    pace = Pace()
    audio = resolve_auto(config.audio, os.environ, demo_if_no_microphone=demo_if_no_microphone)
    config = replace(config, audio=audio)
    first = await first_source(
        audio, model.sample_rate, demo_if_no_microphone=demo_if_no_microphone
    )
    await Daemon(config, reread, access, model, first, pace).run()


class Daemon:
    """One run of the daemon.

    Args:
        config: all settings.
        reread: the settings as they are when it is called.
        access: who may connect.
        model: what hears.
        first: the source to begin with.
        pace: how to go about its losses.

    Raises:
        ConfigError: configuration and model contradict each other.
    """

    def __init__(
        self,
        config: Config,
        reread: Callable[[], Config],
        access: Access,
        model: KeywordModel,
        first: FirstSource,
        pace: Pace,
    ) -> None:
        self._config = config
        self._reread = reread
        self._model = model
        self._hub = Hub(uuid.uuid4().hex[:12], lambda: datetime.now(UTC))
        self._stdout = StdoutWriter(self._hub)
        self._reception = Reception(self._hub, access, config)
        self._hearing = Hearing(first, config, model, self._reception.outlets, pace, time.monotonic)
        self._supervisor = Supervisor(os.environ)
        self._pulse = Pulse(self._hearing, self._supervisor, time.monotonic)
        self._server = self._reception.open(
            self._hearing, lambda: self._pulse.stalled, self._answer_reload
        )
        self._reloading = asyncio.Lock()
        self._tasks: set[asyncio.Task[Any]] = set()

    async def run(self) -> None:
        """Listen until the source ends or a signal comes.

        Raises:
            KwsError: the port cannot be had, the source was lost for good, or the audio system
                hangs.
        """
        loop = asyncio.get_running_loop()
        interrupted, written = asyncio.Event(), asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, interrupted.set)
        loop.add_signal_handler(
            signal.SIGHUP, lambda: self._in_background(self._reload_or_say_why_not())
        )
        stopping = asyncio.create_task(interrupted.wait())
        place = self._config.server
        async with self._server.listening(place.host, place.port) as port:
            self._stdout.start(lambda: _set(loop, written))
            try:
                async with self._hearing.listening() as heard:
                    self._in_background(self._pulse.beat())
                    self._in_background(self._forget_old_sounds())
                    self._in_background(self._say_ready(port))
                    await asyncio.wait((heard, stopping), return_when=asyncio.FIRST_COMPLETED)
                    self._supervisor.stopping()
                    for task in self._tasks:
                        task.cancel()
            finally:
                self._hub.close()
            error = heard.exception() if heard.done() and not heard.cancelled() else None
            if stopping.done() or self._hearing.live or error:
                await _within(STOP_SECONDS, written.wait())
            if not stopping.done() and not self._hearing.live:
                # Of a recording nothing is lost, though it ended in damage.
                self._server.goodbye_s = _LAST_EVENTS_SECONDS
                await asyncio.wait(
                    (stopping, asyncio.create_task(written.wait())),
                    return_when=asyncio.FIRST_COMPLETED,
                )
        if self._stdout.missed:
            log.warning("standard output missed %d events", self._stdout.missed)
        if error is not None:
            raise error
        log.info("stopped")

    def _in_background(self, work: Coroutine[Any, Any, object]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: "asyncio.Task[Any]") -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()):
            log.error("a task failed; please report it", exc_info=error)

    async def _forget_old_sounds(self) -> None:
        while True:
            await asyncio.sleep(_FORGET_SECONDS)
            self._reception.forget_old()

    async def _say_ready(self, port: int) -> None:
        while not self._is_ready():
            await asyncio.sleep(_LOOK_SECONDS)
        host = self._config.server.host
        place = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        source = self._reception.state()
        form = source.audio_format
        sound = f"{form.sample_rate} Hz, {form.channels} channel(s)" if form else "not there yet"
        log.info(
            "listening to %s %r (%s) for: %s; events at ws://%s%s, state at http://%s/health",
            *(source.kind, source.name, sound, ", ".join(self._model.classes)),
            *(place, EVENTS_PATH, place),
            extra={
                "fields": {
                    "event": "ready",
                    "port": port,
                    "source": to_builtins(source.summary()),
                    **source.format_fields(),
                }
            },
        )
        self._supervisor.ready(self._pulse.status)

    def _is_ready(self) -> bool:
        capture = self._hearing.capture.state
        if self._config.audio.ready_after_sound and capture.kind != "network":
            return capture.last_audio is not None
        return capture.audio_format is not None or bool(capture.reason)

    async def _reload_or_say_why_not(self) -> KwsError | None:
        try:
            await self._reload()
        except KwsError as error:
            log.error("reload refused, going on as before: %s", error)
            return error
        return None

    async def _answer_reload(self) -> tuple[HTTPStatus, dict[str, Any]]:
        if refusal := await self._reload_or_say_why_not():
            return HTTPStatus.CONFLICT, {"reloaded": False, "reason": str(refusal)}
        return HTTPStatus.OK, {"reloaded": True, "model": self._model.header.name}

    async def _reload(self) -> None:
        """Read configuration and model again; sound and subscribers notice nothing.

        Raises:
            KwsError: they cannot be used; the old ones go on.
        """
        async with self._reloading:
            self._supervisor.reloading()
            try:
                config, model = await asyncio.to_thread(load, self._config, self._reread)
                async with asyncio.timeout(_EXCHANGE_SECONDS):
                    await self._hearing.change(config, model)
            except TimeoutError as error:
                raise KwsError("the inference thread does not answer") from error
            finally:
                self._supervisor.reloaded(self._pulse.status)
            self._config, self._model = config, model
            set_level(config.log.level)
            spotter = self._hearing.stream.spotter
            self._hub.publish(Reloaded(model.header.name, model.classes, thresholds(spotter)))
            log.info("reloaded: listening for: %s", ", ".join(model.classes))


def _set(loop: asyncio.AbstractEventLoop, event: asyncio.Event) -> None:
    """From another thread."""
    loop.call_soon_threadsafe(event.set)


async def _within(seconds: float, work: Coroutine[Any, Any, Any]) -> None:
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(work, seconds)
