"""`kws` that also writes down when audio enters a ring and when an event is published.

`python timed_daemon.py DESCRIPTOR run ...` in a checkout's folder runs the checkout's own command.
To the descriptor it writes `ring FRAMES SECONDS` for each block and `event SEQ SECONDS` for each
event, by the monotonic clock.
"""

import os
import sys
import time
from importlib import import_module
from typing import Any


def _time_ring(descriptor: int) -> None:
    """Note when `Feed.write` is called, and with how many frames."""
    feed: Any = import_module("kws.audio.feed").Feed
    write = feed.write

    def timed(self: object, frames: Any) -> None:
        now = time.monotonic()
        write(self, frames)
        os.write(descriptor, f"ring {len(frames)} {now:.6f}\n".encode())

    feed.write = timed


def _time_events(descriptor: int) -> None:
    """Note when `Hub.publish` is called, and which number the event gets."""
    hub: Any = import_module("kws.serving.hub").Hub
    publish = hub.publish

    def timed(self: object, body: object) -> Any:
        now = time.monotonic()
        event = publish(self, body)
        os.write(descriptor, f"event {event.seq} {now:.6f}\n".encode())
        return event

    hub.publish = timed


if __name__ == "__main__":
    # As `python -m kws` would have it: the kws of the folder that this runs in.
    sys.path[0] = os.getcwd()  # noqa: PTH109 - a string
    _time_ring(int(sys.argv[1]))
    _time_events(int(sys.argv[1]))
    sys.exit(import_module("kws.cli.main").main(sys.argv[2:]))
