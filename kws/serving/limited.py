"""A connection whose client can neither occupy the event loop nor fill the memory."""

import asyncio
import logging
from collections.abc import Generator
from typing import Any, Protocol

from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ProtocolError
from websockets.frames import CloseCode, Frame, Opcode
from websockets.protocol import CONNECTING, OPEN, Event

from kws.protocol.codes import TOO_FAST
from kws.serving.rate import MessageCounter, MessageRate

log = logging.getLogger(__name__)

CLOSE_SECONDS = 2.0
"""How long a client may take to answer a close frame."""
TOKEN_SECONDS = 2.0
"""How long a client may take to send its token, from the opening of its connection on."""
REQUESTS = MessageRate(per_second=20, burst=100)
"""Messages to a websocket, unless its route allows more."""
_CONTROL = MessageRate(per_second=5, burst=20)
"""Pings and pongs."""
_READ_BYTES = 1024
"""Read at a time: 170 of the smallest frames, which take about two milliseconds."""
_HEADER_BYTES = 256
"""The same, before the request is complete."""
BODY_BYTES = 1024
"""Bytes of a POST's body; a longer one is refused by the library, as is one of another method."""
_buffer = memoryview(bytearray(64 * 1024))
"""What is read into, of all connections: its content is taken before the next one is read."""


class Registry(Protocol):
    """Counts connections: `kws.serving.connections.Connections`."""

    def opened(self, connection: "LimitedConnection") -> None:
        """A client has connected, and has sent nothing yet."""
        ...

    def admit(self, connection: "LimitedConnection") -> bool:
        """Count a client with the right token; false: the limit of its websocket is reached."""
        ...

    def closed(self, connection: "LimitedConnection") -> None:
        """A connection has ended."""
        ...


class LimitedConnection(ServerConnection, asyncio.BufferedProtocol):
    """A connection whose client can neither occupy the event loop nor fill the memory.

    Little is read at a time, so that no client delays the others; the messages of each are counted,
    and one that sends too many is closed.

    Args:
        registry: counts connections.
        arguments: of the library's connection.
        options: the same.

    Attributes:
        deadline: by the loop's clock, when the client has to have sent its token.
        address: of the client, for people and to be compared.
        body: of its request of HTTP.
    """

    def __init__(self, registry: Registry, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._registry = registry
        now = self.loop.time()
        self.deadline = now + TOKEN_SECONDS
        self.address = ""
        self._messages = MessageCounter(REQUESTS, now)
        self._control = MessageCounter(_CONTROL, now)
        self._held = False
        # Counted where the library parses: frames beyond the limit are not even parsed.
        self._take_frame = self.protocol.recv_frame
        self.protocol.recv_frame = self._count_frame  # type: ignore[method-assign]
        self._abortion: asyncio.TimerHandle | None = None
        self.body = b""
        self._take_bodies()

    def allow(self, rate: MessageRate, message_bytes: int) -> None:
        """From here on the client may send so many messages, of so many bytes each."""
        if rate != self._messages.rate:
            self._messages = MessageCounter(rate, self.loop.time())
        self.protocol.max_message_size = message_bytes

    def admit(self) -> bool:
        """Count the client as one with the right token; false: there are too many."""
        return self._registry.admit(self)

    def evict(self, response: bytes, reason: str) -> None:
        """Close at once, in favour of a newer connection.

        Args:
            response: to a client that waits for one of HTTP.
            reason: to one that is connected to a websocket.
        """
        if self.protocol.eof_sent:
            self.transport.abort()
            return
        if self.protocol.state is OPEN:
            self.protocol.fail(CloseCode.TRY_AGAIN_LATER, reason)
            self.send_data()
        else:
            self.transport.write(response)
        self.transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.address = str((transport.get_extra_info("peername") or ("",))[0])
        self._abort_at(self.deadline)
        self._registry.opened(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._registry.closed(self)
        self._keep()
        super().connection_lost(exc)

    def get_buffer(self, sizehint: int) -> memoryview:
        """Where the next bytes are read to. See `asyncio.BufferedProtocol`."""
        if self.protocol.eof_sent:
            # What comes behind a close frame is dropped, and the sooner it is read the better.
            return _buffer
        return _buffer[: _HEADER_BYTES if self.request is None else _READ_BYTES]

    def buffer_updated(self, nbytes: int) -> None:
        """So many bytes were read. See `asyncio.BufferedProtocol`."""
        self.data_received(bytes(_buffer[:nbytes]))
        if self.protocol.eof_sent:
            # Its client is expected to close the connection now.
            self._abort_at(self.loop.time() + CLOSE_SECONDS)

    def process_event(self, event: Event) -> None:
        """Take a request or a frame."""
        if not isinstance(event, Frame):
            # From here on the library and the websocket's endpoint have time limits of their own.
            self._keep()
            self._held = True
            self.transport.pause_reading()
        elif self._closes_first:
            return
        super().process_event(event)

    def send_data(self) -> None:
        """Send what is queued, unless the connection is lost: asyncio would log every attempt."""
        if self.transport.is_closing():
            self.protocol.data_to_send()
            return
        super().send_data()
        if self._closes_first:
            # Unread data would reset the connection before the client has read the close frame.
            self.transport.resume_reading()
        elif self._held and not self.recv_messages.paused:
            self.transport.resume_reading()
        # The request has its response.
        self._held = False

    def _take_bodies(self) -> None:
        """Read a short body behind the headers of a POST; the library reads none.

        To it, such a request is complete, and without a body, once that was read.
        """
        reader = self.protocol.reader
        read_line, is_post, length = reader.read_line, False, 0

        def read_header(
            m: int, too_long_exc_type: type[Exception] = RuntimeError
        ) -> Generator[None, None, bytearray]:
            nonlocal is_post, length
            line = yield from read_line(m, too_long_exc_type)
            name, _, value = line.partition(b":")
            if line == b"\r\n" and length:
                self.body = bytes((yield from reader.read_exact(length)))
            elif is_post and name.lower() == b"content-length" and value.strip().isdigit():
                # Of several that differ the library gets the second, and refuses the request.
                if not length and int(value) <= BODY_BYTES:
                    length = int(value)
                    return bytearray(b"Content-Length: 0\r\n")
            elif line.startswith(b"POST "):
                is_post = True
            return line

        reader.read_line = read_header  # type: ignore[method-assign]
        self.protocol.parser = self.protocol.parse()
        next(self.protocol.parser)

    def _abort_at(self, moment: float) -> None:
        """Abort the connection then, by the loop's clock, unless that is scheduled already."""
        if self._abortion is None:
            self._abortion = self.loop.call_at(moment, self.transport.abort)

    def _keep(self) -> None:
        if self._abortion is not None:
            self._abortion.cancel()
            self._abortion = None

    @property
    def _closes_first(self) -> bool:
        """Whether this side has sent a close frame, and its client none: no message counts now."""
        return self.protocol.close_sent is not None and self.protocol.close_rcvd is None

    def _count_frame(self, frame: Frame) -> None:
        """Take a frame, or close with the reason where it is one too many.

        Raises:
            ProtocolError: it is; the library drops what follows.
        """
        control = frame.opcode in (Opcode.PING, Opcode.PONG)
        counter = self._control if control else self._messages
        # Frames that came with the request itself are few, and cannot be answered yet.
        counted = frame.opcode is not Opcode.CLOSE and self.protocol.state is not CONNECTING
        if counted and not counter.take(self.loop.time()):
            reason = f"too many messages: at most {counter.rate.per_second:g} a second are taken"
            log.warning("client %s closed: %s", self.remote_address, reason)
            self.protocol.fail(TOO_FAST, reason)
            raise ProtocolError(reason)
        self._take_frame(frame)
