"""A recorder of scores: what a break of its connections costs, and why it ends."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from websockets.asyncio.server import ServerConnection, serve

from kws.client.record import ScoreRecorder
from kws.client.recording_file import RecordingFile
from kws.errors import ConfigError, ServerError
from kws.protocol.codes import EVENTS_PATH
from kws.protocol.events import encode
from kws.tuning.recording import read
from kws.tuning.records import Record
from tests.support.limits import TIMEOUT, limit
from tests.tuning.test_recorder import hop, watching

HELLO = {"type": "hello", "model": "words", "sources": [{"stream": "default", "kind": "demo"}]}
DETECTION = {
    "type": "detection",
    "stream": "default",
    "t": 2.0,
    "keyword": "yes",
    "confidence": 0.4,
    "model": "words",
    "verified": True,
    "score": 0.97,
}

Scores = Callable[[ServerConnection], Awaitable[None]]


@asynccontextmanager
async def daemon(scores: Scores, *events: object) -> AsyncIterator[str]:
    """A daemon as far as a recorder needs it: `/scores` by `scores`, and `/events` with these."""

    async def handle(connection: ServerConnection) -> None:
        assert connection.request is not None
        wanted = json.loads(await connection.recv())
        if connection.request.path == EVENTS_PATH:
            assert wanted == {"streams": ["default"]}
            for each in (HELLO, *events):
                await connection.send(json.dumps(each))
            await connection.wait_closed()
        else:
            assert wanted == {"stream": None}
            await connection.send(encode(watching("yes", verifier="second")))
            await scores(connection)

    async with serve(handle, "127.0.0.1", 0) as server:
        yield f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}"


async def record(url: str, file: RecordingFile, seconds: float = 60.0) -> None:
    """Record until there are so many seconds."""
    async with asyncio.timeout(limit(TIMEOUT)):
        await ScoreRecorder(url, "", file, hours=seconds / 3600).run(asyncio.Event())


async def send_hops(connection: ServerConnection, count: int, start: float = 2.0) -> None:
    """So many decisions, each with a posterior at the threshold."""
    for index in range(count):
        await connection.send(encode(hop(round(start + 0.1 * index, 1), yes=0.5)))


def test_a_break_costs_only_its_time_and_candidates_come_with_the_events(tmp_path: Path) -> None:
    path = tmp_path / "room"
    begins: list[int] = []

    async def scores(connection: ServerConnection) -> None:
        begins.append(0)
        if len(begins) == 1:
            await send_hops(connection, 5)
            return
        await send_hops(connection, 300)
        while b"candidate" not in path.read_bytes():
            await asyncio.sleep(0.01)
        await send_hops(connection, 300, start=32.0)
        await connection.wait_closed()

    async def test() -> None:
        async with daemon(scores, DETECTION) as url:
            with RecordingFile(path) as file:
                await record(url, file, 60.5)

    asyncio.run(test())
    with path.open("rb") as file:
        found = read(file)
    assert found.seconds == 60.5
    assert found.marks["yes"][-1] == ((2.0, 0.97),)
    assert len(found.marks["yes"]) == len(begins) == 2


def test_a_stream_without_audio_is_named_and_waited_for(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kws.client.record._QUIET_S", 0.01)

    async def scores(connection: ServerConnection) -> None:
        while "the stream delivers no audio" not in caplog.text:
            await asyncio.sleep(0.01)
        await send_hops(connection, 600)
        await connection.wait_closed()

    async def test() -> None:
        async with daemon(scores) as url:
            with RecordingFile(tmp_path / "room") as file:
                await record(url, file)
                assert file.seconds == 60

    asyncio.run(test())
    assert "is the bundled recording, not your room" in caplog.text


def test_what_is_not_kws_is_not_tried_again(tmp_path: Path) -> None:
    async def handle(connection: ServerConnection) -> None:
        await connection.recv()
        await connection.send("good day")
        await connection.wait_closed()

    async def test() -> None:
        async with serve(handle, "127.0.0.1", 0) as server:
            url = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}"
            with RecordingFile(tmp_path / "room") as file:
                await record(url, file)

    with pytest.raises(ServerError, match="/scores: what answers there is not kws"):
        asyncio.run(test())


class FullFile(RecordingFile):
    """A file on a disk that is full after its first line."""

    def append(self, record: Record) -> None:
        if self.path.stat().st_size:
            raise ConfigError("--record room: cannot be written: No space left on device")
        super().append(record)


def test_a_full_disk_is_no_lost_connection(tmp_path: Path) -> None:
    async def scores(connection: ServerConnection) -> None:
        await send_hops(connection, 600)
        await connection.wait_closed()

    async def test() -> None:
        async with daemon(scores) as url:
            with FullFile(tmp_path / "room") as file:
                await record(url, file)

    with pytest.raises(ConfigError, match="No space left"):
        asyncio.run(test())
