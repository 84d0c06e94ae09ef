"""systemd's own part: it learns of the unit, and starts or stops it."""

import logging
import shutil
import subprocess
from pathlib import Path

from kws.errors import ServiceError

log = logging.getLogger(__name__)

_BOOTED = Path("/run/systemd/system")
"""There exactly where systemd runs the machine: sd_booted(3)."""
_START_SECONDS = 90.0


class Manager:
    """The service manager.

    Args:
        user: the user's, not the system's.
    """

    def __init__(self, *, user: bool) -> None:
        self._user = ("--user",) if user else ()

    def why_absent(self) -> str:
        """Why it cannot be asked; empty: it can."""
        if not _BOOTED.is_dir() or shutil.which("systemctl") is None:
            return "systemd does not run here"
        if self._user and (error := self._error("show-environment")):
            return f"your session has no service manager ({error})"
        return ""

    def start(self) -> None:
        """Start the service, or restart it if it runs, and enable it at boot.

        Raises:
            ServiceError: it does not start.
        """
        self._call("daemon-reload")
        self._call("enable", "kws")
        # Whatever it failed at before, and however often, is over.
        self._error("reset-failed", "kws")
        self._call("restart", "kws")

    def stop(self) -> None:
        """Stop the service, for good.

        Raises:
            ServiceError: it does not stop.
        """
        self._call("disable", "--now", "kws")

    def forget(self) -> None:
        """Learn that the unit is gone.

        Raises:
            ServiceError: it does not.
        """
        self._call("daemon-reload")
        # Or a service that had failed would go on being listed.
        self._error("reset-failed", "kws")

    def command(self, *words: str, program: str = "systemctl") -> str:
        """What a person types to ask about the service."""
        return " ".join((program, *self._user, *words))

    def _call(self, *words: str) -> None:
        if error := self._error(*words):
            look = self.command("-u", "kws", program="journalctl")
            raise ServiceError(f"{self.command(*words)}: {error}\nsee why: {look}")
        log.info("done: %s", self.command(*words))

    def _error(self, *words: str) -> str:
        """What went wrong with a command; empty: nothing."""
        try:
            done = subprocess.run(
                ["systemctl", *self._user, *words],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=_START_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return f"not done after {_START_SECONDS:g} s"
        return (done.returncode and (done.stderr.strip() or f"exit code {done.returncode}")) or ""
