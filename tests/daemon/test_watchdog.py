"""The watchdog: what health and supervisor are told of a real engine."""

import asyncio
import contextlib
import socket
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from kws.audio.capture import Pace
from kws.audio.feed import Feed
from kws.audio.liveness import IdleTimeouts
from kws.audio.source import FirstSource
from kws.config.load import load_config
from kws.daemon.sd_notify import SdNotify
from kws.daemon.watchdog import Watchdog
from kws.engine.clips import Clips
from kws.engine.engine import Engine
from kws.engine.scores import Observers
from kws.errors import DeviceError
from kws.serving.hub import Hub
from kws.serving.metrics import Metrics
from kws.typing import AudioFormat
from tests.spotting.models import untrained_model
from tests.support.limits import limit

MODEL = untrained_model()
FORMAT = AudioFormat(MODEL.sample_rate, 1)
PACE = Pace(timeout=5.0, first_retry=600.0, last_retry=600.0)
TICK_SECONDS = 0.002
LONG = limit(20.0)
SECOND = np.random.default_rng(1).normal(0, 0.1, (MODEL.sample_rate, 1)).astype(np.float32)


class Device:
    """A source that delivers what a test writes into its feed, unless it is unplugged."""

    kind = "microphone"
    name = "USB"
    stream = "default"
    comes_back = True

    def __init__(self, *, live: bool = True) -> None:
        self.live = live
        self.feed: Feed | None = None
        self.plugged = True

    def open(self) -> AudioFormat:
        if not self.plugged:
            raise DeviceError("not there")
        return FORMAT

    def start(self, feed: Feed) -> None:
        self.feed = feed

    def stop(self) -> None:
        """Nothing to do."""


class Ward:
    """An engine, its watchdog, and the supervisor's socket; time goes when a test says so."""

    def __init__(
        self, device: Device, there: socket.socket, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        self._monkeypatch = monkeypatch
        self.now = 100.0
        self._device = device
        self._there = there
        # Sound may stay away for longer than what comes may be left unheard.
        config = load_config(overrides=["audio.lost_after_s=15"])
        hub = Hub("run")
        self.engine = Engine(
            FirstSource(device, FORMAT),
            config,
            MODEL,
            publisher=hub,
            observers=Observers(),
            clips=Clips(0.0, self.clock),
            meter=Metrics(hub),
            pace=PACE,
            clock=self.clock,
        )
        # The configuration knows no such device.
        self.reopen()
        sd_notify = SdNotify({"NOTIFY_SOCKET": there.getsockname()})
        sd_notify.ready("")
        self.watchdog = Watchdog(self.engine, sd_notify, self.clock)
        self.checking = True

    def clock(self) -> float:
        """Seconds."""
        return self.now

    @contextlib.asynccontextmanager
    async def beating(self) -> AsyncIterator[Feed]:
        """Run and check inside this block; gives the source's feed."""
        async with self.engine.running():
            beat = asyncio.create_task(self._check())
            await self.until(lambda: self._device.feed is not None)
            assert self._device.feed is not None
            try:
                yield self._device.feed
            finally:
                beat.cancel()

    async def _check(self) -> None:
        while True:
            self.engine.poll()
            if self.checking:
                self.watchdog.check()
            await asyncio.sleep(TICK_SECONDS)

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait for something that gives no notice of itself."""
        async with asyncio.timeout(LONG):
            while not condition():
                await asyncio.sleep(0.001)

    def reopen(self) -> None:
        """Open the source again at once."""
        self.engine.capture.change(self, IdleTimeouts())

    def make(self) -> Device:
        """The device, which the configuration does not know."""
        return self._device

    async def looks(self, count: int) -> None:
        """Let the watchdog look so many times more; it asks the inference at each."""
        asked: list[bool] = []
        ask = self.engine.inference.ask

        def counted(answer: Callable[[], None]) -> None:
            asked.append(True)
            ask(answer)

        self._monkeypatch.setattr(self.engine.inference, "ask", counted)
        await self.until(lambda: len(asked) >= count)

    def said(self) -> list[str]:
        """What the supervisor was told since the last call."""
        said = []
        with contextlib.suppress(BlockingIOError):
            while True:
                said.append(self._there.recv(4096).decode())
        return said

    async def until_told(self, message: str) -> None:
        """Wait until the supervisor is told something."""
        await self.until(lambda: message in self.said())


@pytest.fixture
def there(tmp_path: Path) -> Iterator[socket.socket]:
    """A supervisor's socket."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(tmp_path / "notify"))
        listening.setblocking(False)
        yield listening


def test_processed_audio_notifies_the_watchdog(
    there: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def test() -> None:
        ward = Ward(Device(), there, monkeypatch)
        async with ward.beating() as feed:
            await ward.until_told("STATUS=Waiting for audio from microphone 'USB'")
            for _ in range(3):
                ward.said()
                feed.write(SECOND)
                await ward.until_told("WATCHDOG=1")
            assert ward.watchdog.status == "Processing audio from microphone 'USB'"
            assert not ward.watchdog.stalled

    asyncio.run(test())


def test_an_inference_that_hangs_has_none(
    there: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def test() -> None:
        ward = Ward(Device(), there, monkeypatch)
        stuck, gate = threading.Event(), threading.Event()

        def hang() -> None:
            stuck.set()
            gate.wait(LONG)

        async with ward.beating() as feed:
            feed.write(SECOND)
            await ward.until_told("STATUS=Processing audio from microphone 'USB'")
            await ward.until(lambda: ward.engine.inference.windows > 0)
            await ward.looks(2)
            ward.engine.inference.ask(hang)
            await ward.until(stuck.is_set)
            ward.now += 7
            feed.write(SECOND)
            await ward.until(lambda: bool(ward.watchdog.stalled))
            assert ward.watchdog.stalled == "no audio was processed for 7 s"
            await ward.until_told("STATUS=Stalled: no audio was processed for 7 s")
            ward.now += 1
            # A look later it has still said nothing.
            await ward.until_told("STATUS=Stalled: no audio was processed for 8 s")
            assert "WATCHDOG=1" not in ward.said()
            gate.set()
            await ward.until_told("WATCHDOG=1")
            assert not ward.watchdog.stalled

    asyncio.run(test())


def test_a_device_that_comes_back_after_long_was_not_stalled(
    there: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def test() -> None:
        device = Device()
        ward = Ward(device, there, monkeypatch)
        async with ward.beating() as feed:
            feed.write(SECOND)
            await ward.until_told("STATUS=Processing audio from microphone 'USB'")
            device.plugged = False
            feed.end(DeviceError("unplugged"))
            await ward.until_told("STATUS=No audio: not there")
            for _ in range(5):
                ward.now += 600
                ward.reopen()
                # An attempt that comes back is a pulse too.
                await ward.until_told("WATCHDOG=1")
                assert not ward.watchdog.stalled
            ward.now += 600
            # It looks once more, and not again before sound is back.
            await ward.looks(1)
            ward.checking = False
            device.plugged = True
            ward.reopen()
            await ward.until(lambda: device.feed is not feed)
            assert device.feed is not None
            device.feed.write(SECOND[:160])
            await ward.until(lambda: not ward.engine.capture.state.reason)
            assert not ward.watchdog.stalled, "less than a window has come"

    asyncio.run(test())


def test_a_pipe_may_deliver_nothing_for_long(
    there: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def test() -> None:
        ward = Ward(Device(live=False), there, monkeypatch)
        async with ward.beating():
            for _ in range(5):
                ward.said()
                ward.now += 600
                await ward.until_told("WATCHDOG=1")
                assert not ward.watchdog.stalled

    asyncio.run(test())


def test_one_that_is_muted_is_alive_and_not_stalled(
    there: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def test() -> None:
        ward = Ward(Device(), there, monkeypatch)
        async with ward.beating() as feed:
            feed.write(SECOND)
            await ward.until_told("STATUS=Processing audio from microphone 'USB'")
            await ward.engine.mute()
            await ward.until_told("STATUS=Muted: no audio is processed")
            for _ in range(3):
                ward.said()
                ward.now += 60
                await ward.until_told("WATCHDOG=1")
            assert not ward.watchdog.stalled
            await ward.engine.unmute()
            await ward.until(lambda: not feed.ended or ward._device.feed is not feed)

    asyncio.run(test())
