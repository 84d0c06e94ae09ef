"""How many streams one core holds in real time, a microphone beside them.

`python -m bench.streams [--streams N,...] [--daemon DIR]... [--seconds S] [--json]`;
`bench/README.md` describes each figure.
"""

import argparse
import asyncio
import json
import logging
import os
from collections.abc import Sequence
from dataclasses import asdict

from bench.checkout import OWN
from bench.command import add_checkouts, run_program
from bench.streams_run import HELD_MS, OUR_CORE, Row, Run
from kws.printing import parse, print_line

log = logging.getLogger(__name__)


def describe(row: Row) -> str:
    """A row for people."""
    return (
        f"{row.daemon}: {row.streams} streams: detected {row.detected} of {row.words}, "
        f"{row.more} more, {row.dropped} samples dropped; window to event {row.decided_median} ms, "
        f"p99 {row.decided_p99}, worst {row.decided_worst}; word to event: network "
        f"{row.network_median}, p99 {row.network_p99}; microphone "
        f"{row.microphone_median}, p99 {row.microphone_p99}; {row.cores} cores, of these "
        f"{row.receiving} receiving; generator: {row.generator} cores, p99 late {row.late_p99} ms"
    )


def most_held(rows: Sequence[Row]) -> dict[str, int]:
    """Of each daemon, the most streams that it held, with fewer ones held as well; 0: none."""
    most: dict[str, int] = {}
    failed = set()
    for row in sorted(rows, key=lambda each: each.streams):
        most.setdefault(row.daemon, 0)
        if not row.held:
            failed.add(row.daemon)
        elif row.daemon not in failed:
            most[row.daemon] = row.streams
    return most


def main() -> None:
    """Run the bench."""
    parser = argparse.ArgumentParser(prog="python -m bench.streams", description=__doc__)
    parser.add_argument("--streams", default="1,50,100,200,250,300", metavar="N,...")
    add_checkouts(parser)
    parser.add_argument(
        "--seconds", type=float, default=37.5, metavar="S", help="of the demo; default: 37.5, all"
    )
    parser.add_argument("--json", action="store_true", help="one object a line")
    options = parse(parser)
    os.sched_setaffinity(0, {OUR_CORE})
    checkouts = options.daemon or [OWN]
    rows: list[Row] = []
    for count in sorted(map(int, options.streams.split(","))):
        for checkout in checkouts:
            row = asyncio.run(Run(checkout, count, options.seconds).run())
            rows.append(row)
            print_line(json.dumps(asdict(row)) if options.json else describe(row))
    for name, most in most_held(rows).items():
        log.info("%s: held %d streams with p99 at most %g ms", name, most, HELD_MS)


if __name__ == "__main__":
    run_program(main)
