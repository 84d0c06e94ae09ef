"""A machine of its own that boots systemd: this one's files, none of which it can change."""

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Self

import pytest

from tests.support.limits import TIMEOUT, limit, wait_until

REPOSITORY = Path(__file__).parents[2]
_BOOT = Path(__file__).with_name("boot.sh")
_PATH = "PATH=/opt/kws/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_LAUNCHER = """\
#!/opt/kws/bin/python
import sys
from kws.cli.main import main
sys.exit(main())
"""
_NEEDED = ("systemd-nspawn", "systemctl", "nsenter", "unshare")


def need_systemd() -> None:
    """Skip where no machine can be booted; in CI, what can be installed has to be there."""
    if sys.platform != "linux" or os.geteuid() != 0:
        pytest.skip("booting systemd needs Linux and root")
    if missing := [name for name in _NEEDED if shutil.which(name) is None]:
        reason = f"not installed: {', '.join(missing)} (systemd, systemd-container)"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)


class Machine:
    """A booted systemd, with kws in /opt/kws as `make install-service` would put it there.

    The interpreter, its libraries and the checkout are this process's, seen at places that every
    user may reach; a home is none.
    """

    def __init__(self) -> None:
        self._folder = TemporaryDirectory(prefix="kws-machine-")
        bound = {
            sys.base_prefix: "/opt/python",
            sysconfig.get_path("purelib"): "/opt/packages",
            str(REPOSITORY): "/opt/checkout",
        }
        self._console = (Path(self._folder.name) / "console").open("w+b")
        inner = Path(self._folder.name) / "machine"
        inner.mkdir()
        self._process = subprocess.Popen(
            [
                *("unshare", "--mount", "sh", str(_BOOT), str(inner)),
                *(f"--bind-ro={here}:{there}" for here, there in bound.items()),
            ],
            stdin=subprocess.DEVNULL,
            stdout=self._console,
            stderr=subprocess.STDOUT,
        )
        self._leader = 0

    def __enter__(self) -> Self:
        try:
            wait_until(self._booted, "the machine boots")
        except (TimeoutError, ChildProcessError) as error:
            self._end()
            pytest.skip(f"systemd cannot be booted here: {error}: {self._said()}")
        self._install()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._end()

    def run(self, *command: str, given: str = "", check: bool = True) -> str:
        """What a command in the machine says on standard output.

        Args:
            command: with its arguments.
            given: its standard input.
            check: whether it has to succeed.
        """
        done = self._enter(*command, given=given)
        if check and done.returncode:
            raise AssertionError(f"{' '.join(command)}: {done.returncode}: {done.stderr}")
        return done.stdout

    def all_said(self, *command: str, status: int = 0) -> str:
        """What a command in the machine says at all; it has to end with a status."""
        done = self._enter(*command)
        said = done.stdout + done.stderr
        assert done.returncode == status, said
        return said

    def write(self, path: str, text: str, mode: str = "644") -> None:
        """Put a file into the machine."""
        self.run("install", "-D", "-m", mode, "/dev/stdin", path, given=text)

    def _enter(self, *command: str, given: str = "") -> subprocess.CompletedProcess[str]:
        spaces = ("--mount", "--pid", "--uts", "--ipc", "--net", "--cgroup", "--root", "--wd")
        return subprocess.run(
            ["nsenter", "--target", str(self._leader), *spaces, "env", "-i", _PATH, *command],
            input=given,
            capture_output=True,
            text=True,
            timeout=limit(TIMEOUT),
            check=False,
        )

    def _booted(self) -> bool:
        if self._process.poll() is not None:
            raise ChildProcessError(f"it ended with {self._process.returncode}")
        found = subprocess.run(
            ["ps", "--ppid", str(self._process.pid), "-o", "pid="],
            capture_output=True,
            text=True,
            check=False,
        ).stdout.split()
        if len(found) != 1:
            return False
        self._leader = int(found[0])
        active = self._enter("systemctl", "is-active", "basic.target")
        return active.stdout.strip() == "active"

    def _install(self) -> None:
        """A virtual environment in /opt/kws."""
        # The machine that it is made of may have the service too.
        self.run("rm", "-rf", "/opt/kws", "/etc/kws", "/etc/systemd/system/kws.service")
        version = f"python{sys.version_info.major}.{sys.version_info.minor}"
        self.write("/opt/kws/pyvenv.cfg", f"home = /opt/python/bin\nversion = {version}\n")
        self.run("mkdir", "-p", "/opt/kws/bin")
        self.run("ln", "-s", f"/opt/python/bin/{version}", "/opt/kws/bin/python")
        self.write(
            f"/opt/kws/lib/{version}/site-packages/kws.pth", "/opt/checkout\n/opt/packages\n"
        )
        self.write("/opt/kws/bin/kws", _LAUNCHER, mode="755")
        # An interpreter finds its own library where it was built for; here that is a home.
        self.write("/etc/ld.so.conf.d/000-python.conf", "/opt/python/lib\n")
        self.run("ldconfig")

    def _said(self) -> str:
        self._console.seek(0)
        return self._console.read().decode(errors="replace")[-500:].strip()

    def _end(self) -> None:
        """Power it off: ending systemd-nspawn itself would leave the machine running."""
        if self._leader:
            self._enter("systemctl", "poweroff", "--force")
        try:
            self._process.wait(limit(TIMEOUT))
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(limit(TIMEOUT))
        self._console.close()
        self._folder.cleanup()
