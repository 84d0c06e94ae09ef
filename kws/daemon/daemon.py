"""The daemon: start, ready, reload, stop; each part is started and stopped in mirrored order."""

import asyncio
import logging
import os
import time
import uuid

from msgspec import to_builtins
from msgspec.structs import replace

from kws.audio.capture import Pace
from kws.audio.source import FirstSource, first_source, resolve_auto
from kws.config.paths import state_folder
from kws.config.schema import Config
from kws.daemon.descriptors import make_room
from kws.daemon.mute_file import MuteFile
from kws.daemon.muting import MuteSwitch
from kws.daemon.reload import ConfigReader, Reloader
from kws.daemon.sd_notify import SdNotify
from kws.daemon.signals import signals
from kws.daemon.watchdog import Watchdog
from kws.engine.clips import Clips
from kws.engine.engine import STOP_SECONDS, Engine
from kws.engine.scores import Observers
from kws.engine.waiting import LoopEvent, first_of
from kws.integrations.build import make_integrations
from kws.integrations.wyoming.address import check_stdio, uses_stdio
from kws.protocol.codes import EVENTS_PATH
from kws.serving.app import App
from kws.serving.auth import Access, read_access
from kws.serving.connections import UNAUTHENTICATED, Connections
from kws.serving.description import Description
from kws.serving.hub import Hub
from kws.serving.metrics import Metrics
from kws.serving.recorder import make_recorder
from kws.serving.server import Server
from kws.serving.stdout import StdoutWriter
from kws.spotting.load import load_model
from kws.spotting.model import KeywordModel
from kws.spotting.spotter import warm_up

log = logging.getLogger(__name__)

_DRAIN_SECONDS = 5.0
"""How long subscribers and integrations may take for the last events of a recording."""
_RECORDED_SECONDS = 0.3
"""How long the history may take to write the last events."""
_TICK_SECONDS = 0.25
_TICKS_PER_CHECK = 4
"""The sources are polled at each tick; the watchdog and the clips' age at every fourth."""


def run(config: Config, reader: ConfigReader, *, demo_if_no_microphone: bool = False) -> None:
    """Process audio until the source ends or a signal comes.

    Args:
        config: all settings.
        reader: of the settings at a reload.
        demo_if_no_microphone: play the demo recording where there is no microphone.

    Raises:
        KwsError: it cannot start, the source was lost for good, or the audio system hangs.
    """
    asyncio.run(_run(config, reader, demo_if_no_microphone))


async def _run(config: Config, reader: ConfigReader, demo_if_no_microphone: bool) -> None:
    access = read_access(config.server, os.environ)
    model = load_model(config.model.path, config.model.engine, config.model.verifier)
    warm_up(model)
    check_stdio(config.integrations.wyoming, config.audio)
    audio = resolve_auto(
        config.audio,
        os.environ,
        demo_if_no_microphone=demo_if_no_microphone,
        piped=False if uses_stdio(config.integrations.wyoming) else None,
    )
    config = replace(config, audio=audio)
    first = await first_source(
        audio, model.sample_rate, demo_if_no_microphone=demo_if_no_microphone
    )
    await Daemon(config, reader, access, model, first).run()


class Daemon:
    """One run of the daemon.

    Args:
        config: all settings.
        reader: of the settings at a reload.
        access: who may connect.
        model: what the streams go through.
        first: the source to begin with.

    Raises:
        ConfigError: configuration and model contradict each other, or an integration cannot be
            used as it is configured.
    """

    def __init__(
        self,
        config: Config,
        reader: ConfigReader,
        access: Access,
        model: KeywordModel,
        first: FirstSource,
    ) -> None:
        server = config.server
        limits = {name: getattr(server, name) for name in ("max_connections", "max_streams")}
        self._config = config
        self._interrupted, self._written = asyncio.Event(), LoopEvent()
        self._recorded = LoopEvent()
        self._hub = Hub(uuid.uuid4().hex[:12])
        wyoming = config.integrations.wyoming
        self._stdout = None if uses_stdio(wyoming) else StdoutWriter(self._hub)
        self._clips = Clips(server.keep_audio_s, time.monotonic)
        metrics, observers = Metrics(self._hub), Observers()
        others = wyoming.max_connections if wyoming.uri else 0
        room = make_room(sum(limits.values()) + UNAUTHENTICATED + others)
        connections = Connections(limits, max(2, room - others))
        self._engine = Engine(
            first,
            config,
            model,
            publisher=self._hub,
            observers=observers,
            clips=self._clips,
            meter=metrics,
            pace=Pace(),
            clock=time.monotonic,
        )
        self._sd_notify = SdNotify(os.environ)
        self._watchdog = Watchdog(self._engine, self._sd_notify, time.monotonic)
        folder = state_folder(config.state.folder, os.environ)
        self._recorder = make_recorder(config.history, folder, self._hub)
        self._switch = MuteSwitch(
            self._engine,
            self._hub,
            MuteFile(folder),
            time.monotonic,
            remote_unmute=server.remote_unmute,
        )
        description = Description(self._engine, self._hub.run)
        self._integrations = make_integrations(
            config,
            self._hub,
            description,
            os.environ,
            senders=self._engine.senders,
            over=self._interrupted,
            muting=self._switch,
        )
        self._reloader = Reloader(
            config,
            reader,
            engine=self._engine,
            publisher=self._hub,
            watchdog=self._watchdog,
            sd_notify=self._sd_notify,
        )
        app = App(
            self._engine,
            hub=self._hub,
            access=access,
            config=server,
            metrics=metrics,
            clips=self._clips,
            observers=observers,
            watchdog=self._watchdog,
            reload=self._reloader,
            switch=self._switch,
            recorder=self._recorder,
            connections=connections,
            integrations=self._integrations,
        )
        self._server = Server(app.routes, connections)

    async def run(self) -> None:
        """Process audio until the source ends or a signal comes.

        Raises:
            KwsError: the port cannot be had, an integration cannot begin, the source was lost for
                good, or the audio system hangs.
        """
        server = self._config.server
        async with (
            self._server.listening(server.host, server.port) as port,
            self._integrations.running(STOP_SECONDS),
        ):
            if self._stdout is None:
                self._written.set()
            else:
                self._stdout.start(self._written)
            if self._recorder is not None:
                self._recorder.start(self._recorded)
            self._switch.restore()
            try:
                async with self._engine.running() as ending, asyncio.TaskGroup() as tasks:
                    with signals(self._interrupted, self._reloader.reload, tasks):
                        background = [
                            tasks.create_task(self._tick()),
                            tasks.create_task(self._notify_ready(port)),
                            tasks.create_task(self._switch.watch()),
                        ]
                        await first_of(ending, self._interrupted)
                    self._sd_notify.stopping()
                    for task in background:
                        task.cancel()
            finally:
                self._hub.close()
            error = ending.exception() if ending.done() and not ending.cancelled() else None
            await self._drain(error)
            if self._recorder is not None:
                await first_of(self._recorded, seconds=_RECORDED_SECONDS)
        if self._stdout is not None and self._stdout.missed:
            log.warning("standard output missed %d events", self._stdout.missed)
        if error is not None:
            raise error
        log.info("stopped")

    async def _drain(self, error: BaseException | None) -> None:
        """Let standard output, subscribers and integrations get their last events.

        Of a recording nothing is lost, though it ended in damage.
        """
        interrupted, live = self._interrupted.is_set(), self._engine.live
        if interrupted or live or error:
            await first_of(self._written, seconds=STOP_SECONDS)
        if not interrupted and not live:
            self._server.drain(_DRAIN_SECONDS)
            stopping = asyncio.create_task(self._integrations.stop(_DRAIN_SECONDS))
            await first_of(stopping, self._interrupted)
            await first_of(self._written, self._interrupted)

    async def _tick(self) -> None:
        """Do what is due from time to time."""
        ticks = 0
        while True:
            self._engine.poll()
            if ticks % _TICKS_PER_CHECK == 0:
                self._watchdog.check()
                self._clips.forget_old()
            ticks += 1
            await asyncio.sleep(_TICK_SECONDS)

    async def _notify_ready(self, port: int) -> None:
        """Log and notify that the daemon is ready: its source is open or known to be missing."""
        await self._engine.capture.settled.wait()
        source = self._engine.state()
        waits = self._config.audio.ready_after_sound and source.kind != "network"
        if waits and not self._engine.muted:
            await self._engine.capture.delivering.wait()
            source = self._engine.state()
        host = self._config.server.host
        address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        form = source.audio_format
        sound = f"{form.sample_rate} Hz, {form.channels} channel(s)" if form else "not there yet"
        classes = self._engine.spotter.model.classes
        log.info(
            "listening to %s %r (%s) for: %s; events at ws://%s%s, state at http://%s/health",
            *(source.kind, source.name, sound, ", ".join(classes)),
            *(address, EVENTS_PATH, address),
            extra={
                "fields": {
                    "event": "ready",
                    "port": port,
                    "source": to_builtins(source.summary()),
                    **source.format_fields(),
                }
            },
        )
        self._sd_notify.ready(self._watchdog.status)
