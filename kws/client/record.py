"""A recorder of a daemon's scores, which goes on after each break of the connection."""

import asyncio
import json
import logging
from collections.abc import Iterable
from typing import Any, NoReturn

import msgspec
from websockets.asyncio.client import ClientConnection

from kws.client.connection import FAILURES, BackOff, Endpoint
from kws.client.recording_file import RecordingFile
from kws.errors import ServerError
from kws.protocol.codes import EVENTS_PATH, SCORES_PATH
from kws.protocol.events import Detected, utc, utc_now
from kws.protocol.replies import Scores, Watching
from kws.tuning.recorder import Recorder
from kws.tuning.records import Record

log = logging.getLogger(__name__)

_QUIET_S = 30.0
"""After so long without scores, the log says so."""
_NEWS_S = 3600.0
"""The log says how much is recorded each time that so much more is."""


class ScoreRecorder:
    """Records the scores of one stream of one daemon.

    Args:
        url: the daemon's, as "ws://127.0.0.1:8000".
        token: the secret; empty for none.
        file: takes the lines.
        stream: name of the stream; None: the daemon's own.
        hours: end once the file has so many; None: never.

    Raises:
        ConfigError: see `Endpoint`.
    """

    def __init__(
        self,
        url: str,
        token: str,
        file: RecordingFile,
        *,
        stream: str | None = None,
        hours: float | None = None,
    ) -> None:
        base = url.rstrip("/").removesuffix(EVENTS_PATH).removesuffix(SCORES_PATH)
        self._scores = Endpoint(base + SCORES_PATH, SCORES_PATH, token)
        self._events = Endpoint(base + EVENTS_PATH, EVENTS_PATH, token)
        self._file, self._stream, self._hours = file, stream, hours
        self._connected = False
        self._finished = asyncio.Event()
        self._news_s = file.seconds + _NEWS_S

    async def run(self, stopping: asyncio.Event) -> None:
        """Record until there are enough hours, or `stopping` is set.

        Raises:
            ServerError: the daemon refuses this client, and would again.
            ConfigError: the file cannot be written.
        """
        self._check_hours()
        recording = asyncio.create_task(self._record_through_breaks())
        ends = [asyncio.create_task(each.wait()) for each in (stopping, self._finished)]
        try:
            await asyncio.wait((recording, *ends), return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (recording, *ends):
                task.cancel()
            [ended, *_] = await asyncio.gather(recording, *ends, return_exceptions=True)
        if isinstance(ended, Exception):
            raise ended
        log.info("%s: %.2f h recorded", self._file.path, self._file.seconds / 3600)

    async def _record_through_breaks(self) -> None:
        back_off = BackOff()
        while True:
            reason = await self._record()
            await asyncio.sleep(back_off.pause_s(reason, connected=self._connected))

    async def _record(self) -> str:
        """Record until a connection ends; return why it did.

        Raises:
            ServerError: the daemon refuses this client, and would again.
        """
        self._connected = False
        endpoint = self._scores
        try:
            async with self._scores.connect() as scores:
                await scores.send(json.dumps({"stream": self._stream}))
                watching = msgspec.json.decode(await scores.recv(), type=Watching)
                endpoint = self._events
                async with self._events.connect() as events:
                    await events.send(json.dumps({"streams": [watching.stream]}))
                    hello = json.loads(await events.recv())
                    recorder = Recorder(hello["model"])
                    self._log_start(hello, watching)
                    self._connected = True
                    try:
                        self._append(recorder.watching(watching, _now()))
                        await self._receive(recorder, scores, events)
                    finally:
                        self._append(recorder.finish())
        except (ValueError, KeyError, TypeError, msgspec.MsgspecError) as error:
            raise ServerError(f"{endpoint.url}: what answers there is not kws") from error
        except FAILURES as error:
            return endpoint.reason(error)

    async def _receive(
        self, recorder: Recorder, scores: ClientConnection, events: ClientConnection
    ) -> NoReturn:
        """Take what comes on both connections, until one of them ends; raises why."""
        tasks = [
            asyncio.create_task(self._receive_scores(recorder, scores)),
            asyncio.create_task(self._receive_events(recorder, events)),
        ]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        raise done.pop().exception() or AssertionError("neither ends by itself")

    async def _receive_scores(self, recorder: Recorder, connection: ClientConnection) -> NoReturn:
        quiet = False
        while True:
            try:
                async with asyncio.timeout(None if quiet else _QUIET_S):
                    message = json.loads(await connection.recv())
            except TimeoutError:
                quiet = True
                log.warning("no scores for %g s: the stream delivers no audio", _QUIET_S)
                continue
            quiet = False
            if message["type"] == "watching":
                self._append(recorder.watching(msgspec.convert(message, Watching), _now()))
            elif message["type"] == "scores":
                self._append(recorder.scores(msgspec.convert(message, Scores), _now()))

    async def _receive_events(self, recorder: Recorder, connection: ClientConnection) -> NoReturn:
        while True:
            message = json.loads(await connection.recv())
            if message["type"] == "detection":
                self._append(recorder.detected(msgspec.convert(message, Detected)))
            elif message.get("status") == "reloaded":
                self._append(recorder.reloaded(message["model"], _now()))

    def _append(self, records: Iterable[Record]) -> None:
        for each in records:
            self._file.append(each)
        self._check_hours()

    def _check_hours(self) -> None:
        seconds = self._file.seconds
        if self._hours is not None and seconds >= self._hours * 3600:
            self._finished.set()
        if seconds >= self._news_s:
            self._news_s = seconds + _NEWS_S
            log.info("%s: %.1f h recorded so far", self._file.path, seconds / 3600)

    def _log_start(self, hello: dict[str, Any], watching: Watching) -> None:
        kinds = {each["stream"]: each["kind"] for each in hello["sources"]}
        log.info(
            "recording scores of stream %r at %s to %s: %s",
            *(watching.stream, self._scores.url, self._file.path, ", ".join(watching.keywords)),
        )
        if (kind := kinds.get(watching.stream)) is None:
            there = ", ".join(kinds) or "none"
            log.warning("there is no stream %r yet; there are: %s", watching.stream, there)
        elif kind == "demo":
            log.warning("stream %r is the bundled recording, not your room", watching.stream)


def _now() -> str:
    return utc(utc_now())
