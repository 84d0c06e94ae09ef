"""The memory of a process and of all that it started, as Linux counts it."""

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

_PROC = Path("/proc")


@dataclass(frozen=True)
class Memory:
    """Memory of some processes, in bytes.

    Attributes:
        resident: sum of what each has in memory; what they share counts for each of them.
        proportional: the same, what they share divided by those who do: what the machine needs.
        processes: how many they are.
    """

    resident: int = 0
    proportional: int = 0
    processes: int = 0


class PeakMemory:
    """Watches a process tree, from the block's start to its end, and remembers its peaks.

    Args:
        pid: of the process.
        every_s: seconds between two looks.
    """

    def __init__(self, pid: int, every_s: float = 0.25) -> None:
        self.peak = Memory()
        self._pid, self._every_s = pid, every_s
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._done.set()
        self._thread.join()
        self._look()

    def _watch(self) -> None:
        while not self._done.is_set():
            started = time.monotonic()
            self._look()
            self._done.wait(max(0.01, self._every_s - (time.monotonic() - started)))

    def _look(self) -> None:
        now = tree_memory(self._pid)
        self.peak = Memory(
            max(self.peak.resident, now.resident),
            max(self.peak.proportional, now.proportional),
            max(self.peak.processes, now.processes),
        )


def tree_memory(pid: int) -> Memory:
    """Memory of a process and of its descendants, now; nothing of those that have ended."""
    total = Memory()
    for each in descendants(pid):
        try:
            lines = (_PROC / str(each) / "smaps_rollup").read_text().splitlines()
        except OSError:
            # It has ended since.
            continue
        fields = dict(line.split(":", 1) for line in lines[1:])
        total = Memory(
            total.resident + _bytes(fields["Rss"]),
            total.proportional + _bytes(fields["Pss"]),
            total.processes + 1,
        )
    return total


def descendants(pid: int) -> Iterator[int]:
    """A process, its children, their children, and so on."""
    yield pid
    for children in (_PROC / str(pid) / "task").glob("*/children"):
        try:
            found = children.read_text().split()
        except OSError:
            continue
        for child in found:
            yield from descendants(int(child))


def _bytes(field: str) -> int:
    return 1024 * int(field.split()[0])
