"""A connection whose client can neither occupy the event loop nor fill the memory."""

import asyncio
import logging
from typing import Any, Protocol

from websockets.asyncio.server import ServerConnection
from websockets.frames import CloseCode, Frame, Opcode
from websockets.protocol import OPEN, Event

from kws.protocol.codes import TOO_FAST
from kws.serving.rate import MessageCounter, MessageRate

log = logging.getLogger(__name__)

CLOSE_SECONDS = 2.0
"""How long a client may take to answer a close frame."""
WAITING_SECONDS = 2.0
"""How long a client may take to show its token, from its first byte on."""
REQUESTS = MessageRate(per_second=20, burst=100)
"""Messages to a websocket, unless its route allows more."""
_CONTROL = MessageRate(per_second=5, burst=20)
"""Pings and pongs."""
_READ_BYTES = 1024
"""Read at a time: 170 of the smallest frames, which take about two milliseconds."""
_buffer = memoryview(bytearray(64 * 1024))
"""What is read into, of all connections: its content is taken before the next one is read."""


class Places(Protocol):
    """Knows who is connected: `kws.serving.connections.Connections`."""

    def arrived(self, connection: "LimitedConnection") -> None:
        """A client has connected, and has sent nothing yet."""
        ...

    def seat(self, connection: "LimitedConnection") -> bool:
        """Count a client with the right token; false: there are too many of its kind."""
        ...

    def left(self, connection: "LimitedConnection") -> None:
        """A connection has ended."""
        ...


class LimitedConnection(ServerConnection, asyncio.BufferedProtocol):
    """A connection whose client can neither occupy the event loop nor fill the memory.

    Little is read at a time, so that all clients are read in turns; the messages of each are
    counted, and one that sends too many is closed.

    Args:
        places: knows who is connected.
        arguments: of the library's connection.
        options: the same.

    Attributes:
        deadline: by the loop's clock, when the client has to have shown its token.
        address: of the client, for people and to be compared.
    """

    def __init__(self, places: Places, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._places = places
        now = self.loop.time()
        self.deadline = now + WAITING_SECONDS
        self.address = ""
        self._messages = MessageCounter(REQUESTS, now)
        self._control = MessageCounter(_CONTROL, now)
        self._refused = self._held = False
        self._cut: asyncio.TimerHandle | None = None

    def allow(self, rate: MessageRate, message_bytes: int) -> None:
        """From here on the client may send so many messages, of so many bytes each."""
        if rate != self._messages.rate:
            self._messages = MessageCounter(rate, self.loop.time())
        self.protocol.max_message_size = message_bytes

    def seat(self) -> bool:
        """Count the client among those with the right token; false: there are too many."""
        return self._places.seat(self)

    def send_away(self, response: bytes, reason: str) -> None:
        """Close at once, for others need the place.

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
        self._cut_at(self.deadline)
        self._places.arrived(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._places.left(self)
        self._uncut()
        super().connection_lost(exc)

    def get_buffer(self, sizehint: int) -> memoryview:
        """Where the next bytes are read to. See `asyncio.BufferedProtocol`."""
        # What comes behind a close frame is dropped, and the sooner it is read the better.
        return _buffer if self.protocol.eof_sent else _buffer[:_READ_BYTES]

    def buffer_updated(self, nbytes: int) -> None:
        """So many bytes were read. See `asyncio.BufferedProtocol`."""
        self.data_received(bytes(_buffer[:nbytes]))
        if self.protocol.eof_sent:
            # Its client is to close the line now; one that does not keeps its place no longer.
            self._cut_at(self.loop.time() + CLOSE_SECONDS)

    def process_event(self, event: Event) -> None:
        """Take a request or a frame, unless it is one too many."""
        if not isinstance(event, Frame):
            # From here on it is the library, or the websocket's endpoint, that has patience or not.
            self._uncut()
            self._held = True
            self.transport.pause_reading()
        elif event.opcode is not Opcode.CLOSE:
            if self._refused or self._closes_first:
                return
            # Frames that came with the request itself are few.
            if not self._held and not self._counter(event).take(self.loop.time()):
                self._refuse(self._counter(event).rate)
                return
        super().process_event(event)

    def send_data(self) -> None:
        """Send what waits, unless the line is cut: asyncio would log every attempt."""
        if self.transport.is_closing():
            self.protocol.data_to_send()
            return
        super().send_data()
        if self._closes_first:
            # What is not read would cut the line before the client has read why it was closed.
            self.transport.resume_reading()
        elif self._held and not self.recv_messages.paused:
            self.transport.resume_reading()
        # The request has its response.
        self._held = False

    def _cut_at(self, moment: float) -> None:
        """Cut the line then, by the loop's clock, unless that is to be done before."""
        if self._cut is None:
            self._cut = self.loop.call_at(moment, self.transport.abort)

    def _uncut(self) -> None:
        if self._cut is not None:
            self._cut.cancel()
            self._cut = None

    @property
    def _closes_first(self) -> bool:
        """Whether this side has sent a close frame, and its client none: no message counts now."""
        return self.protocol.close_sent is not None and self.protocol.close_rcvd is None

    def _counter(self, frame: Frame) -> MessageCounter:
        return self._control if frame.opcode in (Opcode.PING, Opcode.PONG) else self._messages

    def _refuse(self, rate: MessageRate) -> None:
        """Close; what the client has sent beyond is dropped."""
        self._refused = True
        reason = f"too many messages: at most {rate.per_second:g} a second are taken"
        log.warning("client %s closed: %s", self.remote_address, reason)
        self.protocol.fail(TOO_FAST, reason)
        self.send_data()
