"""Many subscribers of a daemon in one process, with the time at which each event arrives.

`python -m bench.subscribers PORT COUNT` connects, writes {"event": "ready"} to standard error,
reads until the daemon has closed every connection, and prints what came.
"""

import json
import selectors
import socket
import sys
import time
from collections import defaultdict, deque
from typing import Any

from websockets.client import ClientProtocol
from websockets.frames import Frame, Opcode
from websockets.uri import parse_uri

HOST = "127.0.0.1"
_MOST_BYTES = 65_536

Message = dict[str, Any]


class Connection:
    """A subscriber's websocket, without a library's event loop between socket and clock.

    Args:
        port: of the daemon.
    """

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection((HOST, port))
        self._protocol = ClientProtocol(parse_uri(f"ws://{HOST}:{port}/events"))
        self._protocol.send_request(self._protocol.connect())
        self._send()

    def parse(self, data: bytes) -> list[Message]:
        """The messages that received bytes complete; answers pings and closings."""
        if data:
            self._protocol.receive_data(data)
        else:
            self._protocol.receive_eof()
        if (error := self._protocol.handshake_exc) is not None:
            raise error
        frames = [each for each in self._protocol.events_received() if isinstance(each, Frame)]
        self._send()
        return [json.loads(bytes(frame.data)) for frame in frames if frame.opcode is Opcode.TEXT]

    def _send(self) -> None:
        for data in self._protocol.data_to_send():
            if data:
                self.socket.sendall(data)


class Subscribers:
    """Several connections, read as soon as something comes and parsed when nothing does.

    Args:
        port: of the daemon.
        count: connections.

    Attributes:
        events: that came, by their number.
        arrivals: of each event, seconds of the monotonic clock, one a connection.
        greeted: connections that got the first message.
    """

    def __init__(self, port: int, count: int) -> None:
        self.events: dict[int, Message] = {}
        self.arrivals: dict[int, list[float]] = defaultdict(list)
        self.greeted = 0
        self._selector = selectors.DefaultSelector()
        self._unread: deque[tuple[Connection, float, bytes]] = deque()
        for _ in range(count):
            connection = Connection(port)
            self._selector.register(connection.socket, selectors.EVENT_READ, connection)

    @property
    def open(self) -> bool:
        """Whether something may still come."""
        return bool(self._selector.get_map()) or bool(self._unread)

    def step(self) -> None:
        """Read what has come; where nothing has, parse something."""
        ready = self._selector.select(0 if self._unread else None)
        for key, _ in ready:
            now = time.monotonic()
            try:
                data = key.data.socket.recv(_MOST_BYTES)
            except ConnectionResetError:
                data = b""
            self._unread.append((key.data, now, data))
            if not data:
                self._selector.unregister(key.fileobj)
        if not ready:
            self._parse(*self._unread.popleft())

    def _parse(self, connection: Connection, came: float, data: bytes) -> None:
        for message in connection.parse(data):
            if message["type"] == "hello":
                self.greeted += 1
            elif "seq" in message:
                self.events[message["seq"]] = message
                self.arrivals[message["seq"]].append(came)


def main(port: int, count: int) -> None:
    """Read until the daemon has closed every connection."""
    subscribers = Subscribers(port, count)
    while subscribers.open and subscribers.greeted < count:
        subscribers.step()
    print(json.dumps({"event": "ready"}), file=sys.stderr, flush=True)
    while subscribers.open:
        subscribers.step()
    for seq, event in subscribers.events.items():
        print(json.dumps({"event": event, "arrivals": subscribers.arrivals[seq]}), flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
