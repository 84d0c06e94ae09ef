"""Programs that talk to the daemon: over a websocket, over HTTP."""

import http.client
import json
import socket
from collections.abc import Mapping
from typing import Any

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from tests.support.limits import TIMEOUT, limit, value_of
from tests.support.process import Message

HOST = "127.0.0.1"


def subscribe(port: int, path: str = "/events", **options: Any) -> ClientConnection:
    """Connect to a websocket, past any proxy."""
    connection: ClientConnection = connect(
        f"ws://{HOST}:{port}{path}",
        proxy=None,
        compression=None,
        open_timeout=limit(TIMEOUT),
        close_timeout=limit(TIMEOUT),
        **options,
    )
    return connection


def mute_subscriber(port: int) -> socket.socket:
    """A subscriber that never reads, behind a line that takes as little as can be."""
    line = socket.socket()
    line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
    line.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, 536)
    line.settimeout(limit(TIMEOUT))
    line.connect((HOST, port))
    line.sendall(
        f"GET /events HTTP/1.1\r\nHost: {HOST}:{port}\r\nUpgrade: websocket\r\n"
        "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n".encode()
    )
    return line


def send_unread(line: socket.socket, text: str) -> None:
    """Send a message of less than 126 bytes on a line as of `mute_subscriber`."""
    frame = bytes((0x81, 0x80 | len(text))) + bytes(4)  # final text frame, masked with zeros
    line.sendall(frame + text.encode())


def read_all(line: socket.socket) -> bytes:
    """All bytes that come until the other side closes."""
    parts = []
    while part := line.recv(65_536):
        parts.append(part)
    return b"".join(parts)


def receive(connection: ClientConnection, timeout: float = TIMEOUT) -> Message:
    """The next message."""
    message: Message = json.loads(value_of(connection.recv, timeout))
    return message


def ask(connection: ClientConnection, **wishes: Any) -> Message:
    """Send a request; the next message."""
    connection.send(json.dumps(wishes))
    return receive(connection)


def receive_all(connection: ClientConnection) -> tuple[list[Message], int, str]:
    """All messages until the daemon closes, and its code and reason."""
    messages = []
    while True:
        try:
            messages.append(receive(connection))
        except ConnectionClosed as closed:
            if closed.rcvd is None:
                raise
            return messages, closed.rcvd.code, closed.rcvd.reason


def close_code(connection: ClientConnection) -> tuple[int, str]:
    """How the daemon ends a connection: code and reason."""
    _, code, reason = receive_all(connection)
    return code, reason


def get(
    port: int, path: str, headers: Mapping[str, str] | None = None, method: str = "GET"
) -> tuple[int, http.client.HTTPMessage, str]:
    """A plain HTTP request: status, headers, text."""
    connection = http.client.HTTPConnection(HOST, port, timeout=limit(TIMEOUT))
    wanted = dict(headers or {})
    try:
        connection.putrequest(method, path, skip_host="Host" in wanted)
        for name, value in wanted.items():
            connection.putheader(name, value)
        connection.endheaders()
        response = connection.getresponse()
        return response.status, response.headers, response.read().decode()
    finally:
        connection.close()


def get_json(port: int, path: str) -> Message:
    """A page that ought to be there."""
    status, headers, text = get(port, path)
    assert status == 200, text
    assert headers["Content-Type"] == "application/json"
    page: Message = json.loads(text)
    return page
