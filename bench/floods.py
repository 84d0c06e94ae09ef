"""Clients that flood a daemon on this machine, for a limited time: `python -m bench.floods`.

Started by `bench.attack` and `bench.soak` as a process of its own, so that it takes nothing from
who measures.
"""

import argparse
import asyncio
import base64
import os
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from bench.process import environment

HOST = "127.0.0.1"
"""Nothing but this machine is ever flooded."""
MOST_CONNECTIONS, MOST_SECONDS = 100, 60.0
BLOCK_BYTES = 256 * 1024
_TEXT, _BINARY, _PING = 0x81, 0x82, 0x89
_POST = b"POST %b HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: %d\r\n\r\n%b"
_START = b'{"type":"start","stream":"flood-%d","sample_rate":16000,"format":"s16le"}'


@dataclass(frozen=True)
class Flood:
    """A kind of flood.

    Attributes:
        path: of the websocket; empty: what connects sends nothing.
        frame: sent again and again.
        first: sent once before.
        reads: whether what the daemon sends is read.
        request: of plain HTTP, sent in place of all that, once a connection.
    """

    path: str
    frame: bytes = b""
    first: bytes = b""
    reads: bool = True
    request: bytes = b""


def frame(kind: int, payload: bytes = b"") -> bytes:
    """A whole frame of a client, masked with zeros."""
    size = len(payload)
    length = bytes((0x80 | size,)) if size < 126 else bytes((0xFE, size >> 8, size & 0xFF))
    return bytes((kind,)) + length + bytes(4) + payload


NONE = "none"
FLOODS = {
    NONE: Flood(""),
    "empty sound": Flood("/audio", frame(_BINARY), _START),
    "requests": Flood("/events", frame(_TEXT, b"{}")),
    "replays": Flood("/events", frame(_TEXT, b'{"after":{"run":"%s","seq":0}}')),
    "replays, from disk": Flood("/events", frame(_TEXT, b'{"after":{"run":"?","seq":0}}')),
    "history": Flood("/history", request=b"GET /history HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"),
    "scores": Flood("/scores", frame(_TEXT, b"{}")),
    "pings": Flood("/events", frame(_PING)),
    "pings, pongs unread": Flood("/events", frame(_PING, bytes(125)), reads=False),
    "nonsense": Flood("/events", frame(_TEXT, b'{"a\\n\\u001b[31m":1}')),
    "nothing": Flood(""),
    "POST, unfinished": Flood("/mute", request=_POST % (b"/mute", 1024, b"{")),
    "POST": Flood("/mute", request=_POST % (b"/mute", 2, b"{}")),
}


class Client:
    """One flooding client, which connects again whenever it is closed.

    Args:
        port: of the daemon.
        flood: what it does.
        index: of the client.
        run: of the daemon, for replays.
    """

    def __init__(self, port: int, flood: Flood, index: int, run: str) -> None:
        self._port, self._flood, self._index = port, flood, index
        self._frame = flood.frame
        if b"%s" in self._frame:
            self._frame = frame(_TEXT, self._frame[6:].replace(b"%s", run.encode()))
        self.connected = 0

    async def run(self, until: float) -> None:
        """Flood until then, by the monotonic clock, or until the daemon ends."""
        while time.monotonic() < until:
            try:
                async with asyncio.timeout(max(0.0, until - time.monotonic())):
                    await self._connect()
            except ConnectionRefusedError:
                return  # the daemon has ended
            except (OSError, TimeoutError):
                continue

    async def _connect(self) -> None:
        line = socket.socket()
        line.setblocking(False)
        if not self._flood.reads:
            line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
        loop = asyncio.get_running_loop()
        try:
            await loop.sock_connect(line, (HOST, self._port))
            self.connected += 1
            if not self._flood.path:
                await loop.sock_recv(line, 1)
                return
            if self._flood.request:
                await loop.sock_sendall(line, self._flood.request)
                await _read(loop, line)
                return
            await loop.sock_sendall(line, self._handshake())
            await self._send(loop, line)
        finally:
            line.close()

    async def _send(self, loop: asyncio.AbstractEventLoop, line: socket.socket) -> None:
        if self._flood.first:
            await loop.sock_sendall(line, frame(_TEXT, self._flood.first % self._index))
        block = self._frame * (BLOCK_BYTES // len(self._frame))
        reading = asyncio.create_task(_read(loop, line)) if self._flood.reads else None
        try:
            while reading is None or not reading.done():
                await loop.sock_sendall(line, block)
        finally:
            if reading is not None:
                reading.cancel()

    def _handshake(self) -> bytes:
        key = base64.b64encode(os.urandom(16)).decode()
        return (
            f"GET {self._flood.path} HTTP/1.1\r\nHost: {HOST}:{self._port}\r\n"
            "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            f"Sec-WebSocket-Key: {key}\r\n\r\n"
        ).encode()


async def _read(loop: asyncio.AbstractEventLoop, line: socket.socket) -> None:
    while await loop.sock_recv(line, 65_536):
        pass


async def flood(port: int, kind: Flood, connections: int, seconds: float, run: str) -> int:
    """Flood a daemon; how often it was connected to."""
    until = time.monotonic() + min(seconds, MOST_SECONDS)
    count = 0 if kind is FLOODS[NONE] else min(connections, MOST_CONNECTIONS)
    clients = [Client(port, kind, i, run) for i in range(count)]
    await asyncio.gather(*(each.run(until) for each in clients))
    return sum(each.connected for each in clients)


def start_flood(
    port: int, kind: str, connections: int, seconds: float, run: str
) -> "subprocess.Popen[str]":
    """A flood by a process of its own, which prints how often its clients connected.

    Args:
        port: of the daemon on this machine.
        kind: key of `FLOODS`.
        connections: at a time.
        seconds: that it lasts.
        run: the daemon's.
    """
    command = [sys.executable, "-m", "bench.floods", str(port), kind, "--run", run]
    command += ["--connections", str(connections), "--seconds", str(seconds)]
    return subprocess.Popen(
        command,
        cwd=Path(__file__).parent.parent,
        env=environment(),
        stdout=subprocess.PIPE,
        text=True,
    )


def main() -> None:
    """Run from the command line; prints how often the daemon was connected to."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("port", type=int)
    parser.add_argument("kind", choices=FLOODS)
    parser.add_argument("--connections", type=int, default=40)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--run", default="")
    options = parser.parse_args()
    kind = FLOODS[options.kind]
    print(asyncio.run(flood(options.port, kind, options.connections, options.seconds, options.run)))


if __name__ == "__main__":
    main()
