"""The integration: takes clients, and serves each one."""

import asyncio
import logging
import socket
from collections.abc import Coroutine
from contextlib import suppress
from dataclasses import asdict
from typing import Any

from kws.config.schema import WyomingConfig
from kws.engine.senders import Senders
from kws.integrations.wyoming import messages
from kws.integrations.wyoming.address import KEY, Address
from kws.integrations.wyoming.announcement import Announcement
from kws.integrations.wyoming.clients import Clients, Names, Turns
from kws.integrations.wyoming.connection import Connection
from kws.integrations.wyoming.listener import Streams, accept, bound, listen, stdio
from kws.integrations.wyoming.session import House, Session
from kws.serving.description import Description
from kws.serving.hub import Hub
from kws.serving.rate import MessageCounter, MessageRate
from kws.typing import Clock, IntegrationStatus, Signal

log = logging.getLogger(__name__)

_ACCEPTED = MessageRate(per_second=200, burst=200)
"""Clients that are taken; more of them wait."""
_AGAIN_S = 1.0
"""Where none can be taken for want of descriptors, it is tried again after so long."""


class Wyoming:
    """A service of the Wyoming protocol.

    Args:
        config: its settings.
        address: where it listens.
        hub: whose events.
        senders: process the streams of clients.
        description: of the daemon.
        over: is set when standard input has ended, where that is the only client.
        clock: seconds, monotonic.
    """

    def __init__(
        self,
        config: WyomingConfig,
        address: Address,
        *,
        hub: Hub,
        senders: Senders,
        description: Description,
        over: Signal,
        clock: Clock,
    ) -> None:
        self._config, self._address, self._clock = config, address, clock
        self._house = House(hub, senders, description, Names(), Turns(clock), config.languages)
        self._clients = Clients(config.max_connections, clock)
        self._over = over
        self._listening: socket.socket | None = None
        self._announcement: Announcement | None = None
        self._tasks = set[asyncio.Task[None]]()
        self._accepting: asyncio.Task[None] | None = None
        self._connected = False

    def status(self) -> IntegrationStatus:
        """How it is now."""
        counts = asdict(self._house.counts)
        reason = "" if self._connected else "it does not listen"
        return IntegrationStatus("wyoming", self._address.uri, self._connected, reason, counts)

    async def start(self) -> None:
        """Begin to listen.

        Raises:
            ServerError: it cannot.
        """
        self._connected = True
        if self._address.scheme == "stdio":
            self._spawn(self._serve_stdio(await stdio()))
            return
        self._listening = await asyncio.to_thread(listen, self._address)
        self._address = bound(self._address, self._listening)
        self._accepting = asyncio.create_task(self._accept(self._listening))
        log.info("wyoming: listening at %s", self._address.uri)
        if self._address.reachable:
            log.warning(
                "wyoming: %s accepts connections from other machines, without a password (%s)",
                *(self._address.uri, f"{KEY}.allow_unauthenticated"),
            )
        if self._config.zeroconf:
            self._announcement = Announcement.of(self._address)
        if self._announcement is not None:
            self._spawn(self._announcement.begin())

    async def stop(self) -> None:
        """Take no more clients, and let those that are there get their last events."""
        self._connected = False
        if self._accepting is not None:
            self._accepting.cancel()
            with suppress(asyncio.CancelledError):
                await self._accepting
        if self._listening is not None:
            self._listening.close()
            if self._address.path is not None:
                self._address.path.unlink(missing_ok=True)
        # Their sessions end with the hub.
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._announcement is not None:
            await self._announcement.end()

    async def _accept(self, listening: socket.socket) -> None:
        rate = MessageCounter(_ACCEPTED, self._clock())
        while True:
            try:
                streams, peer = await accept(listening)
            except OSError as error:
                log.warning("wyoming: no client can connect now: %s", error.strerror)
                await asyncio.sleep(_AGAIN_S)
                continue
            connection = Connection(*streams, peer, self._clock)
            self._spawn(self._serve(connection))
            if not rate.take(self._clock()):
                await asyncio.sleep(1 / _ACCEPTED.per_second)

    async def _serve(self, connection: Connection) -> None:
        if self._clients.full and (other := self._clients.least_missed()) is not None:
            self._clients.remove(other)
            other.abort()
        if self._clients.full:
            log.warning("wyoming: client %s refused: too many clients", connection.peer)
            self._house.counts.refused += 1
            await connection.close(
                messages.error(f"too many clients ({KEY}.max_connections)", "busy")
            )
            return
        self._clients.add(connection)
        try:
            await Session(connection, self._house).run()
        except Exception:
            log.exception("wyoming: a client's connection failed; please report it")
        finally:
            self._clients.remove(connection)

    async def _serve_stdio(self, streams: Streams) -> None:
        await self._serve(Connection(*streams, "standard input", self._clock, idles=True))
        log.info("wyoming: standard input has ended")
        self._over.set()

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
