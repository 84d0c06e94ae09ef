"""A private PulseAudio server, whose null sink is a microphone that tests can speak into."""

import ctypes.util
import os
import shutil
import signal
import socket
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Self

import pytest

from .process import TIMEOUT, wait_until


def need_pulseaudio() -> None:
    """Skip where this machine cannot have a microphone made of software; in CI, fail."""
    missing = [name for name in ("pulseaudio", "paplay") if shutil.which(name) is None]
    if ctypes.util.find_library("portaudio") is None:
        missing.append("libportaudio2")
    if not missing:
        return
    reason = f"not installed: {', '.join(missing)}"
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


class PulseAudio:
    """A server with one null sink; what is played into it is heard by device "pulse".

    Args:
        folder: an empty one with a short path, for its socket.
        rate: of the sink, samples per second.
    """

    def __init__(self, folder: Path, rate: int) -> None:
        runtime = folder / "run"
        runtime.mkdir(mode=0o700)
        self._socket = runtime / "native"
        self.environment = {
            "HOME": str(folder),
            "XDG_RUNTIME_DIR": str(runtime),
            "XDG_CONFIG_HOME": str(folder),
            "PULSE_SERVER": f"unix:{self._socket}",
        }
        self._log = folder / "pulseaudio.log"
        self._process = self._start(rate)
        self._players: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Self:
        try:
            wait_until(self._answers, "the PulseAudio server answers")
        except BaseException:
            self.end()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.end()

    def play(self, path: Path) -> subprocess.Popen[bytes]:
        """Begin to play a recording; the player ends when all of it has been played."""
        player = subprocess.Popen(
            ["paplay", "-d", "vmic", str(path)],
            env=os.environ | self.environment,
            stdin=subprocess.DEVNULL,
        )
        self._players.append(player)
        return player

    def kill(self) -> None:
        """As if it had crashed."""
        self._process.kill()
        self._process.wait(TIMEOUT)

    def freeze(self) -> None:
        """As if it hung."""
        self._process.send_signal(signal.SIGSTOP)

    def end(self) -> None:
        """Leave nothing running."""
        for process in (*self._players, self._process):
            process.kill()
            process.wait(TIMEOUT)

    def _start(self, rate: int) -> subprocess.Popen[bytes]:
        arguments = ["-n", "--daemonize=no", "--use-pid-file=yes", "--exit-idle-time=-1"]
        modules = (
            f"module-native-protocol-unix socket={self._socket} auth-anonymous=1",
            f"module-null-sink sink_name=vmic rate={rate} channels=1",
        )
        for module in modules:
            arguments += ["-L", module]
        with self._log.open("wb") as log:
            return subprocess.Popen(
                ["pulseaudio", "--disable-shm=yes", *arguments],
                env=os.environ | self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def _answers(self) -> bool:
        if self._process.poll() is not None:
            raise RuntimeError(f"pulseaudio ended: {self._log.read_text(errors='replace')}")
        with socket.socket(socket.AF_UNIX) as probe:
            try:
                probe.connect(str(self._socket))
            except OSError:
                return False
        return True
