"""The engine: the daemon's own stream and the streams of senders, through one model."""

import asyncio
import contextlib
import logging
import threading
from collections.abc import AsyncIterator

from kws.audio.capture import Capture, Pace
from kws.audio.liveness import IdleTimeouts
from kws.audio.source import ConfiguredSource, FirstSource
from kws.config.schema import Config
from kws.engine.batch import Inference
from kws.engine.build import make_spotter, warn_of_other_hop
from kws.engine.clips import Clips
from kws.engine.output import StreamOutput
from kws.engine.queue import StreamSink
from kws.engine.scores import Observers
from kws.engine.senders import Senders
from kws.engine.state import SourceState
from kws.engine.stream import Stream
from kws.engine.waiting import LoopEvent, first_of
from kws.errors import HungError, KwsError
from kws.protocol.events import Publisher
from kws.spotting.model import KeywordModel
from kws.spotting.spotter import Spotter
from kws.typing import Clock, InferenceMeter

log = logging.getLogger(__name__)

OWN_STREAMS = frozenset(("default", "demo"))
"""Names that events of a daemon's own source may carry, whatever its source is now."""

_ORDER_SECONDS = 5.0
"""How long the inference thread may take to go over to something else."""
STOP_SECONDS = 0.2
"""How long each part of a stop may take, so that all of it takes less than a second."""


class Engine:
    """The daemon's own stream, and the streams of senders.

    Args:
        first: source to begin with.
        config: all settings; its source is not "auto".
        model: what the streams go through.
        publisher: takes the events.
        observers: who gets the scores of each hop.
        clips: keeps the audio of detections.
        meter: measures inference.
        pace: of attempts to open the source again.
        clock: seconds, monotonic.

    Attributes:
        inference: processes all streams, in a thread of its own.
        stream: the daemon's own.
        capture: keeps its source open.
        senders: the streams of senders.

    Raises:
        ConfigError: configuration and model contradict each other.
    """

    def __init__(
        self,
        first: FirstSource,
        config: Config,
        model: KeywordModel,
        *,
        publisher: Publisher,
        observers: Observers,
        clips: Clips,
        meter: InferenceMeter,
        pace: Pace,
        clock: Clock,
    ) -> None:
        self._config, self._model = config, model
        self._publisher, self._observers, self._clips = publisher, observers, clips
        self._first, self._clock = first, clock
        self._ended, self._failed = LoopEvent(), LoopEvent()
        self._failure: Exception | None = None
        self._meter = meter
        self._muted = False
        self.inference = Inference(model, meter)
        source = first.source
        self.stream = self._new_stream(source.stream, live=source.live)
        warn_of_other_hop(self.stream.spotter)
        self.inference.add(self.stream)
        sink = StreamSink(self.stream.queue, self.inference.woken, clock)
        self.capture = Capture(
            source, self._source_factory(), sink, self._idle_timeouts(), pace, clock
        )
        if first.error is not None:
            self.capture.refuse(first.error)
        self.senders = Senders(
            self.inference,
            self._new_stream,
            publisher,
            self._idle_timeouts(),
            clock,
            reserved=OWN_STREAMS | {source.stream},
        )

    @property
    def live(self) -> bool:
        """Whether the source does not wait, and ought to deliver all the time."""
        return self._first.source.live

    @property
    def muted(self) -> bool:
        """Whether its source is closed, and nothing is detected in any stream."""
        return self._muted

    @property
    def spotter(self) -> Spotter:
        """That of the daemon's own stream: model and thresholds as they are now."""
        return self.stream.spotter

    @property
    def mutable(self) -> bool:
        """Whether it may be muted: a recording or a pipe would wait, and nothing of it be lost."""
        return self.live or self._first.source.kind == "network"

    def state(self) -> SourceState:
        """The daemon's own source."""
        capture = self.capture.state
        last = capture.last_audio
        return SourceState(
            stream=self.stream.name,
            kind=capture.kind,
            name=capture.name,
            live=self.live,
            audio_format=capture.audio_format,
            reason=capture.reason,
            seconds_since_audio=None if last is None else self._clock() - last,
            overflows=capture.overflows,
            losses=capture.losses,
            dropped_samples=self.stream.dropped_samples,
        )

    def states(self) -> list[SourceState]:
        """The daemon's own source, and all senders."""
        return [self.state(), *self.senders.states()]

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator["asyncio.Task[None]"]:
        """Process audio inside this block; gives a task that ends when there will be no more.

        The task raises what `Capture.run` does, or what the inference thread failed with.
        """
        thread = threading.Thread(target=self._infer, name="inference", daemon=True)
        thread.start()
        task = asyncio.create_task(self._run())
        try:
            yield task
        finally:
            task.cancel()
            await self.capture.stop(STOP_SECONDS)
            self.inference.stop()
            await asyncio.to_thread(thread.join, STOP_SECONDS)

    async def change(self, config: Config, model: KeywordModel) -> None:
        """Go over to another configuration and model, without losing audio.

        Args:
            config: all settings; its source has to be the same.
            model: what the streams go through from now on.

        Raises:
            ConfigError: they contradict each other.
        """
        warn_of_other_hop(make_spotter(config, model))

        def spotter() -> Spotter:
            return make_spotter(config, model)

        changed, wanted = LoopEvent(), threading.Event()
        wanted.set()
        self.inference.exchange(model, spotter, changed.set, wanted.is_set)
        try:
            await changed.wait()
        except asyncio.CancelledError:
            # What was refused must not happen later.
            wanted.clear()
            raise
        before, self._config, self._model = self._config, config, model
        if config.audio != before.audio:
            self.senders.timeouts = self._idle_timeouts()
            self.capture.change(self._source_factory(), self._idle_timeouts())

    def begin_muted(self) -> None:
        """Be muted from the start; to be called before it runs."""
        self._muted = True
        self.inference.mute(True, lambda: None)
        self.capture.mute()

    async def mute(self) -> None:
        """Close the source, drop what is buffered, and detect nothing in any stream.

        Raises:
            TimeoutError: the inference thread does not answer; the source is closed nevertheless.
        """
        self._muted = True
        try:
            await self._order_muting(muted=True)
        finally:
            # Only now: what is buffered would be processed to its end.
            self.capture.mute()

    async def unmute(self) -> None:
        """Open the source again, and detect again.

        Raises:
            TimeoutError: the inference thread does not answer.
        """
        try:
            await self._order_muting(muted=False)
        except TimeoutError:
            # What was refused must not happen later.
            self.inference.mute(True, lambda: None)
            raise
        self._muted = False
        self.capture.unmute()

    async def _order_muting(self, *, muted: bool) -> None:
        done = LoopEvent()
        self.inference.mute(muted, done.set)
        async with asyncio.timeout(_ORDER_SECONDS):
            await done.wait()

    def poll(self) -> None:
        """Find sources that deliver nothing more; to be called several times a second."""
        self.capture.poll()
        self.senders.poll()

    def reached(self) -> None:
        """The audio of a source that has ended was processed to its end, as a milestone."""
        self._ended.set()

    def _source_factory(self) -> ConfiguredSource:
        return ConfiguredSource(self._config.audio, self._model.sample_rate)

    def _new_stream(self, name: str, *, live: bool, behind_s: float = 0.0) -> Stream:
        """A stream with the model that the others go through.

        Raises:
            ConfigError: configuration and model contradict each other.
        """
        output = StreamOutput(name, self._publisher, self._observers, self._clips, self._meter)
        spotter = make_spotter(self._config, self._model)
        return Stream(spotter, output, live=live, behind_s=behind_s)

    def _idle_timeouts(self) -> IdleTimeouts:
        return IdleTimeouts(self._config.audio.lost_after_s, self._config.audio.silent_after_s)

    async def _run(self) -> None:
        capturing = asyncio.create_task(self.capture.run(self._first.opened))
        try:
            await first_of(capturing, self._failed)
            if capturing.done() and not isinstance(capturing.exception(), HungError):
                # Of a recording nothing is lost, though it ended in damage.
                self.stream.queue.mark(self)
                self.inference.woken.set()
                await first_of(self._ended, self._failed)
            if self._failure is not None:
                raise KwsError("the inference thread has stopped") from self._failure
            capturing.result()
        finally:
            capturing.cancel()

    def _infer(self) -> None:
        """The inference thread."""
        try:
            self.inference.run()
        # An inference thread that has ended must not look like silence.
        except Exception as error:
            log.exception("inference failed; this is an error in kws, please report it")
            self._failure = error
            self._failed.set()
