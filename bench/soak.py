"""A long run: a microphone that is lost again and again, and subscribers of whom some never read.

`python -m bench.soak [--minutes N] [--subscribers N] [--mute N] [--attack N] [--json]`;
`bench/README.md`
describes each figure.
"""

import argparse
import asyncio
import json
import logging
import tempfile
import time
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path

import numpy as np
import psutil
import soundfile
from websockets.asyncio.client import connect

from bench.command import run_program
from bench.floods import FLOODS, NONE, start_flood
from bench.soak_result import Reader, Result, Sample, result
from kws.audio.file import demo_recording
from kws.printing import parse, print_line
from tests.support.audio_servers import MICROPHONE, PulseAudio
from tests.support.client import HOST, get, mute_subscriber
from tests.support.limits import wait_until
from tests.support.process import DaemonProcess

log = logging.getLogger(__name__)

SOURCE = {"PULSE_SOURCE": f"{MICROPHONE}.monitor"}
CYCLE_S = 60.0
"""Seconds between two losses."""
SAMPLE_S = 5.0
PAUSE_S = 1.5
PATIENCE_S = 45.0
KINDS = tuple(kind for kind in FLOODS if kind != NONE)
ATTACK_S = 15.0
"""Seconds of a flood, one kind after the other, one a minute."""


async def read(port: int, reader: Reader, ready: asyncio.Event) -> None:
    """Be a subscriber until the daemon closes the connection."""
    async with connect(f"ws://{HOST}:{port}/events", proxy=None, compression=None) as events:
        await events.recv()
        ready.set()
        async for message in events:
            reader.take(json.loads(message), time.time())


def spoken_minute(folder: Path) -> tuple[Path, int]:
    """The demo after a pause that is longer than a window, and how many keywords are in it."""
    samples, rate = soundfile.read(demo_recording(), dtype="float32")
    words = json.loads(demo_recording().with_suffix(".json").read_text())["words"]
    path = folder / "minute.wav"
    pause = np.zeros(round(PAUSE_S * rate), np.float32)
    soundfile.write(path, np.concatenate((pause, samples, pause)), rate)
    return path, len(words)


def measured(process: psutil.Process, since: float) -> Sample:
    """The daemon now."""
    return Sample(
        time.monotonic() - since,
        process.memory_full_info().pss,
        process.num_fds(),
        process.num_threads(),
    )


async def watch(pid: int, since: float, samples: list[Sample]) -> None:
    """Measure the daemon again and again."""
    process = psutil.Process(pid)
    while True:
        samples.append(await asyncio.to_thread(measured, process, since))
        await asyncio.sleep(SAMPLE_S)


async def soak(minutes: float, readers: int, mute: int, attackers: int) -> Result:
    """Run it.

    Args:
        minutes: how long.
        readers: subscribers that read.
        mute: subscribers that never read.
        attackers: clients that flood the daemon for a part of each minute.

    Raises:
        TimeoutError: the daemon is not ready, or sound does not come back.
    """
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="kws-soak-")))
        server = stack.enter_context(PulseAudio(folder))
        recording, words = spoken_minute(folder)
        printed = stack.enter_context((folder / "kws.jsonl").open("w+"))
        daemon = stack.enter_context(
            DaemonProcess(
                *("--device", "pulse"),
                environment=server.environment | SOURCE,
                stdout=printed.fileno(),
            )
        )
        port = await asyncio.to_thread(lambda: daemon.port)
        since = time.monotonic()
        taken = [Reader() for _ in range(readers)]
        ready = [asyncio.Event() for _ in taken]
        reading = [
            asyncio.create_task(read(port, *pair)) for pair in zip(taken, ready, strict=True)
        ]
        await asyncio.gather(*(each.wait() for each in ready))
        for _ in range(mute):
            stack.enter_context(mute_subscriber(port))
        samples: list[Sample] = []
        watching = asyncio.create_task(watch(daemon.process.pid, since, samples))
        run = json.loads(get(port, "/health")[2])["run"]
        cycles, floods, returns = 0, 0, [0.0]
        while time.monotonic() - since < 60 * minutes:
            begun = time.monotonic()
            await _to_health(port, "ok")
            player = server.play(recording)
            kind = KINDS[cycles % len(KINDS)]
            flood = start_flood(port, kind, attackers, ATTACK_S, run) if attackers else None
            await asyncio.to_thread(player.wait, PATIENCE_S + CYCLE_S)
            if flood is not None:
                floods += int((await asyncio.to_thread(flood.communicate))[0])
            await asyncio.sleep(max(0.0, begun + CYCLE_S - 8 - time.monotonic()))
            # In turns: the microphone alone is removed, and its server is killed.
            await asyncio.to_thread(
                server.kill if cycles % 2 else lambda: server.remove(MICROPHONE)
            )
            await _to_health(port, "lost")
            await asyncio.to_thread(server.start if cycles % 2 else lambda: server.add(MICROPHONE))
            returned = time.monotonic()
            await _to_health(port, "ok")
            returns.append(time.monotonic() - returned)
            cycles += 1
            log.info(
                "cycle %d: %d events, back after %.1f s", cycles, len(taken[0].numbers), returns[-1]
            )
        watching.cancel()
        exit_code = await asyncio.to_thread(daemon.stop)
        await asyncio.gather(*reading, return_exceptions=True)
        printed.seek(0)
        events = [json.loads(line) for line in printed]
        minutes = (time.monotonic() - since) / 60
    return result(
        *(events, taken, mute, samples, words * cycles, cycles, returns, minutes, exit_code, floods)
    )


async def _to_health(port: int, status: str) -> None:
    def reached() -> bool:
        return bool(json.loads(get(port, "/health")[2])["status"] == status)

    await asyncio.to_thread(wait_until, reached, f"/health: {status}", PATIENCE_S)


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(prog="python -m bench.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=60.0, metavar="N", help="default: 60")
    parser.add_argument("--subscribers", type=int, default=45, metavar="N", help="that read")
    parser.add_argument("--mute", type=int, default=5, metavar="N", help="that never read")
    parser.add_argument(
        "--attack", type=int, default=0, metavar="N", help="that flood, now and then"
    )
    parser.add_argument("--json", action="store_true", help="one JSON object instead of lines")
    options = parse(parser)
    found = asdict(
        asyncio.run(soak(options.minutes, options.subscribers, options.mute, options.attack))
    )
    if options.json:
        print_line(json.dumps(found))
    else:
        for name, value in found.items():
            print_line(f"{name.replace('_', ' '):24} {value}")


if __name__ == "__main__":
    run_program(main)
