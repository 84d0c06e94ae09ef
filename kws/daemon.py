"""The one room where all meet: start, ready, supervise, stop."""

import asyncio
import contextlib
import logging
import os
import signal
import threading
import time
import uuid
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Future
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any, TypeVar

import numpy as np
import torch

from kws.audio.choose import open_source
from kws.audio.feed import Feed
from kws.config import Config
from kws.errors import DeviceError, KwsError
from kws.events import hello
from kws.listener import Listener, listen, make_spotter, warn_of_other_hop
from kws.serving.access import read_access
from kws.serving.http import EVENTS_PATH, Pages
from kws.serving.hub import Hub
from kws.serving.server import EventServer
from kws.serving.status import SourceState, health, info, is_lost
from kws.serving.stdout import StdoutWriter
from kws.serving.subscriber import Subscribing
from kws.spotting.model_file import load_model
from kws.spotting.spotter import Spotter

log = logging.getLogger(__name__)

Result = TypeVar("Result")

_CHECK_SECONDS = 0.25
_OPEN_SECONDS = 8.0
_STOP_SECONDS = 0.2
"""How long each part of a stop may take, so that all of it takes less than a second."""
_LAST_EVENTS_SECONDS = 5.0
"""How long subscribers may take to read the last events of a recording."""


def run(config: Config, *, demo_if_no_microphone: bool = False) -> None:
    """Listen until the source ends or a signal comes.

    Args:
        config: all settings.
        demo_if_no_microphone: play the demo recording where there is no microphone.

    Raises:
        KwsError: it cannot start, or the source was lost.
    """
    torch.set_num_threads(1)
    daemon = Daemon(config, demo_if_no_microphone=demo_if_no_microphone)
    asyncio.run(daemon.run())


class Daemon:
    """One run of the daemon.

    Args:
        config: all settings.
        demo_if_no_microphone: play the demo recording where there is no microphone.

    Raises:
        KwsError: model, configuration or source cannot be used.
    """

    def __init__(self, config: Config, *, demo_if_no_microphone: bool = False) -> None:
        self._config = config
        access = read_access(config.server, os.environ)
        self._model = load_model(config.model.path)
        spotter = make_spotter(config, self._model)
        warn_of_other_hop(spotter)
        opening = _in_thread(
            lambda: open_source(
                config.audio, self._model.sample_rate, demo_if_no_microphone=demo_if_no_microphone
            )
        )
        try:
            self._source, self._format = opening.result(_OPEN_SECONDS)
        except TimeoutError as error:
            raise _no_answer() from error
        self._feed = Feed(self._format, time.monotonic)
        self._listener = Listener(self._format, spotter)
        self._hub = Hub(uuid.uuid4().hex[:12], lambda: datetime.now(UTC))
        self._stdout = StdoutWriter(self._hub)
        self._server = EventServer(
            Subscribing(
                self._hub, access, self._greeting, self._model.classes, config.server.queue
            ),
            Pages(
                access,
                {"/health": self._health, "/info": self._info},
                # Who supervises the daemon needs no secret.
                open_pages=("/health",),
            ),
            config.server.max_connections,
        )
        self._started = time.monotonic()
        self._failure: BaseException | None = None

    async def run(self) -> None:
        """Listen until the source ends or a signal comes.

        Raises:
            KwsError: the port cannot be had, the source cannot be started or was lost.
        """
        loop = asyncio.get_running_loop()
        interrupted, ended, written = asyncio.Event(), asyncio.Event(), asyncio.Event()

        def from_thread(event: asyncio.Event) -> Callable[[], None]:
            def set_event() -> None:
                loop.call_soon_threadsafe(event.set)

            return set_event

        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, interrupted.set)
        # The first window takes longer than the others: not with sound waiting.
        Spotter(self._model).push(np.zeros(self._model.window_samples, np.float32))
        place = self._config.server
        async with self._server.listening(place.host, place.port) as port:
            self._stdout.start(from_thread(written))
            try:
                async with self._sounding(interrupted, from_thread(ended)):
                    self._say_ready(port)
                    await self._supervise(interrupted, ended)
            finally:
                self._hub.close()
            if interrupted.is_set() or self._failure or self._source.live:
                await _first(written, timeout=_STOP_SECONDS)
            else:
                # Of a recording nothing is lost, though it ended in damage.
                self._server.goodbye_s = _LAST_EVENTS_SECONDS
                await _first(written, interrupted)
        if self._stdout.missed:
            log.warning("standard output missed %d events", self._stdout.missed)
        if self._failure is not None:
            raise KwsError("nothing was heard any more") from self._failure
        if self._feed.error is not None:
            raise self._feed.error
        log.info("stopped")

    @contextlib.asynccontextmanager
    async def _sounding(
        self, interrupted: asyncio.Event, ended: Callable[[], None]
    ) -> AsyncIterator[None]:
        """Sound comes in and is listened to inside this block."""
        listening = threading.Thread(
            target=self._listen, args=(ended,), name="spotting", daemon=True
        )
        self._started = time.monotonic()
        listening.start()
        try:
            await self._start(interrupted)
            yield
        finally:
            self._feed.end()
            stopping = asyncio.wrap_future(_in_thread(self._source.stop))
            await asyncio.wait((stopping,), timeout=_STOP_SECONDS)
            await asyncio.to_thread(listening.join, _STOP_SECONDS)

    async def _start(self, interrupted: asyncio.Event) -> None:
        """Start the source, without waiting for ever for a hung audio server."""
        starting = asyncio.wrap_future(_in_thread(lambda: self._source.start(self._feed)))
        interruption = asyncio.create_task(interrupted.wait())
        await asyncio.wait(
            (starting, interruption), timeout=_OPEN_SECONDS, return_when=asyncio.FIRST_COMPLETED
        )
        interruption.cancel()
        if starting.done():
            starting.result()
        elif not interrupted.is_set():
            raise _no_answer()

    def _listen(self, ended: Callable[[], None]) -> None:
        """The spotting thread."""
        try:
            listen(
                self._feed,
                self._listener,
                self._hub.publish,
                stream=self._source.stream,
                live=self._source.live,
            )
        # A dead spotting thread must never look like a quiet room.
        except Exception as error:
            log.exception("the spotting thread failed; this is an error in kws, please report it")
            self._failure = error
        ended()

    async def _supervise(self, interrupted: asyncio.Event, ended: asyncio.Event) -> None:
        """Wait for a signal or the source's end, and see to it that sound comes."""
        lost_after_s = self._config.audio.lost_after_s
        was_lost = False
        while not (interrupted.is_set() or ended.is_set()):
            await _first(interrupted, ended, timeout=_CHECK_SECONDS)
            # Twice in a row: a process that was paused has heard nothing either, but will.
            was_lost, before = is_lost(self._state(), lost_after_s), was_lost
            if was_lost and before:
                problem = f"has delivered nothing for {lost_after_s:g} s (audio.lost_after_s)"
                name = f"{self._source.kind} {self._source.name!r}"
                self._feed.end(DeviceError(f"{name} {problem}"))

    def _say_ready(self, port: int) -> None:
        host = self._config.server.host
        place = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        sound = f"{self._format.sample_rate} Hz, {self._format.channels} channel(s)"
        log.info(
            "listening to %s %r (%s) for: %s; events at ws://%s%s, state at http://%s/health",
            self._source.kind,
            self._source.name,
            sound,
            ", ".join(self._model.classes),
            place,
            EVENTS_PATH,
            place,
            extra={
                "fields": {
                    "event": "ready",
                    "port": port,
                    "source": self._state().summary(),
                    "sample_rate": self._format.sample_rate,
                    "channels": self._format.channels,
                }
            },
        )

    def _state(self) -> SourceState:
        now, last = time.monotonic(), self._feed.last_audio
        return SourceState(
            stream=self._source.stream,
            kind=self._source.kind,
            name=self._source.name,
            live=self._source.live,
            sample_rate=self._format.sample_rate,
            channels=self._format.channels,
            seconds_since_audio=now - (self._started if last is None else last),
            delivered=last is not None,
            overflows=self._feed.overflows,
            dropped_samples=self._listener.dropped_samples,
        )

    def _greeting(self, seq: int) -> str:
        return hello(
            run=self._hub.run,
            seq=seq,
            model=self._model.header.name,
            thresholds={
                word: each.threshold for word, each in self._listener.spotter.trigger.items()
            },
            sources=[self._state().summary()],
        )

    def _health(self) -> tuple[HTTPStatus, dict[str, Any]]:
        return health(
            self._state(),
            run=self._hub.run,
            uptime_s=time.monotonic() - self._started,
            lost_after_s=self._config.audio.lost_after_s,
            # Standard output subscribes as well.
            subscribers=self._hub.subscribers - 1,
        )

    def _info(self) -> tuple[HTTPStatus, dict[str, Any]]:
        spotter = self._listener.spotter
        return HTTPStatus.OK, info(self._model, hop_s=spotter.hop_s, trigger=spotter.trigger)


def _in_thread(call: Callable[[], Result]) -> Future[Result]:
    """Call into the audio system where it may hang without holding anybody."""
    done: Future[Result] = Future()

    def run() -> None:
        try:
            done.set_result(call())
        except BaseException as error:
            done.set_exception(error)

    threading.Thread(target=run, name="audio system", daemon=True).start()
    return done


def _no_answer() -> DeviceError:
    return DeviceError(
        f"the audio system has not answered for {_OPEN_SECONDS:g} s; is its server hung?"
    )


async def _first(*events: asyncio.Event, timeout: float | None = None) -> None:
    """Wait until one of the events is set, or the time is over."""
    waits = [asyncio.create_task(event.wait()) for event in events]
    await asyncio.wait(waits, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
    for each in waits:
        each.cancel()
