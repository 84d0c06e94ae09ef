"""A capture through all that can happen to a source, in small times."""

import asyncio
import contextlib
import itertools
import logging
import threading
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

import numpy as np
import pytest

from kws.audio.capture import Capture, Pace
from kws.audio.feed import Feed
from kws.audio.liveness import IdleTimeouts
from kws.errors import AudioFileError, DeviceError, HungError, KwsError
from kws.typing import AudioFormat
from tests.support.limits import limit

FORMAT = AudioFormat(1_000, 1)
PACE = Pace(timeout=5.0, first_retry=0.004, last_retry=0.02)
TICK_SECONDS = 0.002
TIMEOUTS = IdleTimeouts(lost_after=60.0, silent_after=60.0)
HASTY = IdleTimeouts(lost_after=0.02, silent_after=0.0)
LONG = limit(20.0)
SOUND = np.ones((10, 1), np.float32)
ZEROS = np.zeros((10, 1), np.float32)


class Device:
    """A source that does what a test wants; each of its calls may be made to fail or to hang."""

    kind = "microphone"
    stream = "default"

    def __init__(
        self,
        name: str = "USB",
        *,
        live: bool = True,
        comes_back: bool = True,
        open: Callable[[], object] = lambda: None,
        start: Callable[[], object] = lambda: None,
        stop: Callable[[], object] = lambda: None,
        delivers: np.ndarray | None = SOUND,
    ) -> None:
        self.name = name
        self.live = live
        self.comes_back = comes_back
        self.feed: Feed | None = None
        self.stopped = 0
        self.opened_at = 0.0
        self._open, self._start, self._stop = open, start, stop
        self._delivers = delivers

    def open(self) -> AudioFormat:
        self.opened_at = time.monotonic()
        self._open()
        return FORMAT

    def start(self, feed: Feed) -> None:
        self.feed = feed
        self._start()
        if self._delivers is not None:
            feed.write(self._delivers)

    def stop(self) -> None:
        self.stopped += 1
        self._stop()


@dataclass
class Notes:
    """What a capture said."""

    feeds: list[Feed] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)

    def open(self, audio_format: AudioFormat) -> Feed:
        self.feeds.append(Feed(audio_format, time.monotonic))
        return self.feeds[-1]

    def lose(self, reason: str) -> None:
        self.reasons.append(reason)


class Bench:
    """A capture over devices, one after the other; the last one for ever."""

    def __init__(
        self, *devices: Device, timeouts: IdleTimeouts = TIMEOUTS, pace: Pace = PACE
    ) -> None:
        self.devices = devices
        self.made = 0
        self.notes = Notes()
        self.capture = Capture(devices[0], self, self.notes, timeouts, pace, time.monotonic)

    def make(self) -> Device:
        """The next device."""
        self.made += 1
        return self.devices[min(self.made, len(self.devices) - 1)]

    @contextlib.asynccontextmanager
    async def running(self, opened: AudioFormat | None = None) -> AsyncIterator[None]:
        task = asyncio.create_task(self.capture.run(opened))
        try:
            async with self.ticking():
                yield
            assert not task.done(), task.exception()
        finally:
            task.cancel()
            await asyncio.wait((task,))

    @contextlib.asynccontextmanager
    async def ticking(self, seconds: float = TICK_SECONDS) -> AsyncIterator[None]:
        async def tick() -> None:
            while True:
                self.capture.poll()
                await asyncio.sleep(seconds)

        ticker = asyncio.create_task(tick())
        try:
            yield
        finally:
            ticker.cancel()

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait for something that gives no notice of itself."""
        async with asyncio.timeout(LONG):
            while not condition():
                await asyncio.sleep(0.001)

    async def receives(self, device: Device) -> Feed:
        """Wait until a device is the one that is open; its feed."""
        await self.until(
            lambda: (
                device.feed is not None
                and self.notes.feeds[-1] is device.feed
                and not self.capture.state.reason
            )
        )
        assert device.feed is not None
        return device.feed


def refuse(message: str) -> Callable[[], None]:
    def call() -> None:
        raise DeviceError(message)

    return call


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [each.message for each in caplog.records if each.levelno == logging.WARNING]


def test_a_source_that_was_opened_is_not_opened_again() -> None:
    async def test() -> None:
        device = Device(open=refuse("opened twice"))
        bench = Bench(device)
        async with bench.running(FORMAT):
            feed = await bench.receives(device)
            await bench.until(lambda: bench.capture.state.attempts == 1)
        state = bench.capture.state
        assert (state.kind, state.name, state.audio_format) == ("microphone", "USB", FORMAT)
        assert (state.reason, state.losses, state.last_audio) == ("", 0, feed.last_audio)
        assert not bench.notes.reasons

    asyncio.run(test())


def test_before_it_runs_the_state_is_empty() -> None:
    state = Bench(Device()).capture.state
    assert (state.audio_format, state.last_audio, state.reason) == (None, None, "")
    assert (state.overflows, state.losses, state.attempts) == (0, 0, 0)


def test_a_lost_source_comes_back(caplog: pytest.LogCaptureFixture) -> None:
    async def test() -> None:
        first, away, second = Device("one"), Device("one", open=refuse("away")), Device("two")
        bench = Bench(first, away, away, away, second)
        async with bench.running():
            feed = await bench.receives(first)
            feed.lose(3)
            feed.end(DeviceError("unplugged"))
            await bench.receives(second)
        state = bench.capture.state
        assert (state.name, state.losses, state.overflows) == ("two", 1, 1)
        assert first.stopped == 1
        # A feed tells its end by itself.
        assert bench.notes.reasons == ["away"] * 3
        assert len(bench.notes.feeds) == 2
        # Open, start, stop; three times open; open, start.
        assert state.attempts == 8

    asyncio.run(test())
    assert warnings(caplog) == [
        "unplugged; trying to get it back",
        "away; trying to get it back",
    ]


def test_the_state_has_the_reason_of_a_loss() -> None:
    async def test() -> None:
        first, away = Device(), Device(open=refuse("away"))
        bench = Bench(first, away)
        async with bench.running():
            feed = await bench.receives(first)
            feed.end(DeviceError("unplugged"))
            await bench.until(lambda: bench.made > 2)
            state = bench.capture.state
            assert state.reason == "away"
            assert state.audio_format == FORMAT
            assert state.last_audio == feed.last_audio

    asyncio.run(test())


def test_waits_grow_up_to_a_bound_and_begin_anew_after_sound() -> None:
    async def test() -> None:
        pace = Pace(timeout=5.0, first_retry=0.05, last_retry=0.2)
        aways = [Device(open=refuse("away")) for _ in range(4)]
        back, gone, again = Device(), Device(open=refuse("gone")), Device()
        bench = Bench(*aways, back, gone, again, pace=pace)
        async with bench.running():
            (await bench.receives(back)).end(DeviceError("unplugged"))
            await bench.receives(again)
        moments = [each.opened_at for each in (*aways, back)]
        waits = [after - before for before, after in itertools.pairwise(moments)]
        for wait, least in zip(waits, (0.05, 0.1, 0.2, 0.2), strict=True):
            assert wait >= least - 0.005
        assert waits[3] < waits[0] + waits[1] + waits[2], "it grows no more"
        assert 0.045 <= again.opened_at - gone.opened_at < 0.2, "and begins anew"

    asyncio.run(test())


def test_a_source_that_opens_and_delivers_nothing_is_lost() -> None:
    async def test() -> None:
        devices = [Device(start=refuse("busy")) for _ in range(3)]
        good = Device()
        bench = Bench(*devices, good)
        async with bench.running():
            await bench.receives(good)
        waits = [
            after.opened_at - before.opened_at
            for before, after in zip(devices, [*devices[1:], good], strict=True)
        ]
        for wait, least in zip(waits, (0.004, 0.008, 0.016), strict=True):
            assert wait >= least - 0.001
        assert bench.capture.state.losses == 1, "an attempt in vain is no loss"
        assert [feed.error is None for feed in bench.notes.feeds] == [False] * 3 + [True]
        assert not bench.notes.reasons

    asyncio.run(test())


def test_a_source_that_falls_silent_without_a_word_is_lost() -> None:
    async def test() -> None:
        unplugged, good = Device(), Device()
        bench = Bench(unplugged, good, timeouts=HASTY)
        async with bench.running():
            await bench.until(lambda: unplugged.stopped == 1)
        assert unplugged.feed is not None
        assert str(unplugged.feed.error) == (
            "microphone 'USB' has delivered nothing for 0.02 s (audio.lost_after_s)"
        )

    asyncio.run(test())


def test_a_source_that_never_delivers_is_lost() -> None:
    async def test() -> None:
        mute, good = Device(delivers=None), Device()
        bench = Bench(mute, good, timeouts=HASTY)
        async with bench.running():
            await bench.until(lambda: good.feed is not None)
        assert bench.capture.state.losses >= 1
        assert mute.stopped == 1

    asyncio.run(test())


def test_the_first_audio_wakes_those_who_wait_for_it() -> None:
    async def test() -> None:
        device = Device(delivers=None)
        bench = Bench(device)
        async with bench.running():
            await bench.until(lambda: bench.capture.state.attempts == 2)
            assert bench.capture.settled.is_set()
            assert not bench.capture.delivering.is_set()
            assert device.feed is not None
            device.feed.write(SOUND)
            async with asyncio.timeout(LONG):
                await bench.capture.delivering.wait()

    asyncio.run(test())


def test_digital_silence_has_a_reason_until_there_is_sound(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def test() -> None:
        zeros = [Device(delivers=ZEROS) for _ in range(3)]
        bench = Bench(*zeros, timeouts=IdleTimeouts(lost_after=60.0, silent_after=0.02))
        async with bench.running():
            await bench.until(lambda: zeros[1].stopped == 1)
            reason = bench.capture.state.reason
            assert "nothing but digital silence for 0.02 s" in reason
            assert bench.capture.state.losses == 1
            # Longer than it takes to see that sound comes.
            feed = zeros[2].feed
            await bench.until(lambda: zeros[2].stopped >= 2 or zeros[2].feed is not feed)
            assert bench.capture.state.reason == reason
            bench.capture.change(bench, TIMEOUTS)
            feed = zeros[2].feed
            await bench.until(lambda: zeros[2].feed is not feed)
            assert zeros[2].feed is not None
            zeros[2].feed.write(SOUND)
            await bench.until(lambda: not bench.capture.state.reason)
        assert not bench.notes.reasons

    asyncio.run(test())
    assert len(warnings(caplog)) == 1


@pytest.mark.parametrize("call", ["open", "start", "stop"])
def test_an_audio_system_that_hangs_is_given_up(call: str, gate: threading.Event) -> None:
    async def test() -> None:
        stuck: dict[str, Callable[[], object]] = {call: gate.wait}
        device = Device(**stuck)  # type: ignore[arg-type]
        bench = Bench(device, pace=Pace(timeout=0.05, first_retry=0.004))
        task = asyncio.create_task(bench.capture.run())
        if call == "stop":
            (await bench.receives(device)).end(DeviceError("unplugged"))
        async with bench.ticking(), asyncio.timeout(LONG):
            with pytest.raises(HungError, match=r"has not answered for 0\.05 s"):
                await task

    asyncio.run(test())


@pytest.mark.parametrize("error", [None, AudioFileError("cut short")])
def test_the_end_of_what_does_not_come_back_is_the_end(error: KwsError | None) -> None:
    async def test() -> None:
        device = Device(live=False, comes_back=False)
        bench = Bench(device, timeouts=HASTY)
        task = asyncio.create_task(bench.capture.run(FORMAT))
        feed = await bench.receives(device)
        feed.end(error)
        async with bench.ticking(), asyncio.timeout(LONG):
            if error is None:
                await task
            else:
                with pytest.raises(AudioFileError, match="cut short"):
                    await task
        assert (bench.made, device.stopped) == (0, 1)

    asyncio.run(test())


def test_a_source_that_waits_may_deliver_nothing_for_long() -> None:
    async def test() -> None:
        device = Device(live=False, comes_back=False, delivers=None)
        looked = threading.Event()
        bench = Bench(device, timeouts=IdleTimeouts(lost_after=1e-9, silent_after=1e-9))
        async with bench.running():
            await bench.until(lambda: device.feed is not None)
            # It is looked at meanwhile.
            assert not await asyncio.to_thread(looked.wait, 20 * TICK_SECONDS)
        assert (device.feed and device.feed.ended, device.stopped) == (False, 0)

    asyncio.run(test())


def test_a_first_source_that_was_refused_is_waited_for(caplog: pytest.LogCaptureFixture) -> None:
    async def test() -> None:
        refused, made = Device(open=refuse("opened though known not to open")), Device()
        bench = Bench(refused, made)
        bench.capture.refuse(DeviceError("no microphone"))
        assert bench.capture.state.reason == "no microphone"
        assert bench.notes.reasons == ["no microphone"]
        async with bench.running():
            await bench.receives(made)
        assert refused.opened_at == 0.0
        assert bench.capture.state.losses == 0

    asyncio.run(test())
    assert warnings(caplog) == ["no microphone; trying to get it back"]


@pytest.mark.parametrize("refused", [True, False])
def test_a_change_takes_effect_at_once(refused: bool) -> None:
    async def test() -> None:
        slow = Pace(timeout=5.0, first_retry=600.0, last_retry=600.0)
        old, new = Device("old"), Device("new")
        bench = Bench(old, new, pace=slow)
        if refused:
            bench.capture.refuse(DeviceError("no microphone"))
        async with bench.running():
            if not refused:
                await bench.until(lambda: old.feed is not None)
            bench.capture.change(bench, TIMEOUTS)
            await bench.until(lambda: new.feed is not None)
            state = bench.capture.state
        assert (state.name, state.losses) == ("new", 0)
        assert old.stopped == (0 if refused else 1)
        if old.feed is not None:
            assert old.feed.ended
            assert old.feed.error is None

    asyncio.run(test())


def test_a_source_that_does_not_come_back_goes_on_over_a_change() -> None:
    async def test() -> None:
        only = Device()
        only.comes_back = False
        bench = Bench(only)
        task = asyncio.create_task(bench.capture.run())
        async with bench.ticking():
            feed = await bench.receives(only)
            bench.capture.change(bench, TIMEOUTS)
            feed.end(DeviceError("its own end"))
            with pytest.raises(DeviceError, match="its own end"):
                await task
        assert bench.made == 0

    asyncio.run(test())


def test_a_change_while_a_source_opens_is_not_forgotten(gate: threading.Event) -> None:
    async def test() -> None:
        slow = Pace(timeout=5.0, first_retry=600.0, last_retry=600.0)
        old, new = Device("old", open=gate.wait), Device("new")
        bench = Bench(old, new, pace=slow)
        async with bench.running():
            await bench.until(lambda: old.opened_at > 0)
            bench.capture.change(bench, TIMEOUTS)
            gate.set()
            await bench.until(lambda: new.feed is not None)
        assert old.stopped == 1

    asyncio.run(test())


def test_each_new_reason_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    async def test() -> None:
        good, last = Device(), Device()
        away = [Device(open=refuse(each)) for each in ("a", "a", "b", "b")]
        bench = Bench(*away, good, *away[:2], last)
        async with bench.running():
            (await bench.receives(good)).end(DeviceError("a"))
            await bench.receives(last)

    asyncio.run(test())
    assert [each.partition(";")[0] for each in warnings(caplog)] == ["a", "b", "a"]


@pytest.mark.parametrize("hangs", [False, True])
def test_it_stops_in_time(
    hangs: bool, gate: threading.Event, caplog: pytest.LogCaptureFixture
) -> None:
    async def test() -> None:
        device = Device(stop=gate.wait) if hangs else Device()
        bench = Bench(device)
        async with bench.running():
            feed = await bench.receives(device)
        async with asyncio.timeout(LONG):
            await bench.capture.stop(0.05 if hangs else LONG)
        assert feed.ended
        assert feed.error is None
        assert device.stopped == 1

    asyncio.run(test())
    assert ("does not let itself be closed" in caplog.text) is hangs


def test_a_muted_source_is_closed_and_opened_anew() -> None:
    async def test() -> None:
        first, second = Device("one"), Device("two")
        bench = Bench(first, second)
        async with bench.running():
            feed = await bench.receives(first)
            bench.capture.mute()
            await bench.until(lambda: first.stopped == 1)
            assert (feed.ended, feed.error, bench.made) == (True, None, 0)
            bench.capture.unmute()
            await bench.receives(second)
            state = bench.capture.state
            assert (state.losses, state.reason, bench.notes.reasons) == (0, "", [])

    asyncio.run(test())


@pytest.mark.parametrize("opened", [None, FORMAT])
def test_one_that_is_muted_from_the_start_is_never_started(opened: AudioFormat | None) -> None:
    async def test() -> None:
        first, second = Device("one"), Device("two")
        bench = Bench(first, second)
        bench.capture.mute()
        async with bench.running(opened):
            await bench.capture.settled.wait()
            await bench.until(lambda: first.stopped == (opened is not None))
            assert not bench.notes.feeds
            bench.capture.unmute()
            await bench.receives(second)

    asyncio.run(test())


def test_one_that_is_lost_is_not_looked_for_while_it_is_muted() -> None:
    async def test() -> None:
        first, away, back = Device("one"), Device("two", open=refuse("away")), Device("three")
        bench = Bench(first, away, away, back)
        async with bench.running():
            (await bench.receives(first)).end(DeviceError("unplugged"))
            await bench.until(lambda: bench.made >= 1)
            bench.capture.mute()
            attempts = -1
            while attempts != bench.capture.state.attempts:
                attempts = bench.capture.state.attempts
                await asyncio.sleep(3 * PACE.last_retry)
            bench.capture.unmute()
            await bench.receives(back)

    asyncio.run(test())


def test_a_source_that_never_comes_back_does_after_muting() -> None:
    """As the demo recording, also where both come at once."""

    async def test() -> None:
        demo = Device(comes_back=False)
        bench = Bench(demo)
        async with bench.running():
            feeds = bench.notes.feeds
            for times in range(1, 4):
                await bench.until(lambda times=times: len(feeds) == times)  # type: ignore[misc]
                await bench.receives(demo)
                bench.capture.mute()
                bench.capture.unmute()
            await bench.until(lambda: len(feeds) == 4)
            await bench.receives(demo)
        assert [feed.ended for feed in feeds[:-1]] == [True] * 3
        assert bench.made == 0

    asyncio.run(test())


def test_a_device_that_hangs_when_it_is_muted_is_told() -> None:
    async def test() -> None:
        gate = threading.Event()
        device = Device(stop=lambda: gate.wait(LONG))
        pace = Pace(timeout=0.05, first_retry=0.004, last_retry=0.02)
        bench = Bench(device, pace=pace)
        task = asyncio.create_task(bench.capture.run())
        async with bench.ticking():
            await bench.receives(device)
            bench.capture.mute()
            with pytest.raises(HungError):
                await task
        gate.set()

    asyncio.run(test())
