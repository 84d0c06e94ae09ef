"""What a flood of messages does to the other clients of a daemon.

`python -m bench.attack [--kind KIND ...] [--connections N] [--seconds S] [--token] [--json]`;
`bench/README.md` describes each figure. Nothing but this machine is flooded, with at most 100
connections and for at most a minute a kind. MQTT is left out: kws is its client, and opens no port.
"""

import argparse
import http.client
import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from datetime import datetime
from tempfile import TemporaryDirectory

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from bench.floods import FLOODS, HOST, MOST_CONNECTIONS, MOST_SECONDS, start_flood
from bench.process import Process

HEALTH_S, LATE_S, STOP_S, MORE_MB = 0.5, 0.5, 1.0, 20.0
"""The bars: `/health` answers, events come and SIGTERM is obeyed within so many seconds; and so
much more memory."""
_TOKEN = "a token of this bench"
_EVERY_S = 0.1
"""Seconds between two requests for /health."""
_BEFORE_S = 3.0
_PATIENCE_S = 60.0


@dataclass
class Measured:
    """What was measured during one flood.

    Attributes:
        kind: of the flood.
        connected: how often its clients connected.
        health_s: seconds until /health had answered, for each request; infinite: it did not.
        late_s: seconds from each event's time until it had come.
        more_mb: resident memory, the most during the flood less that before it.
        stop_s: from SIGTERM, in the middle of the flood, until the end of the process.
        cores: of processor time that the daemon took.
    """

    kind: str
    connected: int = 0
    health_s: list[float] = field(default_factory=list)
    late_s: list[float] = field(default_factory=list)
    more_mb: float = 0.0
    stop_s: float = 0.0
    cores: float = 0.0

    @property
    def holds(self) -> bool:
        """Whether all bars are held."""
        return (
            bool(self.late_s)
            and max(self.health_s) <= HEALTH_S
            and max(self.late_s) <= LATE_S
            and self.stop_s <= STOP_S
            and self.more_mb <= MORE_MB
        )


def health(port: int) -> float:
    """Seconds until /health has answered with 200; infinite where it answers anything else."""
    begun = time.monotonic()
    connection = http.client.HTTPConnection(HOST, port, timeout=_PATIENCE_S)
    try:
        connection.request("GET", "/health")
        status = connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return float("inf")
    finally:
        connection.close()
    return time.monotonic() - begun if status == 200 else float("inf")


def read(events: ClientConnection, late_s: list[float]) -> None:
    """Note how late each event comes, until the connection ends."""
    with suppress(ConnectionClosed):
        for text in events:
            message = json.loads(text)
            if "seq" in message:
                late_s.append(time.time() - datetime.fromisoformat(message["time"]).timestamp())


def attack(kind: str, connections: int, seconds: float, *, with_token: bool) -> Measured:
    """Flood a daemon of its own, and measure what its other clients get.

    Args:
        kind: key of `FLOODS`.
        connections: that flood at a time.
        seconds: of the flood.
        with_token: whether the daemon asks for a token, which the flooding clients do not know.
    """
    measured = Measured(kind)
    variables = {"KWS_TOKEN": _TOKEN} if with_token else {}
    variables["KWS_HISTORY__DAYS"] = "1"
    with (
        TemporaryDirectory() as folder,
        Process(variables={**variables, "KWS_STATE__FOLDER": folder}) as daemon,
    ):
        port = daemon.port
        headers = {"Authorization": f"Bearer {_TOKEN}"} if with_token else {}
        with connect(
            f"ws://{HOST}:{port}/events", proxy=None, compression=None, additional_headers=headers
        ) as events:
            run = json.loads(events.recv())["run"]
            reader = threading.Thread(target=read, args=(events, measured.late_s), daemon=True)
            reader.start()
            memory: list[int] = []
            _watch(daemon, _BEFORE_S, [], memory)
            before, memory[:] = max(memory), []
            flooding = start_flood(port, kind, connections, seconds + _PATIENCE_S / 4, run)
            cpu, begun = daemon.cpu_seconds(), time.monotonic()
            _watch(daemon, seconds, measured.health_s, memory)
            measured.cores = (daemon.cpu_seconds() - cpu) / (time.monotonic() - begun)
            measured.more_mb = (max(memory) - before) / 1e6
            begun = time.monotonic()
            daemon.process.send_signal(signal.SIGTERM)
            with suppress(subprocess.TimeoutExpired):
                daemon.process.wait(_PATIENCE_S)
            measured.stop_s = time.monotonic() - begun
            reader.join(_PATIENCE_S)
    measured.connected = int(flooding.communicate()[0])
    return measured


def _watch(daemon: Process, seconds: float, health_s: list[float], memory: list[int]) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        health_s.append(health(daemon.port))
        memory.append(daemon.resident_bytes())
        time.sleep(_EVERY_S)


def table(rows: Sequence[Measured]) -> str:
    """The figures, for people."""
    lines = [
        f"{'flood':<20} {'connected':>9} {'/health, s':>18} {'event late, s':>13} "
        f"{'SIGTERM, s':>10} {'memory, MB':>10} {'cores':>5}",
        f"{'':<20} {'':>9} {'median':>8} {'longest':>9} {'longest':>13}",
    ]
    for row in rows:
        median = sorted(row.health_s)[len(row.health_s) // 2]
        late = f"{max(row.late_s):.3f}" if row.late_s else "none came"
        lines.append(
            f"{row.kind:<20} {row.connected:>9} {median:>8.3f} {max(row.health_s):>9.3f} "
            f"{late:>13} {row.stop_s:>10.2f} {row.more_mb:>+10.1f} {row.cores:>5.2f}"
            f"{'' if row.holds else '  not held'}"
        )
    lines.append(
        f"bars: /health {HEALTH_S:g} s, events {LATE_S:g} s, SIGTERM {STOP_S:g} s, "
        f"memory {MORE_MB:+g} MB"
    )
    return "\n".join(lines)


def main() -> int:
    """Run from the command line; 1 where a bar is not held."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kind", action="append", choices=FLOODS, help="default: all of them")
    parser.add_argument("--connections", type=int, default=40, help="default: 40")
    parser.add_argument("--seconds", type=float, default=10.0, help="of each flood; default: 10")
    parser.add_argument("--token", action="store_true", help="which the clients do not know")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    connections = min(options.connections, MOST_CONNECTIONS)
    seconds = min(options.seconds, MOST_SECONDS)
    rows = [
        attack(kind, connections, seconds, with_token=options.token)
        for kind in options.kind or FLOODS
    ]
    print(json.dumps([asdict(row) for row in rows]) if options.json else table(rows))
    return 0 if all(row.holds for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
