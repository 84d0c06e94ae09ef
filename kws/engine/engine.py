"""What is heard: the own source, the streams that others send, the thread that hears."""

import asyncio
import contextlib
import logging
import threading
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

from kws.audio.capture import Capture, Pace
from kws.audio.feed import Feed
from kws.audio.liveness import IdleTimeouts
from kws.audio.source import FirstSource, make_source
from kws.config.schema import AudioConfig, Config
from kws.engine.batch import Inference
from kws.engine.build import make_spotter, warn_of_other_hop
from kws.engine.clips import Clip
from kws.engine.scores import Observers
from kws.engine.senders import Senders
from kws.engine.stream import Stream
from kws.errors import HungError, KwsError
from kws.protocol.events import Body, Event
from kws.spotting.model_file import KeywordModel
from kws.spotting.spotter import Spotter

log = logging.getLogger(__name__)

_LOOK_SECONDS = 0.25
"""Between two looks at the senders."""
STOP_SECONDS = 0.2
"""How long each part of a stop may take, so that all of it takes less than a second."""


@dataclass(frozen=True)
class Outlets:
    """Where what is heard goes.

    Attributes:
        publish: takes what happened.
        observers: who look at each hop.
        keep: takes the sound of each detection, with the event's id; None: nobody does.
        measured: told how many seconds the model took for how many windows.
    """

    publish: Callable[[Body], Event | None]
    observers: Observers
    keep: Callable[[str, Clip], None] | None
    measured: Callable[[float, int], object]


class Hearing:
    """The daemon's own stream, and the streams that others send.

    Args:
        first: source to begin with.
        config: all settings.
        model: what hears.
        outlets: where what is heard goes.
        pace: how to go about losses.
        clock: seconds, monotonic.

    Attributes:
        inference: hears all streams, in a thread of its own.
        stream: what comes of the own source.
        capture: keeps the own source open.
        network: what others send.

    Raises:
        ConfigError: configuration and model contradict each other.
    """

    def __init__(
        self,
        first: FirstSource,
        config: Config,
        model: KeywordModel,
        outlets: Outlets,
        pace: Pace,
        clock: Callable[[], float],
    ) -> None:
        source = first.source
        self._config, self._model, self._outlets = config, model, outlets
        self.inference = Inference(model, outlets.measured)
        self._ended, self._failed = asyncio.Event(), asyncio.Event()
        self._failure: Exception | None = None
        self._loop = asyncio.get_running_loop()
        self.stream = self._new_stream(
            source.stream, live=source.live, heard_to_end=lambda: self._set(self._ended)
        )
        warn_of_other_hop(self.stream.spotter)
        self.inference.add(self.stream)
        self._source = source
        self._opened = first.opened
        self.capture = Capture(
            source,
            lambda: make_source(self._config.audio, self.inference.model.sample_rate, again=True),
            lambda audio_format: Feed(audio_format, clock, self.inference.woken),
            _Wake(self.stream, self.inference),
            _timeouts(config.audio),
            pace,
            clock,
        )
        if first.error is not None:
            self.capture.refuse(first.error)
        self.network = Senders(
            self.inference,
            self._new_stream,
            outlets.publish,
            lambda: _timeouts(self._config.audio),
            clock,
            reserved=frozenset((source.stream,)),
        )

    @property
    def live(self) -> bool:
        """Whether the source does not wait, and ought to deliver all the time."""
        return self._source.live

    @contextlib.asynccontextmanager
    async def listening(self) -> AsyncIterator["asyncio.Task[None]"]:
        """Hear inside this block; gives a task that ends when there will be no more.

        The task raises what `Capture.run` does, or what the inference thread failed with.
        """
        hearing = threading.Thread(target=self._infer, name="inference", daemon=True)
        hearing.start()
        task, looking = asyncio.create_task(self._run()), asyncio.create_task(self._look())
        try:
            yield task
        finally:
            task.cancel()
            looking.cancel()
            await self.capture.stop(STOP_SECONDS)
            self.inference.stop()
            await asyncio.to_thread(hearing.join, STOP_SECONDS)

    async def change(self, config: Config, model: KeywordModel) -> None:
        """Go over to another configuration and model, without losing sound.

        Args:
            config: all settings; its source has to be the same.
            model: what hears from now on.

        Raises:
            ConfigError: they contradict each other.
        """
        warn_of_other_hop(make_spotter(config, model))

        def spotter() -> Spotter:
            return make_spotter(config, model)

        changed, abandoned = asyncio.Event(), threading.Event()
        self.inference.exchange(
            model, spotter, lambda: self._set(changed), lambda: not abandoned.is_set()
        )
        try:
            await changed.wait()
        except asyncio.CancelledError:
            # What was refused must not happen later.
            abandoned.set()
            raise
        before, self._config, self._model = self._config, config, model
        if config.audio != before.audio:
            self.capture.change(_timeouts(config.audio))

    def _new_stream(
        self,
        name: str,
        *,
        live: bool,
        behind_s: float | None = None,
        heard_to_end: Callable[[], None] = lambda: None,
    ) -> Stream:
        """A stream that hears with what the others hear with.

        Raises:
            ConfigError: configuration and model contradict each other.
        """
        return Stream(
            name,
            make_spotter(self._config, self._model),
            self._outlets.publish,
            live=live,
            behind_s=behind_s,
            heard_to_end=heard_to_end,
            observers=self._outlets.observers,
            keep=self._outlets.keep,
        )

    async def _look(self) -> None:
        """Find out which senders have fallen silent."""
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            self.network.poll()

    async def _run(self) -> None:
        capturing = asyncio.create_task(self.capture.run(self._opened))
        failing = asyncio.create_task(self._failed.wait())
        hearing = asyncio.create_task(self._ended.wait())
        try:
            await _first_of(capturing, failing)
            if capturing.done() and not isinstance(capturing.exception(), HungError):
                # Of a recording nothing is lost, though it ended in damage.
                await _first_of(hearing, failing)
            if self._failure is not None:
                raise KwsError("nothing was heard any more") from self._failure
            capturing.result()
        finally:
            for task in (capturing, failing, hearing):
                task.cancel()

    def _infer(self) -> None:
        """The inference thread."""
        try:
            self.inference.run()
        # A dead inference thread must never look like a quiet room.
        except Exception as error:
            log.exception("inference failed; this is an error in kws, please report it")
            self._failure = error
            self._set(self._failed)

    def _set(self, event: asyncio.Event) -> None:
        """From any thread; a loop that has ended needs no news."""
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(event.set)


async def _first_of(*tasks: "asyncio.Task[Any]") -> None:
    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)


def _timeouts(audio: AudioConfig) -> IdleTimeouts:
    return IdleTimeouts(audio.lost_after_s, audio.silent_after_s)


class _Wake:
    """A stream's sink that wakes who hears the stream."""

    def __init__(self, stream: Stream, inference: Inference) -> None:
        self._stream, self._inference = stream, inference

    def attach(self, feed: Feed) -> None:
        self._stream.attach(feed)
        self._inference.woken.set()

    def lose(self, reason: str) -> None:
        self._stream.lose(reason)
        self._inference.woken.set()
