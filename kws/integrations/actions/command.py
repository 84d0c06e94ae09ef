"""Runs a command for a detection: no shell, the event on its standard input, a time limit."""

import asyncio
import json
import logging
import os
import signal
from collections.abc import Mapping
from contextlib import suppress
from typing import Self

from kws.config.token import TOKEN_VARIABLE
from kws.integrations.actions.errors import ActionError
from kws.integrations.actions.rules import Command
from kws.protocol.events import Event
from kws.text import escaped

log = logging.getLogger(__name__)

MOST_LINES, MOST_LENGTH = 50, 500
"""Lines of a command's output that the log gets, and characters of each."""
END_S = 1.0
"""Seconds between SIGTERM and SIGKILL, and for the output of what a command left running."""
_KEPT_FROM_IT = frozenset((TOKEN_VARIABLE, "NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"))
"""Variables that are the daemon's own: its secret, and how it reports to systemd."""
_BLOCK = 4_096


def variables(event: Event, environment: Mapping[str, str]) -> dict[str, str]:
    """The environment of a command.

    Args:
        event: a detection.
        environment: the daemon's.
    """
    said = json.loads(event.to_json())
    own = {f"KWS_{name.upper()}": f"{said[name]}" for name in _SAID if name in said}
    return {name: text for name, text in environment.items() if name not in _KEPT_FROM_IT} | own


_SAID = ("keyword", "confidence", "score", "stream", "t", "time", "id", "run", "seq", "model")
"""Fields of a detection that a command finds in its environment."""


async def run_command(
    command: Command, event: Event, environment: Mapping[str, str], seconds: float
) -> None:
    """Run it to its end. Where this is cancelled, it is ended.

    Args:
        command: what to run.
        event: the detection.
        environment: the daemon's variables.
        seconds: that it may take.

    Raises:
        ActionError: it cannot be started, takes too long, or ends with another code than 0.
    """
    with _Output(command.name) as output:
        try:
            process = await asyncio.create_subprocess_exec(
                *command.arguments,
                stdin=asyncio.subprocess.PIPE,
                stdout=output.writable,
                stderr=output.writable,
                env=variables(event, environment),
                start_new_session=True,  # so that its children can be ended too
            )
        except (OSError, ValueError) as error:
            raise ActionError(f"cannot be started: {error}") from error
        reading = asyncio.create_task(output.read())
        try:
            async with asyncio.timeout(seconds):
                await _write(process, event.to_json().encode() + b"\n")
                code = await process.wait()
        except TimeoutError:
            raise ActionError(f"has not ended within {seconds:g} s, and was ended") from None
        finally:
            await _end(process, reading)
    if code:
        how = f"signal {-code}" if code < 0 else f"code {code}"
        raise ActionError(f"ended with {how}")


class _Output:
    """A pipe for what a command writes, which may stay open in a child that it leaves behind.

    Args:
        name: of the command, for the log.

    Attributes:
        writable: the command's end.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        readable, self.writable = os.pipe()
        self._file = os.fdopen(readable, "rb", 0)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
        self._close_writable()

    async def read(self) -> None:
        """Log the lines; all is read, so that nobody waits, and not all is kept."""
        self._close_writable()
        reader = asyncio.StreamReader()
        loop = asyncio.get_running_loop()
        protocol = asyncio.StreamReaderProtocol(reader)
        transport, _ = await loop.connect_read_pipe(lambda: protocol, self._file)
        rest, lines = b"", 0
        try:
            while block := await reader.read(_BLOCK):
                *whole, rest = (rest + block).split(b"\n")
                rest = rest[: 4 * MOST_LENGTH]
                for line in whole:
                    lines += 1
                    _log_line(self._name, line, lines)
            if rest:
                _log_line(self._name, rest, lines + 1)
        finally:
            transport.close()

    def _close_writable(self) -> None:
        if self.writable >= 0:
            os.close(self.writable)
            self.writable = -1


async def _write(process: asyncio.subprocess.Process, text: bytes) -> None:
    """Give it the event, which it need not read."""
    assert process.stdin is not None
    with suppress(BrokenPipeError, ConnectionResetError):
        process.stdin.write(text)
        await process.stdin.drain()
    process.stdin.close()


async def _end(process: asyncio.subprocess.Process, reading: "asyncio.Task[None]") -> None:
    """End it with its children where it still runs, and take the last of its output."""
    if process.returncode is None:
        _signal(process, signal.SIGTERM)
        try:
            async with asyncio.timeout(END_S):
                await process.wait()
        except TimeoutError:
            _signal(process, signal.SIGKILL)
            await process.wait()
    await asyncio.wait((reading,), timeout=END_S)
    reading.cancel()
    await asyncio.gather(reading, return_exceptions=True)


def _signal(process: asyncio.subprocess.Process, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, number)


def _log_line(name: str, line: bytes, number: int) -> None:
    text = line.decode("utf-8", "replace").rstrip()
    if number <= MOST_LINES and text:
        log.info("%s: %s", name, escaped(text[:MOST_LENGTH]))
    elif number == MOST_LINES + 1:
        log.info("%s: more output is left out", name)
