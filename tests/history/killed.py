"""Writers that are killed at random moments: `python -m tests.history.killed FOLDER TIMES SEED`.

Each writes events, one a commit, and reports every number that it has committed. Prints a line of
JSON for each: what it had reported, and what the database holds after it.
"""

import json
import os
import random
import signal
import sqlite3
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from kws.history.writer import Writer
from kws.protocol.events import Detected, Event


def write(path: Path, run: str, report: int) -> None:
    """Write events until the end, which comes from outside."""
    writer = Writer(path, 30.0, 10**9)
    seq = 0
    while True:
        seq += 1
        body = Detected("default", float(seq), "yes", 0.9, "model")
        writer.add([Event(run, seq, datetime.now(UTC), body)])
        os.write(report, b"%d\n" % seq)
        if seq % 50 == 0:
            writer.prune(time.time())


def kill(path: Path, run: str, seconds: float) -> int:
    """Let a process write until so long after its first event; the last number it has reported."""
    reading, report = os.pipe()
    process = os.fork()
    if process == 0:
        os.close(reading)
        write(path, run, report)
    os.close(report)
    reported = os.read(reading, 1 << 16)
    time.sleep(seconds)
    os.kill(process, signal.SIGKILL)
    while part := os.read(reading, 1 << 16):
        reported += part
    os.close(reading)
    os.waitpid(process, 0)
    return int(reported.splitlines()[-1])


def main() -> None:
    """Run from the command line."""
    folder, times, seed = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    moments = random.Random(seed)
    path = folder / "history.sqlite"
    for number in range(times):
        run = f"run{number}"
        reported = kill(path, run, moments.uniform(0.0, 0.03))
        connection = sqlite3.connect(path)
        (check,) = connection.execute("pragma integrity_check").fetchone()
        rows = connection.execute("select seq from events where run = ? order by n", (run,))
        held = [seq for (seq,) in rows.fetchall()]
        connection.close()
        whole = held == list(range(1, len(held) + 1))
        line = {"reported": reported, "held": len(held), "whole": whole, "check": check}
        print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()
