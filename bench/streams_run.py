"""One daemon with many streams, once through the demo: what it took and what came of it."""

import asyncio
import json
import os
import subprocess
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import numpy as np
import soundfile
from websockets.asyncio.client import connect

from bench.checkout import Checkout
from bench.process import Process, pace
from kws.audio.file import demo_recording
from tests.support.audio_servers import MICROPHONE, PulseAudio

RATE = 16_000
BLOCK_S = 0.1
STAGGER_S = 10.0
"""Streams begin one after the other within so long."""
PATIENCE_S = 3.0
AFTER_S = 0.9
"""Seconds of the recording behind its last word, in which it may still be detected."""
LATEST_S = 2.0
"""Seconds after a word's end in which its event still counts as its own."""
HELD_MS = 200.0
"""A number of streams is held while 99 of 100 events come within so long of their window."""
DAEMON_CORE, OUR_CORE = 0, 1
MICROPHONES_STREAM = "default"


@dataclass
class Sent:
    """What was sent of a stream, and when: a time for each block."""

    times: list[float] = field(default_factory=list)

    def at(self, seconds: float) -> float | None:
        """When the sound until then had been sent, by the clock."""
        block = max(0, int(np.ceil(seconds / BLOCK_S - 1e-6)) - 1)
        return self.times[block] if block < len(self.times) else None


@dataclass(frozen=True)
class Row:
    """What one number of streams cost. All delays in milliseconds.

    Attributes:
        daemon: name of the checkout.
        streams: over the network, beside the microphone.
        words: spoken in them, and in the microphone.
        detected: of these, those that gave their event.
        more: events that are no word's.
        dropped: samples of all streams.
        decided_median: from the sending of a window's last block to its event.
        decided_p99: the same, of which one in a hundred is longer.
        decided_worst: the same, the longest.
        network_median: from a word's end to its event, of what came over the network.
        network_p99: the same.
        microphone_median: the same, through PulseAudio and PortAudio.
        microphone_p99: the same.
        cores: of processor time, of the daemon.
        receiving: of these, those of its event loop: the sockets of all streams, and what is
            sent to subscribers.
        generator: cores that this bench took to send; on a core of its own, and in no figure of
            the daemon.
        late_p99: by how much a block was sent later than in real time, of which one in a hundred
            is more: where it is long, this bench was the limit.
    """

    daemon: str
    streams: int
    words: int
    detected: int
    more: int
    dropped: int
    decided_median: float
    decided_p99: float
    decided_worst: float
    network_median: float
    network_p99: float
    microphone_median: float
    microphone_p99: float
    cores: float
    receiving: float
    generator: float
    late_p99: float

    @property
    def held(self) -> bool:
        """Whether the daemon kept up."""
        return not self.dropped and self.decided_p99 <= HELD_MS


@dataclass(frozen=True)
class Spent:
    """Processor seconds, at one moment or between two.

    Attributes:
        daemon: of the daemon.
        loop: of its main thread, which has its event loop.
        own: of this process.
        wall: by the monotonic clock.
    """

    daemon: float
    loop: float
    own: float
    wall: float

    @classmethod
    def until_now(cls, daemon: Process) -> Self:
        """Since the processes began."""
        return cls(
            daemon.cpu_seconds(),
            daemon.main_thread_seconds(),
            time.process_time(),
            time.monotonic(),
        )

    def since(self, before: Self) -> "Spent":
        """What was spent after `before`."""
        return Spent(
            self.daemon - before.daemon,
            self.loop - before.loop,
            self.own - before.own,
            self.wall - before.wall,
        )


class Run:
    """A daemon, its streams and its microphone, once through the demo.

    Args:
        checkout: whose daemon.
        count: streams over the network.
        seconds: of the demo that are played.
    """

    def __init__(self, checkout: Checkout, count: int, seconds: float) -> None:
        samples, rate = soundfile.read(demo_recording(), dtype="int16")
        assert rate == RATE
        truth = json.loads(demo_recording().with_suffix(".json").read_text())["words"]
        seconds = min(seconds, len(samples) / RATE)
        self._ends = [
            (each["word"], float(each["end"])) for each in truth if each["end"] + AFTER_S <= seconds
        ]
        # No word is cut.
        cut = [each["start"] for each in truth[len(self._ends) :]]
        samples = samples[: round(min([seconds, *cut]) * RATE)]
        block = round(BLOCK_S * RATE)
        self._checkout = checkout
        self._blocks = [samples[at : at + block].tobytes() for at in range(0, len(samples), block)]
        self._late: list[float] = []
        self._count = count
        self._sent = {f"stream-{number}": Sent() for number in range(count)}
        self._sent[MICROPHONES_STREAM] = Sent()
        self._events: list[tuple[dict[str, Any], float]] = []

    async def run(self) -> Row:
        """Start everything, wait for its end, and sum it up."""
        with ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="kws-")))
            server = stack.enter_context(PulseAudio(folder))
            # A child stays on the core of its parent.
            os.sched_setaffinity(0, {DAEMON_CORE})
            daemon = stack.enter_context(
                Process(
                    *("--source", "microphone", "--set", f"server.max_streams={self._count}"),
                    *("--set", "audio.ready_after_sound=true", "--set", "server.queue=10000"),
                    variables=server.environment | {"PULSE_SOURCE": f"{MICROPHONE}.monitor"},
                    checkout=self._checkout,
                )
            )
            os.sched_setaffinity(0, {OUR_CORE})
            player = stack.enter_context(_player(server))
            reading = asyncio.create_task(self._read(daemon.port))
            before = Spent.until_now(daemon)
            await asyncio.gather(
                self._play(player),
                *(self._send(daemon.port, number) for number in range(self._count)),
            )
            spent = Spent.until_now(daemon).since(before)
            await asyncio.sleep(PATIENCE_S)
            reading.cancel()
            player.kill()
        return self._row(spent)

    async def _read(self, port: int) -> None:
        address = f"ws://127.0.0.1:{port}/events"
        async with connect(address, proxy=None, compression=None) as events:
            async for message in events:
                self._events.append((json.loads(message), time.monotonic()))

    async def _send(self, port: int, number: int) -> None:
        name = f"stream-{number}"
        begin = time.monotonic() + STAGGER_S * number / self._count
        address = f"ws://127.0.0.1:{port}/audio"
        await asyncio.sleep(begin - time.monotonic())
        async with connect(address, proxy=None, compression=None) as line:
            start = {"type": "start", "stream": name, "sample_rate": RATE, "format": "s16le"}
            await line.send(json.dumps(start))
            await line.recv()
            begin = time.monotonic()
            for index, block in enumerate(self._blocks):
                await asyncio.sleep(pace(BLOCK_S, begin, index))
                await line.send(block)
                now = time.monotonic()
                self._sent[name].times.append(now)
                self._late.append(now - begin - (index + 1) * BLOCK_S)
            await line.send('{"type": "end"}')
            async for _ in line:
                pass

    async def _play(self, player: "subprocess.Popen[bytes]") -> None:
        assert player.stdin is not None
        begin = time.monotonic()
        for index, block in enumerate(self._blocks):
            await asyncio.sleep(pace(BLOCK_S, begin, index))
            player.stdin.write(block)
            player.stdin.flush()
            self._sent[MICROPHONES_STREAM].times.append(time.monotonic())

    def _row(self, spent: Spent) -> Row:
        decided: list[float] = []
        after_word: dict[bool, list[float]] = {True: [], False: []}
        detected = more = dropped = 0
        waiting = {name: list(self._ends) for name in self._sent}
        for event, came in self._events:
            dropped += event.get("samples", 0)
            if event["type"] != "detection":
                continue
            name = event["stream"]
            sent = self._sent[name]
            own = name == MICROPHONES_STREAM
            if not own and (when := sent.at(event["t"])) is not None:
                decided.append(came - when)
            found = False
            for word, end in waiting[name]:
                spoken = sent.at(end)
                if word == event["keyword"] and spoken and -1.0 <= came - spoken <= LATEST_S:
                    waiting[name].remove((word, end))
                    after_word[own].append(came - spoken)
                    found = True
                    break
            detected += found
            more += not found
        network, microphone = after_word[False], after_word[True]
        return Row(
            daemon=self._checkout.name,
            streams=self._count,
            words=len(self._sent) * len(self._ends),
            detected=detected,
            more=more,
            dropped=dropped,
            decided_median=_milliseconds(decided, 50),
            decided_p99=_milliseconds(decided, 99),
            decided_worst=_milliseconds(decided, 100),
            network_median=_milliseconds(network, 50),
            network_p99=_milliseconds(network, 99),
            microphone_median=_milliseconds(microphone, 50),
            microphone_p99=_milliseconds(microphone, 99),
            cores=round(spent.daemon / spent.wall, 3),
            receiving=round(spent.loop / spent.wall, 3),
            generator=round(spent.own / spent.wall, 3),
            late_p99=_milliseconds(self._late, 99),
        )


def _player(server: PulseAudio) -> "subprocess.Popen[bytes]":
    """Plays what is written to it, as it is written."""
    return subprocess.Popen(
        [
            *("pacat", "--playback", "-d", MICROPHONE, "--raw", "--latency-msec=20"),
            *("--format=s16le", f"--rate={RATE}", "--channels=1"),
        ],
        env=os.environ | server.environment,
        stdin=subprocess.PIPE,
    )


def _milliseconds(seconds: list[float], share: float) -> float:
    return round(1_000 * float(np.percentile(seconds, share)), 1) if seconds else float("nan")
