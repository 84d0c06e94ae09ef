"""A subscriber of a daemon's events that misses none while connections end and begin."""

import asyncio
import json
import logging
from collections.abc import AsyncGenerator, Collection
from contextlib import aclosing
from typing import Any
from urllib.parse import urlsplit

from websockets.asyncio.client import ClientConnection

from kws.client.connection import FAILURES, BackOff, Endpoint
from kws.errors import ServerError
from kws.protocol.codes import EVENTS_PATH
from kws.protocol.decode import UnknownMessageError, parse_event
from kws.protocol.events import Event
from kws.protocol.requests import Filter

log = logging.getLogger(__name__)

DEFAULT_URL = f"ws://127.0.0.1:8000{EVENTS_PATH}"


class Listener:
    """The events of a daemon, as an asynchronous iterator that goes on through breaks.

    After a break of the connection, or a restart of the daemon, it requests what it missed: events
    come once each, in order of run and number. What the daemon no longer has is logged.

    Args:
        endpoint: the daemon's `/events`.
        keywords: detections of these only; None for all.
        min_confidence: detections of at least this only; of verified ones their score counts.
        streams: events of these streams only; None for all.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        *,
        keywords: Collection[str] | None = None,
        min_confidence: float = 0.0,
        streams: Collection[str] | None = None,
    ) -> None:
        self._endpoint = endpoint
        self._wanted = Filter(
            None if keywords is None else frozenset(keywords),
            min_confidence,
            None if streams is None else frozenset(streams),
        )
        self._filter: dict[str, Any] = {"min_confidence": min_confidence}
        if keywords is not None:
            self._filter["keywords"] = sorted(keywords)
        if streams is not None:
            self._filter["streams"] = sorted(streams)
        self._run: str | None = None
        self._seq = 0
        self._connected = self._subscribed = False
        self._now = ""
        self._early: list[dict[str, Any]] | None = None

    async def __aiter__(self) -> AsyncGenerator[Event]:
        """Events of the types that this version of kws knows, for ever.

        Raises:
            ServerError: the daemon refuses this client, and would again.
        """
        async with aclosing(self.messages()) as messages:
            async for message in messages:
                try:
                    yield parse_event(message)
                except UnknownMessageError as error:
                    log.debug("an event of a later version of kws: %s", error)

    async def messages(self) -> AsyncGenerator[dict[str, Any]]:
        """Events as they were sent, of whatever type; connects again whenever that ends.

        Raises:
            ServerError: the daemon refuses this client, and would again.
        """
        back_off = BackOff()
        while True:
            try:
                async with aclosing(self._connection()) as messages:
                    async for message in messages:
                        yield message
            except FAILURES as error:
                reason = self._endpoint.reason(error)
            await asyncio.sleep(back_off.pause_s(reason, connected=self._connected))

    async def messages_until_the_end(self) -> AsyncGenerator[dict[str, Any]]:
        """The same, of one connection only.

        Raises:
            ServerError: there was none, or the daemon refuses this client.
        """
        try:
            async with aclosing(self._connection()) as messages:
                async for message in messages:
                    yield message
        except FAILURES as error:
            reason = self._endpoint.reason(error)
            if not self._connected:
                raise ServerError(reason) from error

    async def _connection(self) -> AsyncGenerator[dict[str, Any]]:
        """Events of one connection, with what was missed before it; ends by one of `FAILURES`.

        Raises:
            ServerError: what answers is not kws.
        """
        self._connected = False
        async with self._endpoint.connect() as connection:
            try:
                await self._begin(connection)
                while True:
                    for message in await self._take(connection):
                        yield message
            except (ValueError, KeyError, TypeError) as error:
                raise ServerError(f"{self._endpoint.url}: what answers there is not kws") from error

    async def _begin(self, connection: ClientConnection) -> None:
        """Subscribe, and request what was missed."""
        self._subscribed = False
        again = self._run is not None
        if not again:
            # At once: a daemon that needs a token waits for it until the first message.
            await self._send(connection)
        hello = json.loads(await connection.recv())
        self._connected = True
        keywords = ", ".join(hello["keywords"])
        self._now = str(hello["run"])
        if not again:
            self._run, self._seq = self._now, int(hello["seq"]) - 1
        log.info("subscribed to %s: %s", self._endpoint.url, keywords)
        # What comes before the reply came after what is sent again, which goes before it.
        self._early = [] if again else None
        if again:
            await self._send(connection, {"run": self._run, "seq": self._seq})

    async def _send(
        self, connection: ClientConnection, after: dict[str, Any] | None = None
    ) -> None:
        request = self._filter if after is None else {**self._filter, "after": after}
        await connection.send(json.dumps(request))

    async def _take(self, connection: ClientConnection) -> list[dict[str, Any]]:
        """The events that the next message brings."""
        message = json.loads(await connection.recv())
        if "seq" in message:
            if not self._subscribed and not self._wants(message):
                return []
            if self._early is not None:
                self._early.append(message)
                return []
            return self._new([message])
        self._subscribed = self._subscribed or message["type"] == "subscribed"
        if "replay" not in message:
            return []
        replay = message["replay"]
        if not replay["complete"] and not replay["events"] and self._run != self._now:
            # The daemon keeps no history: of its earlier run nothing is left.
            log.warning("the daemon was restarted; the last events of its earlier run are lost")
            self._run, self._seq = self._now, 0
            await self._send(connection, {"run": self._run, "seq": 0})
            return []
        if not replay["complete"]:
            log.warning("more was missed than the daemon keeps")
        again = [json.loads(await connection.recv()) for _ in range(replay["events"])]
        early, self._early = self._early or [], None
        return self._new([*again, *early])

    def _wants(self, message: dict[str, Any]) -> bool:
        """Whether an event passes the filter, which the daemon does not know yet."""
        try:
            return self._wanted.wants(parse_event(message))
        except UnknownMessageError:
            return True

    def _new(self, messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Of events those that have not come yet; from here on they have."""
        new = []
        for message in messages:
            run, seq = str(message["run"]), int(message["seq"])
            if run == self._run and seq <= self._seq:
                continue
            self._run, self._seq = run, seq
            new.append(message)
        return new


def listen(
    url: str = DEFAULT_URL,
    *,
    token: str = "",
    keywords: Collection[str] | None = None,
    min_confidence: float = 0.0,
    streams: Collection[str] | None = None,
) -> Listener:
    """Listen to a daemon: `async for event in kws.listen("ws://127.0.0.1:8000"): ...`.

    What happened is `event.body`, of a type in `kws.protocol.events`; a detection is a
    `kws.Detected`.

    Args:
        url: of the daemon's `/events`, whose path may be left out.
        token: the secret, if the daemon wants one.
        keywords: detections of these only; None for all.
        min_confidence: detections of at least this only; of verified ones their score counts.
        streams: events of these streams only; None for all.

    Raises:
        ConfigError: the URL is none of a websocket, or the token has characters that no HTTP header
            can carry.
    """
    if urlsplit(url).path in ("", "/"):
        url = url.rstrip("/") + EVENTS_PATH
    endpoint = Endpoint(url, EVENTS_PATH, token)
    return Listener(endpoint, keywords=keywords, min_confidence=min_confidence, streams=streams)
