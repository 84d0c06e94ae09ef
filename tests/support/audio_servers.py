"""Private audio servers, with null sinks as microphones that one can speak into."""

import os
import signal
import subprocess
from abc import ABC, abstractmethod
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.support.limits import TIMEOUT, limit, wait_until

MICROPHONE, OTHER = "vmic", "other"


class AudioServer(ABC):
    """A server whose null sink is a microphone: what is played into it is recorded from "pulse".

    Args:
        folder: an empty one with a short path, for its socket.
        rate: of the microphone, samples per second.
    """

    def __init__(self, folder: Path, rate: int = 16_000) -> None:
        runtime = folder / "run"
        (runtime / "pulse").mkdir(mode=0o700, parents=True)
        runtime.chmod(0o700)
        self._runtime, self._folder, self._rate = runtime, folder, rate
        self.environment = {
            "HOME": str(folder),
            "XDG_RUNTIME_DIR": str(runtime),
            "XDG_CONFIG_HOME": str(folder),
            "XDG_STATE_HOME": str(folder),
            "PULSE_SERVER": f"unix:{runtime}/pulse/native",
        }
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._players: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Self:
        try:
            self.start()
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

    @abstractmethod
    def commands(self) -> list[tuple[list[str], Path | None]]:
        """What to start, in order, and the socket to wait for before the next."""

    def start(self) -> None:
        """Start it, for the first time or again, and give it its microphone."""
        environment = os.environ | self.environment
        self._processes = {}
        for command, socket in self.commands():
            with (self._folder / f"{command[0]}.log").open("ab") as log:
                self._processes[command[0]] = subprocess.Popen(
                    command, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log
                )
            if socket is not None:
                wait_until(socket.exists, f"{command[0]} makes {socket}")
        wait_until(self._answers, f"{type(self).__name__} answers")
        self.add(MICROPHONE)

    def add(self, name: str, called: str = "") -> None:
        """Plug a microphone in: source NAME.monitor; `called`: for people, without blanks."""
        settings = [f"sink_name={name}", f"rate={self._rate}", "channels=1"]
        if called:
            settings.append(f"sink_properties=device.description={called}")
        self._pactl("load-module", "module-null-sink", *settings)
        wait_until(lambda: f"{name}.monitor" in self._pactl("list", "short", "sources"), name)

    def add_source(self, name: str, microphone: str) -> None:
        """Give a microphone another source, which is no monitor."""
        settings = [f"source_name={name}", f"master={microphone}.monitor"]
        self._pactl("load-module", "module-remap-source", *settings)
        wait_until(lambda: name in self._pactl("list", "short", "sources"), name)

    def remove(self, name: str) -> None:
        """Pull it out."""
        modules = self._pactl("list", "short", "modules").splitlines()
        number = next(line.split()[0] for line in modules if f"sink_name={name}" in line)
        self._pactl("unload-module", number)

    def listeners(self) -> int:
        """How many programs record from it."""
        return len(self._pactl("list", "short", "source-outputs").splitlines())

    def make_default(self, name: str) -> None:
        """Let this be the microphone of programs that ask for none."""
        self._pactl("set-default-source", f"{name}.monitor")

    def play(self, path: Path) -> subprocess.Popen[bytes]:
        """Begin to play a recording; the player ends when all of it has been played."""
        player = subprocess.Popen(
            ["paplay", "-d", MICROPHONE, str(path)],
            env=os.environ | self.environment,
            stdin=subprocess.DEVNULL,
        )
        self._players.append(player)
        return player

    def kill(self) -> None:
        """As if it had crashed."""
        for process in reversed(self._processes.values()):
            process.kill()
            process.wait(limit(TIMEOUT))

    def freeze(self) -> None:
        """As if it hung."""
        for process in self._processes.values():
            process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Go on after that."""
        for process in self._processes.values():
            process.send_signal(signal.SIGCONT)

    def end(self) -> None:
        """Leave nothing running."""
        for process in (*self._players, *reversed(self._processes.values())):
            process.kill()
            process.wait(limit(TIMEOUT))

    def _pactl(self, *arguments: str) -> str:
        done = subprocess.run(
            ["pactl", *arguments],
            env=os.environ | self.environment | {"LC_ALL": "C"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=limit(TIMEOUT),
            check=True,
        )
        return done.stdout

    def _answers(self) -> bool:
        for name, process in self._processes.items():
            if process.poll() is not None:
                log = (self._folder / f"{name}.log").read_text(errors="replace")
                raise RuntimeError(f"{name} ended: {log}")
        try:
            self._pactl("info")
        except subprocess.CalledProcessError:
            return False
        return True


class PulseAudio(AudioServer):
    """PulseAudio itself."""

    def commands(self) -> list[tuple[list[str], Path | None]]:
        socket = f"module-native-protocol-unix socket={self._runtime}/pulse/native auth-anonymous=1"
        options = ["-n", "--daemonize=no", "--use-pid-file=no", "--exit-idle-time=-1"]
        return [(["pulseaudio", "--disable-shm=yes", *options, "-L", socket], None)]


class PipeWire(AudioServer):
    """PipeWire with its PulseAudio server, and a session bus of their own."""

    def __init__(self, folder: Path, rate: int = 16_000) -> None:
        super().__init__(folder, rate)
        self.environment["DBUS_SESSION_BUS_ADDRESS"] = f"unix:path={self._runtime}/bus"

    def commands(self) -> list[tuple[list[str], Path | None]]:
        bus, core = self._runtime / "bus", self._runtime / "pipewire-0"
        for left in (bus, core, self._runtime / "pulse" / "native"):
            left.unlink(missing_ok=True)
        options = ["--session", "--nofork", "--nopidfile", f"--address=unix:path={bus}"]
        return [
            (["dbus-daemon", *options], bus),
            (["pipewire"], core),
            (["wireplumber"], None),
            (["pipewire-pulse"], None),
        ]
