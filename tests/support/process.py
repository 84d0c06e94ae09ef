"""kws as a process: started, listened to, stopped, and never left behind."""

import contextlib
import io
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import IO, Any, BinaryIO, Self, cast

from tests.support.limits import TIMEOUT, limit, value_of, wait_with

KWS = (sys.executable, "-m", "kws")

Message = dict[str, Any]


def clean_environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """This process's environment without what would configure kws, and with `extra`."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("KWS_")}
    kept.pop("STATE_DIRECTORY", None)
    # What this machine's own daemon keeps, such as that it is muted, is not for those of tests.
    return kept | {"XDG_STATE_HOME": "/nonexistent"} | dict(extra or {})


def run_kws(
    *arguments: str, environment: Mapping[str, str] | None = None, stdin: bytes | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end, with something on its standard input or nothing."""
    source: dict[str, Any] = {"stdin": subprocess.DEVNULL} if stdin is None else {"input": stdin}
    done = subprocess.run(
        [*KWS, *arguments],
        **source,
        capture_output=True,
        timeout=limit(TIMEOUT),
        env=clean_environment(environment),
        check=False,
    )
    output, log = done.stdout.decode(), done.stderr.decode()
    return subprocess.CompletedProcess(done.args, done.returncode, output, log)


def started(
    *arguments: str,
    environment: Mapping[str, str] | None = None,
    stdin: int = subprocess.DEVNULL,
    stdout: int = subprocess.PIPE,
    descriptors: int | None = None,
) -> subprocess.Popen[bytes]:
    """Start a command; its standard error is a pipe, and it may have so many files open."""
    limited = ("sh", "-c", f'ulimit -n {descriptors}; exec "$@"', "sh")
    return subprocess.Popen(
        [*(() if descriptors is None else limited), *KWS, *arguments],
        stdin=stdin,
        stdout=stdout,
        stderr=subprocess.PIPE,
        env=clean_environment(environment),
    )


def wait_for_exit(process: subprocess.Popen[bytes], timeout: float = TIMEOUT) -> int:
    """Wait for the end of a process; its exit code.

    Raises:
        subprocess.TimeoutExpired: it goes on.
    """
    return value_of(process.wait, timeout, subprocess.TimeoutExpired)


def json_lines(text: str) -> list[Message]:
    """What was written, as JSON; every line has to be an object."""
    messages = [json.loads(line) for line in text.splitlines()]
    assert all(isinstance(message, dict) for message in messages)
    return messages


class Lines:
    """The lines that a process writes, as they come.

    Args:
        pipe: what to read; is closed at its end.
    """

    def __init__(self, pipe: IO[bytes]) -> None:
        self._pipe = io.TextIOWrapper(cast(BinaryIO, pipe), encoding="utf-8")
        self._lines: list[str] = []
        self._ended = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    @property
    def so_far(self) -> list[str]:
        """All lines until now."""
        with self._changed:
            return list(self._lines)

    def wait_for(self, enough: Callable[[list[str]], bool], timeout: float = TIMEOUT) -> list[str]:
        """All lines, once they are enough."""
        with self._changed:
            wait_with(
                lambda seconds: self._changed.wait_for(
                    lambda: enough(self._lines) or self._ended, seconds
                ),
                timeout,
            )
            if not enough(self._lines):
                raise TimeoutError(f"not enough: {self._lines}")
            return list(self._lines)

    def first(self, count: int, timeout: float = TIMEOUT) -> list[str]:
        """The first `count` lines, once they are there."""
        return self.wait_for(lambda lines: len(lines) >= count, timeout)[:count]

    def find(self, wanted: Callable[[str], bool], timeout: float = TIMEOUT) -> str:
        """The first line that is wanted, once it is there."""
        lines = self.wait_for(lambda lines: any(map(wanted, lines)), timeout)
        return next(filter(wanted, lines))

    def finish(self) -> list[str]:
        """All lines, once the pipe has ended."""
        self._thread.join(limit(TIMEOUT))
        return self.so_far

    def _read(self) -> None:
        with self._pipe:
            for line in self._pipe:
                with self._changed:
                    self._lines.append(line.rstrip("\n"))
                    self._changed.notify_all()
        with self._changed:
            self._ended = True
            self._changed.notify_all()


class DaemonProcess:
    """`kws run` on a free port, with its log in JSON.

    Args:
        arguments: further ones of the command line.
        environment: variables beside those of this process.
        stdin: where its standard input comes from; a pipe for `write`.
        stdout: where its events go; a pipe for `events`, or a descriptor.
        descriptors: how many files it may have open; None: as this process.
    """

    def __init__(
        self,
        *arguments: str,
        environment: Mapping[str, str] | None = None,
        stdin: int = subprocess.DEVNULL,
        stdout: int = subprocess.PIPE,
        descriptors: int | None = None,
    ) -> None:
        options = ("--log-format", "json", "--set", "server.port=0")
        self.process = started(
            "run",
            *(*options, *arguments),
            environment=environment,
            stdin=stdin,
            stdout=stdout,
            descriptors=descriptors,
        )
        assert self.process.stderr is not None
        self._stderr = Lines(self.process.stderr)
        self._stdout = Lines(self.process.stdout) if self.process.stdout else None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.process.kill()
        self.process.wait(limit(TIMEOUT))
        if self.process.stdin is not None:
            with contextlib.suppress(BrokenPipeError):
                self.process.stdin.close()
        self._stderr.finish()
        if self._stdout is not None:
            self._stdout.finish()

    @property
    def port(self) -> int:
        """Where it listens, once it is ready."""
        port: int = self.ready()["port"]
        return port

    def ready(self, timeout: float = TIMEOUT) -> Message:
        """What it logs when it is ready."""
        return self.logged(lambda entry: entry.get("event") == "ready", timeout)

    def logged(self, wanted: Callable[[Message], bool], timeout: float = TIMEOUT) -> Message:
        """The first entry of its log that is wanted, once it is there."""

        def parsed(line: str) -> bool:
            return line.startswith("{") and wanted(json.loads(line))

        entry: Message = json.loads(self._stderr.find(parsed, timeout))
        return entry

    def has_logged(self, text: str) -> bool:
        """Whether its log says something already."""
        return any(text in line for line in self._stderr.so_far)

    def log_count(self, text: str) -> int:
        """How many lines of its log have said something so far."""
        return sum(text in line for line in self._stderr.so_far)

    def write(self, data: bytes) -> None:
        """To its standard input."""
        assert self.process.stdin is not None
        self.process.stdin.write(data)
        self.process.stdin.flush()

    def end_input(self) -> None:
        """Nothing more comes on its standard input."""
        assert self.process.stdin is not None
        self.process.stdin.close()

    def events(self, count: int, timeout: float = TIMEOUT) -> list[Message]:
        """The first `count` lines of its standard output, once they are there."""
        assert self._stdout is not None
        return [json.loads(line) for line in self._stdout.first(count, timeout)]

    def wait_for_lines(
        self, enough: Callable[[list[str]], bool], timeout: float = TIMEOUT
    ) -> list[str]:
        """The lines of its standard output, once they are enough."""
        assert self._stdout is not None
        return self._stdout.wait_for(enough, timeout)

    def finish(self, timeout: float = TIMEOUT) -> int:
        """Wait for its end; the exit code."""
        return wait_for_exit(self.process, timeout)

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Ask it to end, and wait for that; the exit code."""
        self.process.send_signal(number)
        return self.finish()

    def all_events(self) -> list[Message]:
        """Everything that it wrote to its standard output, after its end."""
        assert self._stdout is not None
        return json_lines("\n".join(self._stdout.finish()))

    def all_stderr(self) -> Sequence[str]:
        """Everything that it wrote to standard error, after its end."""
        return self._stderr.finish()

    def messages(self) -> str:
        """What its log said, after its end, a line an entry; what is no entry stays as it is."""
        lines = self.all_stderr()
        return "\n".join(
            json.loads(line)["message"] if line.startswith("{") else line for line in lines
        )
