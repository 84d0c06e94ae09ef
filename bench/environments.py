"""An environment of its own for each rival: made once, kept in a cache folder."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.checkout import Checkout


class NotInstalledError(Exception):
    """A package could not be installed; the text says why."""


@dataclass(frozen=True)
class Environment:
    """A virtual environment without pip: with nothing in it but what was asked for.

    Attributes:
        folder: where it is.
    """

    folder: Path

    @property
    def python(self) -> Path:
        """Its interpreter."""
        return self.folder / "bin" / "python"

    @property
    def site_packages(self) -> Path:
        """Where its packages are."""
        return next((self.folder / "lib").glob("python3*/site-packages"))

    def installed_bytes(self) -> int:
        """Sum of the sizes of all files of its packages."""
        return sum(
            path.lstat().st_size for path in self.site_packages.rglob("*") if not path.is_dir()
        )

    def versions(self) -> dict[str, str]:
        """Its packages and their versions."""
        listed = _run(self._pip("list", "--format=freeze"))
        return dict(line.split("==", 1) for line in listed.splitlines() if "==" in line)

    def install(self, *arguments: str) -> None:
        """Install with pip.

        Raises:
            NotInstalledError: it could not be done.
        """
        _run(self._pip("install", "--quiet", *arguments))

    def _pip(self, command: str, *arguments: str) -> list[str]:
        pip = [sys.executable, "-m", "pip", "--python", str(self.python)]
        return [*pip, "--disable-pip-version-check", command, *arguments]


def cache_folder() -> Path:
    """Where environments are kept by default (XDG Base Directory Specification)."""
    root = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(root) / "kws-bench"


def with_packages(folder: Path, requirements: Sequence[str]) -> Environment:
    """An environment with packages from the package index; a whole one is used again.

    Args:
        folder: where it is, or will be.
        requirements: each NAME==VERSION.

    Raises:
        NotInstalledError: a package cannot be had.
    """
    environment = Environment(folder)
    _made(environment, "\n".join(requirements), requirements)
    return environment


def with_kws(folder: Path, checkout: Checkout, extra: str = "") -> Environment:
    """An environment with the kws of a checkout, as it is now, and what that needs as it is pinned.

    Args:
        folder: where it is, or will be.
        checkout: which kws.
        extra: of the package, such as "torch".

    Raises:
        NotInstalledError: it, or something that it needs, cannot be installed.
    """
    environment = Environment(folder)
    files = [checkout.folder / "requirements" / name for name in ("run.txt", "torch.txt")]
    pins = [word for file in files if file.exists() for word in ("--constraint", str(file))]
    described = (checkout.folder / "pyproject.toml", *files)
    wanted = [path.read_text() for path in described if path.exists()]
    with tempfile.TemporaryDirectory() as temporary:
        # Built from a copy, or the build's files would be left in the checkout.
        copy = Path(temporary) / "kws"
        shutil.copytree(
            checkout.folder,
            copy,
            ignore=shutil.ignore_patterns(".*", "build", "tests", "__pycache__", "*.egg-info"),
        )
        package = f"{copy}[{extra}]" if extra else str(copy)
        if not _made(environment, "\n".join((extra, *wanted)), [*pins, package]):
            environment.install("--no-deps", "--force-reinstall", str(copy))
    return environment


def _made(environment: Environment, wanted: str, packages: Sequence[str]) -> bool:
    """Make an environment, unless there is one that was made for the same.

    Args:
        environment: which.
        wanted: describes it.
        packages: arguments for pip.

    Returns:
        Whether it was made.

    Raises:
        NotInstalledError: a package cannot be had.
    """
    wanted = f"{sys.version}\n{wanted}"
    # Exists only while the environment is whole.
    mark = environment.folder / "made-for"
    if mark.exists() and mark.read_text() == wanted:
        return False
    shutil.rmtree(environment.folder, ignore_errors=True)
    environment.folder.parent.mkdir(parents=True, exist_ok=True)
    _run([sys.executable, "-m", "venv", "--without-pip", str(environment.folder)])
    environment.install(*packages)
    mark.write_text(wanted)
    return True


def _run(command: Sequence[str]) -> str:
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    if done.returncode:
        lines = (done.stderr.strip() or done.stdout.strip()).splitlines()
        errors = [line for line in lines if line.startswith(("ERROR", "error"))]
        raise NotInstalledError((errors or lines or [f"exit code {done.returncode}"])[-1])
    return done.stdout
