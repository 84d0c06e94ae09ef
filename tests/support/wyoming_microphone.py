"""A remote microphone: a server of the protocol's library, as a process of its own.

`python -m tests.support.wyoming_microphone PORT RATE WIDTH CHANNELS` says "yes" again and again to
whoever connects; prints its port once it listens.
"""

import asyncio
import os
import signal
import subprocess
import sys
import time
from types import TracebackType
from typing import Self

import numpy as np
from wyoming.audio import AudioChunk, AudioFormat
from wyoming.event import Event
from wyoming.info import Attribution, Describe, Info, MicProgram
from wyoming.server import AsyncEventHandler, AsyncTcpServer

from tests.support.limits import TIMEOUT, limit
from tests.support.process import Lines
from tests.support.speech import RATE, spoken
from tests.support.wyoming import PLAIN, Form

BLOCK_S = 0.05


class Handler(AsyncEventHandler):
    """Sends audio to one client.

    Args:
        form: of the audio.
        data: which is repeated.
        streams: of the connection.
    """

    def __init__(
        self, form: Form, data: bytes, *streams: asyncio.StreamReader | asyncio.StreamWriter
    ) -> None:
        super().__init__(*streams)  # type: ignore[arg-type]
        self._form, self._data = form, data
        self._sending = asyncio.create_task(self._send())

    async def handle_event(self, event: Event) -> bool:
        if Describe.is_type(event.type):
            form = self._form
            program = MicProgram(
                name="test",
                attribution=Attribution("", ""),
                installed=True,
                description=None,
                version=None,
                mic_format=AudioFormat(form.rate, form.width, form.channels),
            )
            await self.write_event(Info(mic=[program]).event())
        return True

    async def disconnect(self) -> None:
        self._sending.cancel()

    async def _send(self) -> None:
        form = self._form
        step = round(BLOCK_S * form.rate) * form.width * form.channels
        begun, sent = time.monotonic(), 0.0
        while True:
            for begin in range(0, len(self._data), step):
                piece = self._data[begin : begin + step]
                chunk = AudioChunk(form.rate, form.width, form.channels, piece)
                await self.write_event(chunk.event())
                sent += chunk.seconds
                await asyncio.sleep(max(0.0, begun + sent - time.monotonic()))


async def serve(port: int, form: Form) -> None:
    """Serve until the process is ended."""
    # A microphone's silence is not digital.
    noise = np.random.default_rng(1).normal(0, 1e-3, 2 * RATE).astype(np.float32)
    data = form.encode(np.concatenate((spoken("yes"), noise)))
    server = AsyncTcpServer("127.0.0.1", port)
    await server.start(lambda *streams: Handler(form, data, *streams))
    listening = server._server
    assert isinstance(listening, asyncio.Server)
    print(listening.sockets[0].getsockname()[1], flush=True)
    await listening.serve_forever()


class RemoteMicrophone:
    """The process.

    Args:
        form: of its audio.
        port: 0: any.
    """

    def __init__(self, form: Form = PLAIN, port: int = 0) -> None:
        arguments = map(str, (port, form.rate, form.width, form.channels))
        self._process = subprocess.Popen(
            [sys.executable, "-W", "ignore", "-m", "tests.support.wyoming_microphone", *arguments],
            stdout=subprocess.PIPE,
        )
        assert self._process.stdout is not None
        self._lines = Lines(self._process.stdout)
        self.port = int(self._lines.first(1)[0])

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.kill()

    @property
    def uri(self) -> str:
        """As a source of kws."""
        return f"wyoming+tcp://127.0.0.1:{self.port}"

    def kill(self) -> None:
        """End it, as a machine that loses its power."""
        self._process.kill()
        self._process.wait(limit(TIMEOUT))
        self._lines.finish()

    def hang(self) -> None:
        """Let it do nothing more, and keep its connections."""
        os.kill(self._process.pid, signal.SIGSTOP)


if __name__ == "__main__":
    number, *figures = map(int, sys.argv[1:])
    asyncio.run(serve(number, Form(*figures)))
