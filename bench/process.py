"""Processes that are measured from outside."""

import contextlib
import ctypes
import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import psutil

from bench.checkout import OWN, Checkout
from tests.support.limits import TIMEOUT, limit
from tests.support.process import Lines, clean_environment

_SLOWS_NUMPY = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")
"""Work-arounds for old releases of OpenBLAS that make a current numpy slower."""


_ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
_RERUN = "KWS_BENCH_RERUN"


def environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """This process's variables without what would configure kws or slow numpy, and with `extra`."""
    return {
        name: value for name, value in clean_environment(extra).items() if name not in _SLOWS_NUMPY
    }


def one_thread() -> dict[str, str]:
    """Variables for `environment` that leave libraries one thread."""
    return dict(_ONE_THREAD)


def rerun_with_one_thread(module: str) -> int | None:
    """Run a bench again in a child whose libraries have one thread and choose their own kernels.

    They decide that when they are loaded, which they are by now.

    Args:
        module: of the bench.

    Returns:
        The child's exit code; None in the child.
    """
    if _RERUN in os.environ:
        return None
    command = [sys.executable, "-m", module, *sys.argv[1:]]
    variables = environment(_ONE_THREAD | {_RERUN: "1"})
    return subprocess.run(command, env=variables, check=False).returncode


class MeasuredProcess:
    """A process from its start until it is ready, killed at the block's end.

    It is ready when it writes a JSON object with "event": "ready" to standard error.

    Args:
        command: with its arguments.
        folder: where it runs.
        variables: beside those of this process.
        stdin: where its standard input comes from.
        stdout: where its standard output goes.
        pass_fds: descriptors that it inherits.

    Attributes:
        process: the process itself.
        ready_s: seconds of wall time from its start until it was ready.

    Raises:
        TimeoutError: on entry: it ended or hung before that; with what it wrote.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        folder: Path | None = None,
        variables: Mapping[str, str] | None = None,
        stdin: int = subprocess.DEVNULL,
        stdout: int = subprocess.DEVNULL,
        pass_fds: Sequence[int] = (),
    ) -> None:
        self._begun = time.perf_counter()
        self.process = subprocess.Popen(
            command,
            cwd=folder,
            env=environment(variables),
            stdin=stdin,
            stdout=stdout,
            stderr=subprocess.PIPE,
            pass_fds=pass_fds,
        )
        assert self.process.stderr is not None
        self._log = Lines(self.process.stderr)
        self._measured = psutil.Process(self.process.pid)
        self._ready: dict[str, Any] = {}

    def __enter__(self) -> Self:
        try:
            self._ready = json.loads(self._log.find(_is_ready, TIMEOUT))
        except TimeoutError as error:
            self.end()
            raise TimeoutError(self.last_line()) from error
        self.ready_s = time.perf_counter() - self._begun
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.end()

    def end(self) -> None:
        """End the process, if it has not ended."""
        self.process.kill()
        self.process.wait(limit(TIMEOUT))
        if self.process.stdin is not None:
            # What was left in the buffer cannot arrive.
            with contextlib.suppress(BrokenPipeError):
                self.process.stdin.close()
        self._log.finish()

    @property
    def port(self) -> int:
        """The port of a daemon."""
        return int(self._ready["port"])

    def last_line(self) -> str:
        """The last line that it wrote to standard error, once it has ended."""
        lines = self._log.finish()
        return lines[-1] if lines else "it wrote nothing"

    def resident_bytes(self) -> int:
        """Resident memory."""
        return int(self._measured.memory_info().rss)

    def cpu_seconds(self) -> float:
        """CPU time of all threads since the start; on Linux to the nanosecond."""
        if sys.platform == "linux":
            return time.clock_gettime(_cpu_clock(self.process.pid))
        else:  # noqa: RET505 - mypy passes over the branch of another system
            times = self._measured.cpu_times()
            return float(times.user + times.system)

    def main_thread_seconds(self) -> float:
        """CPU time of the main thread since the start; Linux only."""
        pid = self.process.pid
        spent = Path(f"/proc/{pid}/task/{pid}/schedstat").read_text().split()[0]
        return int(spent) / 1e9


class Process(MeasuredProcess):
    """`kws run` on the demo, or as `arguments` have it, on a free port.

    Args:
        arguments: further ones of the command line.
        variables: beside those of this process.
        checkout: whose `kws`.
        stdin: where its standard input comes from.
        pass_fds: descriptors that it inherits.
    """

    def __init__(
        self,
        *arguments: str,
        variables: Mapping[str, str] | None = None,
        checkout: Checkout = OWN,
        stdin: int = subprocess.DEVNULL,
        pass_fds: Sequence[int] = (),
    ) -> None:
        options = ("--log-format", "json", "--set", "server.port=0", "--source", "demo")
        super().__init__(
            checkout.command("run", *options, *arguments),
            folder=checkout.folder,
            variables=variables,
            stdin=stdin,
            pass_fds=pass_fds,
        )


def _is_ready(line: str) -> bool:
    return line.startswith("{") and json.loads(line).get("event") == "ready"


def _cpu_clock(pid: int) -> int:
    """The clock of a process's CPU time (POSIX, clock_getcpuclockid).

    Raises:
        OSError: there is no such process.
    """
    clock = ctypes.c_int()
    if error := ctypes.CDLL(None).clock_getcpuclockid(pid, ctypes.byref(clock)):
        raise OSError(error, os.strerror(error))
    return clock.value


def pace(seconds_per_block: float, begin: float, index: int) -> float:
    """Seconds to wait until block `index` of a real-time source is complete; 0 where it is late.

    Args:
        seconds_per_block: length of a block.
        begin: when the source began, by the monotonic clock.
        index: of the block, from 0.
    """
    return max(0.0, begin + (index + 1) * seconds_per_block - time.monotonic())
