"""What all websockets share: the client's token, delivery of a queue in order, the end."""

import asyncio
import logging
from collections.abc import Callable
from typing import Protocol, TypeVar

from websockets.exceptions import ConnectionClosed
from websockets.frames import CloseCode

from kws.protocol.codes import TOO_SLOW, WRONG_TOKEN
from kws.protocol.events import Body
from kws.protocol.requests import BadRequestError, message_token
from kws.serving.auth import Access
from kws.serving.hub import Subscription
from kws.serving.limited import CLOSE_SECONDS, LimitedConnection
from kws.serving.metrics import Metrics
from kws.serving.routes import request_token
from kws.text import escaped

log = logging.getLogger(__name__)

MESSAGE_SECONDS = 5.0
"""How long a client with the right token may take to send its first message."""


Message = TypeVar("Message")
Parser = Callable[[str | bytes], Message]
"""Reads a client's message; raises BadRequestError."""


async def receive(connection: LimitedConnection) -> str | bytes:
    """The next message, after all else has had its turn.

    Raises:
        ConnectionClosed: there is none.
    """
    await asyncio.sleep(0)
    return await connection.recv()


async def authorise(
    connection: LimitedConnection, access: Access, parse: Parser[Message]
) -> Message | None:
    """Wait for the token where the connection did not bring it as a header.

    Before it, a client is told nothing but that it is missing.

    Args:
        connection: of the client.
        access: who may come in.
        parse: reads the first message, once its token has been found to be right.

    Returns:
        The message that brought it; None where none was needed.

    Raises:
        ConnectionClosed: it was wrong or did not come, the message cannot be understood, or there
            are too many clients; the connection is closed.
    """
    assert connection.request is not None
    token = request_token(connection.request)
    if access.knows(token):
        return None
    if token is not None:
        raise await refused(connection, WRONG_TOKEN, "the token is wrong")
    try:
        async with asyncio.timeout_at(connection.deadline):
            message = await receive(connection)
    except TimeoutError:
        reason = "send the token, as a header or in the first message"
        raise await refused(connection, WRONG_TOKEN, reason) from None
    if not access.knows(message_token(message)):
        reason = "the token is wrong, or missing in the first message"
        raise await refused(connection, WRONG_TOKEN, reason)
    if not connection.admit():
        raise await refused(connection, CloseCode.TRY_AGAIN_LATER, "too many connections")
    try:
        return parse(message)
    except BadRequestError as error:
        raise await refused(connection, CloseCode.POLICY_VIOLATION, str(error)) from error


async def first_message(
    connection: LimitedConnection, access: Access, parse: Parser[Message]
) -> Message:
    """A client's first message, with the token if one is needed.

    Raises:
        ConnectionClosed: it was wrong or did not come, and the connection is closed.
    """
    if (message := await authorise(connection, access, parse)) is not None:
        return message
    try:
        async with asyncio.timeout(MESSAGE_SECONDS):
            return parse(await receive(connection))
    except TimeoutError:
        reason = f"the first message did not come within {MESSAGE_SECONDS:g} s"
    except BadRequestError as error:
        reason = str(error)
    raise await refused(connection, CloseCode.POLICY_VIOLATION, reason)


class Ending(Protocol):
    """The end of a client's events."""

    def is_last(self, body: Body) -> bool:
        """Whether no event comes after this one; then the connection is closed well."""
        ...

    async def flush(self) -> None:
        """Send what else the client has to have before the last event."""
        ...


class Delivery:
    """Takes a subscription's messages to a client.

    Args:
        connection: of the client.
        subscription: what waits for it.
        queue: messages that may wait.
        metrics: count clients that are closed because they are too slow.
        ending: of the events; None: they go on until the hub's end.
    """

    def __init__(
        self,
        connection: LimitedConnection,
        subscription: Subscription,
        queue: int,
        metrics: Metrics,
        ending: Ending | None = None,
    ) -> None:
        self._connection = connection
        self._subscription = subscription
        self._queue = queue
        self._metrics = metrics
        self._ending = ending
        self._pending = asyncio.Event()

    async def watch(self, woken: asyncio.Event) -> None:
        """Pass the hub's signal on; close who cannot keep up, even while a send to it hangs."""
        while True:
            await woken.wait()
            woken.clear()
            self._pending.set()
            if self._subscription.missed:
                self._metrics.closed_slow()
                reason = f"too slow: more than {self._queue} events were waiting"
                log.warning("client %s closed, %s", self._connection.remote_address, reason)
                await end(self._connection, TOO_SLOW, reason)
                return

    async def send(self) -> None:
        """Send what waits, in order, to the end."""
        while True:
            await self._pending.wait()
            self._pending.clear()
            for message in self._subscription.take():
                # A client that missed much must not hold up all others.
                await asyncio.sleep(0)
                if message is None:
                    await end(self._connection, CloseCode.GOING_AWAY, "kws is stopping")
                elif isinstance(message, str):
                    await self._connection.send(message)
                else:
                    ending = self._ending
                    last = ending is not None and ending.is_last(message.body)
                    if ending is not None and last:
                        await ending.flush()
                    await self._connection.send(message.to_json())
                    if last:
                        await end(
                            self._connection, CloseCode.NORMAL_CLOSURE, "all audio was processed"
                        )


async def refused(connection: LimitedConnection, code: int, reason: str) -> ConnectionClosed:
    """Close before anything has begun, and log it; returns what to raise then."""
    log.warning("client %s refused: %s", connection.remote_address, reason)
    await end(connection, code, reason)
    return connection.protocol.close_exc


async def end(connection: LimitedConnection, code: int, reason: str) -> None:
    """Close, and cut the line where the client does not even take that."""
    try:
        async with asyncio.timeout(CLOSE_SECONDS):
            # A close frame holds 123 bytes of reason.
            await connection.close(code, escaped(reason).encode()[:120].decode(errors="ignore"))
    except TimeoutError:
        connection.transport.abort()
        await connection.wait_closed()
