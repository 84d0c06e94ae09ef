"""What the service is reached by: a port, a socket's file, or standard input and output."""

import asyncio
import errno
import os
import socket
import stat
from dataclasses import replace
from pathlib import Path

from kws.errors import ServerError
from kws.integrations.wyoming.address import KEY, Address

_BACKLOG = 1024
_READ_LIMIT = 16 * 1024
_STDIN, _STDOUT = 0, 1
_CONNECT_S = 1.0

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


def listen(address: Address) -> socket.socket:
    """A socket that clients can connect to. May take as long as finding a name takes.

    Raises:
        ServerError: the address cannot be had.
    """
    try:
        if address.path is not None:
            listening = _listen_at(address.path)
        else:
            family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
            both = address.host == "::" and socket.has_dualstack_ipv6()
            place = (address.host, address.port)
            listening = socket.create_server(
                place, family=family, backlog=_BACKLOG, dualstack_ipv6=both
            )
    except (OSError, UnicodeError) as error:
        code, reason = getattr(error, "errno", None), getattr(error, "strerror", None)
        taken = "; is another program there already?" if code == errno.EADDRINUSE else ""
        raise ServerError(
            f"cannot listen at {address.uri} ({KEY}.uri): {reason or error}{taken}"
        ) from error
    listening.setblocking(False)
    return listening


def bound(address: Address, listening: socket.socket) -> Address:
    """The address with the port that was chosen."""
    if address.scheme != "tcp":
        return address
    return replace(address, port=listening.getsockname()[1])


async def accept(listening: socket.socket) -> tuple[Streams, str]:
    """The next client's streams, and where it comes from, for people.

    Raises:
        OSError: none can be taken now.
    """
    loop = asyncio.get_running_loop()
    connected, place = await loop.sock_accept(listening)
    reader = asyncio.StreamReader(limit=_READ_LIMIT)
    protocol = asyncio.StreamReaderProtocol(reader)
    transport, _ = await loop.connect_accepted_socket(lambda: protocol, connected)
    # The most that is read at once, and so what a client that is not read can fill.
    transport.max_size = _READ_LIMIT  # type: ignore[attr-defined]
    writer = asyncio.StreamWriter(transport, protocol, reader, loop)
    return (reader, writer), str(place[0]) if place else "this machine"


async def stdio() -> Streams:
    """Standard input and output as a connection.

    Raises:
        ServerError: they are no pipes.
    """
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit=_READ_LIMIT)
    read_protocol = asyncio.StreamReaderProtocol(reader)
    write_protocol = asyncio.StreamReaderProtocol(asyncio.StreamReader())
    try:
        await loop.connect_read_pipe(lambda: read_protocol, _copy(_STDIN, "rb"))
        transport, _ = await loop.connect_write_pipe(lambda: write_protocol, _copy(_STDOUT, "wb"))
    except (ValueError, OSError) as error:
        raise ServerError(
            f"{KEY}.uri: stdio:// needs pipes for standard input and output: {error}"
        ) from error
    return reader, asyncio.StreamWriter(transport, write_protocol, None, loop)


def _copy(descriptor: int, mode: str) -> object:
    """A file of its own: closing it leaves that of the process open."""
    return os.fdopen(os.dup(descriptor), mode, buffering=0)


def _listen_at(path: Path) -> socket.socket:
    """A socket in the file system, in place of one that nobody listens at any more.

    Raises:
        OSError: there is something else, or another program listens.
    """
    listening = socket.socket(socket.AF_UNIX)
    try:
        if path.exists():
            _remove_abandoned(path)
        listening.bind(str(path))
        listening.listen(_BACKLOG)
    except OSError:
        listening.close()
        raise
    return listening


def _remove_abandoned(path: Path) -> None:
    if not stat.S_ISSOCK(path.stat().st_mode):
        raise FileExistsError(errno.EEXIST, f"{path} is there, and is no socket")
    with socket.socket(socket.AF_UNIX) as trying:
        trying.settimeout(_CONNECT_S)
        try:
            trying.connect(str(path))
        except ConnectionRefusedError:
            path.unlink()
            return
    raise OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE))
