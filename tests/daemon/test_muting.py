"""The switch: what lasts longer wins, and only this machine opens a microphone."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, cast

import pytest

from kws.daemon.mute_file import MuteFile
from kws.daemon.muting import MuteSwitch
from kws.engine.engine import Engine
from kws.errors import MutingError
from kws.protocol.events import Muted, Unmuted
from kws.typing import MuteState, Muting
from tests.support.events import Published
from tests.support.limits import limit

OPEN, MUTED = MuteState(muted=False), MuteState(muted=True)


class FakeEngine:
    """Notes what it is told."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.mutable = True
        self.answers = True

    def state(self) -> Any:
        """A source, as far as its kind is asked for."""
        return type("State", (), {"kind": "file"})

    def begin_muted(self) -> None:
        """Noted."""
        self.told.append("begin")

    async def mute(self) -> None:
        """Noted."""
        self.told.append("mute")
        self._answer()

    async def unmute(self) -> None:
        """Noted."""
        self.told.append("unmute")
        self._answer()

    def _answer(self) -> None:
        if not self.answers:
            raise TimeoutError


class Bench:
    """A switch whose time goes as a test says."""

    def __init__(self, folder: Path, *, remote_unmute: bool = False) -> None:
        self.now = 100.0
        self.engine = FakeEngine()
        self.published = Published()
        self.file = MuteFile(folder)
        self.switch = MuteSwitch(
            cast(Engine, self.engine),
            self.published,
            self.file,
            lambda: self.now,
            remote_unmute=remote_unmute,
            today=lambda: 1e9 + self.now,
        )

    def kept(self) -> MuteState:
        """What a restart would find."""
        return self.file.read(1e9 + self.now)


def run(test: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(cast(Any, test()))


def test_muting_closes_tells_and_is_kept(tmp_path: Path) -> None:
    async def test() -> None:
        bench = Bench(tmp_path)
        switch: Muting = bench.switch
        assert switch.state == OPEN
        assert await switch.mute() == switch.state == bench.kept() == MUTED
        assert await switch.mute() == MUTED
        assert await switch.unmute(local=True) == switch.state == bench.kept() == OPEN
        assert await switch.unmute(local=True) == OPEN
        assert bench.engine.told == ["mute", "unmute"]
        assert bench.published.bodies == [Muted(None), Unmuted("somebody has unmuted it")]

    run(test)


def test_what_lasts_longer_wins(tmp_path: Path) -> None:
    async def test() -> None:
        bench = Bench(tmp_path)
        assert await bench.switch.mute(5.0) == MuteState(True, 5.0)
        bench.now += 1
        assert await bench.switch.mute(2.0) == MuteState(True, 4.0)
        assert await bench.switch.mute(10.0) == bench.kept() == MuteState(True, 10.0)
        assert await bench.switch.mute() == MUTED
        # A loudspeaker's few seconds must not end what a person has wanted.
        assert await bench.switch.mute(5.0) == bench.kept() == MUTED
        assert bench.published.bodies == [Muted(5.0), Muted(10.0), Muted(None)]

    run(test)


def test_it_ends_by_itself(tmp_path: Path) -> None:
    async def test() -> None:
        bench = Bench(tmp_path)
        watching = asyncio.create_task(bench.switch.watch())
        await bench.switch.mute(5.0)
        bench.now += 5
        async with asyncio.timeout(limit(20)):
            while bench.switch.state.muted:
                await asyncio.sleep(0.001)
        watching.cancel()
        assert bench.kept() == OPEN
        reason = "the time that it was to be muted for is over"
        assert bench.published.bodies == [Muted(5.0), Unmuted(reason)]

    run(test)


def test_from_elsewhere_it_is_opened_only_where_that_is_allowed(tmp_path: Path) -> None:
    async def test() -> None:
        bench = Bench(tmp_path)
        await bench.switch.mute()
        with pytest.raises(MutingError, match=r"only clients on .* \(server.remote_unmute\)"):
            await bench.switch.unmute(local=False)
        assert bench.switch.state == bench.kept() == MUTED
        bench = Bench(tmp_path, remote_unmute=True)
        bench.switch.restore()
        assert await bench.switch.unmute(local=False) == OPEN

    run(test)


def test_a_restart_finds_it_muted_before_anything_is_processed(tmp_path: Path) -> None:
    async def test() -> None:
        await Bench(tmp_path).switch.mute(60.0)
        bench = Bench(tmp_path)
        bench.now += 20
        bench.switch.restore()
        assert bench.engine.told == ["begin"]
        assert bench.switch.state == MuteState(True, 40.0)
        assert bench.published.bodies == [Muted(40.0)]
        later = Bench(tmp_path)
        later.now += 60
        later.switch.restore()
        assert (later.engine.told, later.switch.state) == ([], OPEN)

    run(test)


def test_a_recording_is_refused_and_begins_unmuted(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def test() -> None:
        await Bench(tmp_path).switch.mute()
        bench = Bench(tmp_path)
        bench.engine.mutable = False
        bench.switch.restore()
        assert bench.engine.told == []
        with pytest.raises(MutingError, match="the source is a file, of which nothing is lost"):
            await bench.switch.mute()
        # The next daemon with a microphone is muted still.
        assert bench.kept() == MUTED

    run(test)
    assert "does not apply to a recording or a pipe" in caplog.text


def test_an_engine_that_hangs_is_an_error_and_changes_nothing(tmp_path: Path) -> None:
    async def test() -> None:
        bench = Bench(tmp_path)
        bench.engine.answers = False
        with pytest.raises(MutingError, match="does not answer"):
            await bench.switch.mute()
        assert bench.switch.state == OPEN
        bench.engine.answers = True
        await bench.switch.mute()
        bench.engine.answers = False
        with pytest.raises(MutingError, match="does not answer"):
            await bench.switch.unmute(local=True)
        assert bench.switch.state == MUTED

    run(test)
