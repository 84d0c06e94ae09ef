"""The real daemon as a process, measured from outside."""

import subprocess
import time
from collections.abc import Mapping
from typing import Self

import psutil

from tests.support.process import DaemonProcess


class Process(DaemonProcess):
    """`kws run` on the demo, from its start until it is ready, and ended at the block's end.

    Args:
        arguments: further ones of the command line.
        environment: variables beside those of this process.

    Attributes:
        ready_s: seconds of wall time from the start of the process until it logged "ready".

    Raises:
        TimeoutError: it ended or hung before that.
    """

    def __init__(self, *arguments: str, environment: Mapping[str, str] | None = None) -> None:
        self._start = time.perf_counter()
        super().__init__(
            "--source", "demo", *arguments, environment=environment, stdout=subprocess.DEVNULL
        )
        self._measured = psutil.Process(self.process.pid)

    def __enter__(self) -> Self:
        self.ready()
        self.ready_s = time.perf_counter() - self._start
        return self

    def resident_bytes(self) -> int:
        """Resident memory."""
        return int(self._measured.memory_info().rss)

    def cpu_seconds(self) -> float:
        """CPU time of all threads since the start."""
        times = self._measured.cpu_times()
        return float(times.user + times.system)
