"""A real nginx before a daemon, with the lines that the documentation gives."""

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.support.client import HOST
from tests.support.limits import TIMEOUT, limit, wait_until

DOCUMENTED = Path(__file__).parents[2] / "docs" / "programs.md"
_CONFIG = """
{user}
daemon off;
pid {folder}/pid;
error_log {folder}/error.log;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    server {{
        listen {host}:{port};
        {lines}
    }}
}}
"""


def documented_lines() -> str:
    """What the documentation tells people to write into nginx's configuration."""
    return DOCUMENTED.read_text().partition("```nginx\n")[2].partition("```")[0]


@contextmanager
def nginx(daemon_port: int, prefix: str) -> Iterator[int]:
    """Start it before a daemon; its port. Skips where it is not installed, in CI fails.

    Args:
        daemon_port: of the daemon.
        prefix: path under which it is served, in place of the documented "/kws/".
    """
    command = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")
    if command is None:
        if os.environ.get("CI"):
            pytest.fail("not installed: nginx")
        pytest.skip("not installed: nginx (Debian: nginx-light)")
    lines = documented_lines()
    assert "location /kws/" in lines
    assert "127.0.0.1:8000" in lines
    lines = lines.replace("/kws/", prefix).replace("127.0.0.1:8000", f"{HOST}:{daemon_port}")
    with socket.create_server((HOST, 0)) as free:
        port: int = free.getsockname()[1]
    with TemporaryDirectory(prefix="kws-") as folder:
        config = Path(folder) / "nginx.conf"
        user = "user root;" if os.getuid() == 0 else ""
        config.write_text(
            _CONFIG.format(user=user, folder=folder, host=HOST, port=port, lines=lines)
        )
        log = Path(folder) / "error.log"
        with subprocess.Popen(
            [command, "-p", folder, "-e", str(log), "-c", str(config)],
            stdin=subprocess.DEVNULL,
        ) as process:
            try:
                wait_until(lambda: _answers(port, process, log), "nginx listens")
                yield port
            finally:
                process.terminate()
                process.wait(limit(TIMEOUT))


def _answers(port: int, process: "subprocess.Popen[bytes]", log: Path) -> bool:
    if process.poll() is not None:
        raise RuntimeError(f"nginx ended: {log.read_text()}")
    with suppress(OSError), socket.create_connection((HOST, port)):
        return True
    return False
