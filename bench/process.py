"""The real daemon as a process, looked at from outside."""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from kws.errors import ConfigError

COMMAND = (
    *(sys.executable, "-m", "kws", "run", "--source", "demo"),
    *("--set", "server.port=0", "--log-format", "json"),
)
_START_SECONDS = 60.0
_STOP_SECONDS = 5.0


class Process:
    """`kws run` on the demo, from its start until it is ready, and stopped at the block's end.

    Args:
        arguments: further ones of the command line.
        environment: variables beside those of this process.
        core: keep all its threads on this one; None: the system decides.

    Attributes:
        port: where it listens.
        ready_s: seconds of wall time from the start of the process until it said "ready".

    Raises:
        ConfigError: it ended or hung before that.
    """

    def __init__(
        self,
        *arguments: str,
        environment: Mapping[str, str] | None = None,
        core: int | None = None,
    ) -> None:
        pinned = () if core is None else ("taskset", "-c", str(core))
        self._command = (*pinned, *COMMAND, *arguments)
        self._environment = os.environ | dict(environment or {})
        self.port = 0

    def __enter__(self) -> Self:
        start = time.perf_counter()
        self._process = subprocess.Popen(
            self._command,
            env=self._environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        # A full pipe would make it wait for us.
        self._drain = threading.Thread(target=self._read_to_end)
        patience = threading.Timer(_START_SECONDS, self._process.kill)
        patience.start()
        said = self._wait_for_ready()
        patience.cancel()
        self.ready_s = time.perf_counter() - start
        self._drain.start()
        if said is not None:
            self._stop()
            raise ConfigError(f"{' '.join(self._command)}: did not get ready:\n{said}")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop()

    def resident_bytes(self) -> int:
        """Resident memory."""
        command = ("ps", "-o", "rss=", "-p", str(self._process.pid))
        return 1024 * int(subprocess.run(command, capture_output=True, check=True).stdout)

    def cpu_seconds(self) -> float | None:
        """CPU time of all threads since the start; None where there is no Linux /proc."""
        stat = Path(f"/proc/{self._process.pid}/stat")
        if not stat.exists():
            return None
        # The name, in parentheses, may hold spaces; utime and stime are the fields 14 and 15.
        fields = stat.read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def _wait_for_ready(self) -> str | None:
        """None once it is ready; what it said where it ended before that."""
        assert self._process.stderr is not None
        said = []
        for line in self._process.stderr:
            said.append(line)
            if line.startswith("{") and (entry := json.loads(line)).get("event") == "ready":
                self.port = entry["port"]
                return None
        return "".join(said)

    def _read_to_end(self) -> None:
        assert self._process.stderr is not None
        with self._process.stderr as pipe:
            for _ in pipe:
                pass

    def _stop(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._drain.join()
