"""A real haproxy before daemons, with the configuration that the documentation gives."""

import os
import re
import shutil
import subprocess
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from socket import create_connection
from tempfile import TemporaryDirectory

import pytest

from tests.support.client import HOST
from tests.support.limits import TIMEOUT, limit, wait_until
from tests.support.mosquitto import free_port

DOCUMENTED = Path(__file__).parents[2] / "docs" / "fleet.md"
_SERVER = re.compile(r"^( +server \w+ )192\.168\.1\.\d+:8000", re.MULTILINE)


def need_haproxy() -> str:
    """The program; skip where there is none, and in CI fail."""
    found = shutil.which("haproxy", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if found is None:
        if os.environ.get("CI"):
            pytest.fail("not installed: haproxy")
        pytest.skip("not installed: haproxy")
    return found


def documented_configuration() -> str:
    """What the documentation tells people to write into haproxy.cfg."""
    block = DOCUMENTED.read_text(encoding="utf-8").partition("```haproxy\n")[2].partition("```")[0]
    # It stands in a numbered step.
    return textwrap.dedent(block.rstrip(" "))


def check(path: Path) -> "subprocess.CompletedProcess[str]":
    """Have haproxy read a configuration, without starting."""
    return subprocess.run(
        [need_haproxy(), "-c", "-f", str(path)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=limit(TIMEOUT),
        check=False,
    )


@contextmanager
def haproxy(*daemons: int) -> Iterator[int]:
    """Start it before daemons; its port. Skips where it is not installed, in CI fails.

    Args:
        daemons: their ports, on this machine: as many as the documentation has.
    """
    program = need_haproxy()
    port = free_port()
    ports = iter(daemons)
    text, servers = _SERVER.subn(
        lambda line: f"{line[1]}{HOST}:{next(ports)}", documented_configuration()
    )
    assert servers == len(daemons)
    assert text.count("bind :8000\n") == 1
    with TemporaryDirectory(prefix="kws-") as folder:
        config = Path(folder) / "haproxy.cfg"
        config.write_text(text.replace("bind :8000", f"bind {HOST}:{port}"), encoding="utf-8")
        with subprocess.Popen(
            [program, "-db", "-f", str(config)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        ) as process:
            try:
                wait_until(lambda: _answers(port, process), "haproxy listens")
                yield port
            finally:
                # Its workers end with it, and do not wait for connections.
                process.terminate()
                process.wait(limit(TIMEOUT))


def _answers(port: int, process: "subprocess.Popen[bytes]") -> bool:
    assert process.poll() is None, "haproxy has ended"
    with suppress(OSError), create_connection((HOST, port)):
        return True
    return False
