"""Keeps a source open: polls it, and opens it again for as long as it takes."""

import asyncio
import contextlib
import logging
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from kws.audio.feed import Feed, Sink
from kws.audio.liveness import IdleTimeouts, Liveness, Trouble
from kws.audio.source import Source, SourceFactory
from kws.audio.timeout import TIMEOUT_SECONDS, with_timeout
from kws.errors import DeviceError, HungError, KwsError, SilentError
from kws.typing import AudioFormat, Clock

log = logging.getLogger(__name__)

Result = TypeVar("Result")


@dataclass(frozen=True)
class Pace:
    """Times of a capture, in seconds.

    Attributes:
        timeout: a call into the audio system may take so long before it counts as hung.
        first_retry: wait before the source is opened again; doubles with each failure.
        last_retry: the longest wait.
    """

    timeout: float = TIMEOUT_SECONDS
    first_retry: float = 0.5
    last_retry: float = 10.0


@dataclass(frozen=True)
class CaptureState:
    """A capture at one moment.

    Attributes:
        kind: of the source.
        name: of the source, for people.
        audio_format: of what it delivers, or last did; None before it was ever open.
        reason: why there is no audio; empty while there is.
        last_audio: when audio last came, by the clock; None if it never did.
        overflows: how often audio was lost on its way.
        losses: how often the source was lost; attempts in vain to get it back are none.
        attempts: calls into the audio system that returned, with or without an error.
    """

    kind: str
    name: str
    audio_format: AudioFormat | None
    reason: str
    last_audio: float | None
    overflows: int
    losses: int
    attempts: int


class Capture:
    """One source, through all its losses.

    Args:
        source: the first one.
        factory: makes one for each further attempt to open it.
        sink: takes the audio.
        timeouts: how long the source may be idle.
        pace: of calls and attempts.
        clock: seconds, monotonic.

    Attributes:
        settled: set once the first source is open, or known not to open.
        delivering: set once audio has come.
    """

    def __init__(
        self,
        source: Source,
        factory: SourceFactory,
        sink: Sink,
        timeouts: IdleTimeouts,
        pace: Pace,
        clock: Clock,
    ) -> None:
        self._source = source
        self._factory = factory
        self._sink = sink
        self._timeouts = timeouts
        self._pace = pace
        self._clock = clock
        self._feed: Feed | None = None
        self._started: Feed | None = None
        self._format: AudioFormat | None = None
        self._liveness = Liveness()
        self._overflows = self._attempts = 0
        self._idle: KwsError | None = None
        self._changed = self._interrupted = False
        self._woken, self._unmuted = asyncio.Event(), asyncio.Event()
        self._unmuted.set()
        self.settled, self.delivering = asyncio.Event(), asyncio.Event()

    @property
    def state(self) -> CaptureState:
        """How it stands."""
        feed, liveness = self._feed, self._liveness
        last_audio = None if feed is None else feed.last_audio
        return CaptureState(
            kind=self._source.kind,
            name=self._source.name,
            audio_format=self._format,
            reason=liveness.reason,
            last_audio=liveness.last_audio if last_audio is None else last_audio,
            overflows=self._overflows + (feed.overflows if feed else 0),
            losses=liveness.losses,
            attempts=self._attempts,
        )

    def poll(self) -> None:
        """Find out whether the source delivers; to be called several times a second."""
        if (feed := self._started) is None:
            return
        self._delivered(feed)
        if self._source.live:
            trouble = self._liveness.poll(self._clock(), feed.last_audio, feed.last_sound)
            self._idle = None if trouble is None else self._idle_error(trouble)
        if feed.ended or self._idle is not None:
            self._started = None
            self._woken.set()

    def change(self, factory: SourceFactory, timeouts: IdleTimeouts) -> None:
        """Go over to a new source at once; one that does not come back goes on instead."""
        self._factory, self._timeouts = factory, timeouts
        if not self._source.comes_back:
            return
        self._changed = True
        self._woken.set()

    def mute(self) -> None:
        """Close the source, and open it no more until `unmute`.

        For sources that may be opened again: live ones, and that of a daemon without one.
        """
        self._unmuted.clear()
        self._interrupted = True
        self._woken.set()

    def unmute(self) -> None:
        """Open the source again."""
        self._unmuted.set()

    def refuse(self, error: KwsError) -> None:
        """The first source is known not to open: wait before it is opened again."""
        self._warn(error)
        self._liveness.absent(str(error))
        self.settled.set()
        self._sink.lose(str(error))

    async def run(self, opened: AudioFormat | None = None) -> None:
        """Deliver audio: until cancelled, or to the end of a source that does not come back.

        Args:
            opened: what the source delivers, if it is open already.

        Raises:
            HungError: the audio system hangs. What is stuck in it cannot be freed by anything but
                the end of the process.
            KwsError: a source that does not come back was lost.
        """
        wait = self._pace.first_retry
        if self._liveness.trouble is not None:
            wait = await self._back_off(wait)
            self._source = self._factory.make()
        while True:
            if self._interrupted:
                await self._stay_closed(opened)
                opened, wait = None, self._pace.first_retry
            self._changed = False
            self._woken.clear()
            feed, error = await self._deliver(opened)
            opened = None
            if self._interrupted:
                continue
            if not self._source.comes_back:
                if error is not None:
                    raise error
                return
            # One that opens and delivers nothing is no better than one that does not open.
            if feed is not None and feed.last_audio is not None:
                wait = self._pace.first_retry
            else:
                wait = await self._back_off(wait)
            self._source = self._factory.make()

    async def stop(self, seconds: float) -> None:
        """Stop the source, waiting for at most so many seconds."""
        if self._feed is not None:
            self._feed.end()
        try:
            await with_timeout(self._source.stop, seconds)
        except HungError:
            log.warning("%s %r does not let itself be closed", self._source.kind, self._source.name)

    async def _stay_closed(self, opened: AudioFormat | None) -> None:
        """Wait for the end of muting, with a source that may have been open at its beginning."""
        if opened is not None:
            await self._call(self._source.stop)
        self.settled.set()
        while self._interrupted:
            self._interrupted = False
            await self._unmuted.wait()
        if self._source.comes_back:
            self._source = self._factory.make()

    async def _deliver(self, opened: AudioFormat | None) -> tuple[Feed | None, KwsError | None]:
        """Open the source and deliver its audio until it is lost, or another one is wanted.

        Returns:
            Its feed, if it came to that, and why it was lost.

        Raises:
            HungError: the audio system hangs.
        """
        feed: Feed | None = None
        error: KwsError | None
        source = self._source
        try:
            audio_format = opened if opened is not None else await self._call(source.open)
            self._format = audio_format
            self.settled.set()
            feed = self._feed = self._sink.open(audio_format)
            await self._call(partial(source.start, feed))
            log.info(
                "%s is open: %d Hz, %d channel(s)",
                *(self._place, audio_format.sample_rate, audio_format.channels),
            )
            error = await self._lost(feed)
        except HungError:
            raise
        except KwsError as refused:
            error = refused
        if feed is not None:
            self._delivered(feed)
        if error is not None:
            self._warn(error)
            self._liveness.lose(Trouble.of(error), str(error))
            self.settled.set()
            # Where there is a feed, its end tells the sink.
            if feed is None:
                self._sink.lose(str(error))
        if feed is not None:
            feed.end(error)
            await self._call(source.stop)
            self._feed = None
            self._overflows += feed.overflows
        return feed, error

    async def _lost(self, feed: Feed) -> KwsError | None:
        """Wait until the source is lost; the reason, or None where another one is wanted."""
        self._liveness.start(self._clock(), self._timeouts)
        self._started, self._idle = feed, None
        await self._woken.wait()
        self._started = None
        if self._changed or self._interrupted:
            return None
        self._woken.clear()
        return feed.error if feed.ended else self._idle

    def _idle_error(self, trouble: Trouble) -> KwsError:
        timeouts = self._timeouts
        if trouble is Trouble.LOST:
            return DeviceError(
                f"{self._place} has delivered nothing for {timeouts.lost_after:g} s "
                "(audio.lost_after_s)"
            )
        return SilentError(
            f"{self._place} has delivered nothing but digital silence for "
            f"{timeouts.silent_after:g} s (audio.silent_after_s): it is muted, "
            "or not the one that was meant"
        )

    def _delivered(self, feed: Feed) -> None:
        if feed.last_audio is not None:
            self.delivering.set()
        self._liveness.delivered(feed.first_audio, feed.last_audio, feed.last_sound)

    def _warn(self, error: KwsError) -> None:
        """Log why there is no audio, each reason once."""
        if self._source.comes_back and str(error) != self._liveness.reason:
            log.warning("%s; trying to get it back", error)

    @property
    def _place(self) -> str:
        return f"{self._source.kind} {self._source.name!r}"

    async def _back_off(self, wait: float) -> float:
        """Wait for the next attempt, or until another source is wanted.

        Returns:
            How long to wait for the attempt after that.
        """
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(wait):
                await self._woken.wait()
        return min(2 * wait, self._pace.last_retry)

    async def _call(self, call: Callable[[], Result]) -> Result:
        """Call into the audio system, which may never come back.

        Raises:
            HungError: it has not.
        """
        try:
            return await with_timeout(call, self._pace.timeout)
        except HungError as error:
            raise HungError(
                f"{error}; only a new start frees what is stuck in it, which a supervisor such as "
                "systemd sees to"
            ) from error
        finally:
            self._attempts += 1
