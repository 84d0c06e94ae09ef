"""A rival in its environment, and what it costs there."""

import json
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from bench.checkout import Checkout
from bench.environments import Environment, NotInstalledError, with_kws, with_packages
from bench.process import MeasuredProcess, one_thread, pace
from bench.recordings import RATE
from tests.support.limits import TIMEOUT
from tests.support.process import Lines

BLOCK_S = 0.05
"""Seconds of sound that a process in real time gets at once."""
SETTLING_S = 2.0
"""Seconds in real time before its cost is measured."""


@dataclass(frozen=True)
class Rival:
    """A program or library that detects words.

    Attributes:
        name: of it; what `bench.rival_loop` calls it.
        detects: how many words or phrases.
        requirements: packages, each at a version; of kws none: it comes from a checkout.
        extra: of the kws package.
    """

    name: str
    detects: str
    requirements: tuple[str, ...] = ()
    extra: str = ""

    @property
    def engine(self) -> str | None:
        """Of kws: its engine; None where this is another program."""
        return None if self.requirements else self.name.removeprefix("kws-")


PY_OPEN_WAKE_WORD = Rival("pyopen-wakeword", "1 phrase", ("pyopen-wakeword==1.1.0", "numpy==2.4.6"))
"""Its package has the models in it that openWakeWord downloads when it first runs."""


@dataclass
class Result:
    """What a rival cost; of each list, one value a round.

    Attributes:
        name: of the rival.
        detects: how many words or phrases.
        versions: of its packages.
        failed: why it could not be measured; empty where it was.
        memory_ms: CPU milliseconds per second of audio, from memory, all threads.
        memory_ratio: median over the rounds of that by what the reference took in the same round.
        detections: in the recording.
        realtime_ms: CPU milliseconds per second as a process in real time.
        realtime_ratio: as `memory_ratio`.
        resident_mb: resident memory of that process at its end, 10^6 bytes.
        start_s: seconds from its start until it waited for sound.
        installed_mb: its site-packages, 10^6 bytes.
    """

    name: str
    detects: str
    versions: dict[str, str] = field(default_factory=dict)
    failed: str = ""
    memory_ms: list[float] = field(default_factory=list)
    memory_ratio: float | None = None
    detections: int | None = None
    realtime_ms: list[float] = field(default_factory=list)
    realtime_ratio: float | None = None
    resident_mb: list[float] = field(default_factory=list)
    start_s: list[float] = field(default_factory=list)
    installed_mb: float | None = None


class InstalledRival:
    """A rival in its environment.

    Args:
        rival: which.
        checkout: of kws.
        cache: folder of the environments.

    Attributes:
        rival: which.
        result: what it cost so far.
    """

    def __init__(self, rival: Rival, checkout: Checkout, cache: Path) -> None:
        self.rival = rival
        self.result = Result(rival.name, rival.detects)
        self._models = cache / PY_OPEN_WAKE_WORD.name
        self._settings = checkout.settings
        self._loop: MeasuredProcess | None = None
        try:
            self._environment = self._install(checkout, cache)
            self.result.versions = self._environment.versions()
            self.result.installed_mb = self._installed_bytes() / 1e6
        except NotInstalledError as error:
            self.result.failed = f"cannot be installed: {error}"

    @property
    def measured(self) -> bool:
        """Whether nothing has failed so far."""
        return not self.result.failed

    def open_loop(self, stack: ExitStack, recording: Path) -> None:
        """Start the process whose loop is fed from memory."""
        try:
            self._loop = stack.enter_context(
                MeasuredProcess(
                    self._loop_command(str(recording)),
                    folder=recording.parent,
                    variables=one_thread(),
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                )
            )
        except TimeoutError as error:
            self.result.failed = f"does not start: {error}"
            return
        assert self._loop.process.stdout is not None
        self._answers = Lines(self._loop.process.stdout)

    def from_memory(self, seconds: float) -> None:
        """Let the loop process the recording of so many seconds once."""
        assert self._loop is not None
        assert self._loop.process.stdin is not None
        rounds = len(self.result.memory_ms) + 1
        try:
            self._loop.process.stdin.write(b"\n")
            self._loop.process.stdin.flush()
            answer = json.loads(self._answers.first(rounds, TIMEOUT + seconds)[-1])
        except (TimeoutError, BrokenPipeError):
            self._loop.end()
            self.result.failed = f"fails: {self._loop.last_line()}"
            return
        self.result.memory_ms.append(1_000 * answer["cpu_s"] / seconds)
        self.result.detections = answer["detections"]

    def in_real_time(self, audio: bytes, seconds: float) -> None:
        """Run it as a process that is fed in real time.

        Args:
            audio: 16-bit samples; from the start again at their end.
            seconds: that are measured, after some for settling.
        """
        with self._process() as process:
            self.result.start_s.append(process.ready_s)
            feeding = _fed(process, audio, SETTLING_S)
            next(feeding)
            before, begun = process.cpu_seconds(), time.monotonic()
            for _ in feeding:
                if time.monotonic() - begun >= seconds:
                    break
            spent, took = process.cpu_seconds() - before, time.monotonic() - begun
            self.result.realtime_ms.append(1_000 * spent / took)
            self.result.resident_mb.append(process.resident_bytes() / 1e6)

    def _process(self) -> MeasuredProcess:
        if self.rival.engine is None:
            command = self._loop_command("-")
        else:
            options = ("--log-format", "json", "--set", "server.port=0", "--source", "-")
            command = [str(self._environment.python), "-m", "kws", "run", *options]
            for each in ("model.path=commands-10", *self._settings):
                command += ["--set", each]
        return MeasuredProcess(
            command,
            folder=self._environment.folder,
            variables=one_thread(),
            stdin=subprocess.PIPE,
        )

    def _loop_command(self, source: str) -> list[str]:
        script = Path(__file__).with_name("rival_loop.py")
        models = self._model_files()[0].parent if self.rival.name == "openwakeword" else Path()
        return [str(self._environment.python), str(script), self.rival.name, source, str(models)]

    def _install(self, checkout: Checkout, cache: Path) -> Environment:
        """Make its environment.

        Raises:
            NotInstalledError: that cannot be done.
        """
        folder = cache / self.rival.name
        if self.rival.engine is None:
            return with_packages(folder, self.rival.requirements)
        environment = with_kws(folder, checkout, self.rival.extra)
        setting = f"model.engine={self.rival.engine}"
        checked = subprocess.run(
            [str(environment.python), "-m", "kws", "check", "--set", setting],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if not checked.returncode:
            self._settings += (setting,)
        elif self.rival.engine != "torch" or "model.engine" not in checked.stderr:
            raise NotInstalledError(checked.stderr.strip().splitlines()[-1])
        return environment

    def _model_files(self) -> list[Path]:
        """What openWakeWord would have downloaded.

        Raises:
            NotInstalledError: it cannot be had.
        """
        names = ("okay_nabu", "melspectrogram", "embedding_model")
        packages = with_packages(self._models, PY_OPEN_WAKE_WORD.requirements).site_packages
        return [packages / "pyopen_wakeword" / "models" / f"{name}.tflite" for name in names]

    def _installed_bytes(self) -> int:
        files = self._model_files() if self.rival.name == "openwakeword" else []
        return self._environment.installed_bytes() + sum(each.stat().st_size for each in files)


def _fed(process: MeasuredProcess, audio: bytes, settling_s: float) -> Iterator[None]:
    """Feed a process in real time, for ever; yields after each block, once it has settled."""
    assert process.process.stdin is not None
    step = 2 * round(BLOCK_S * RATE)
    begin, index = time.monotonic(), 0
    while True:
        at = index * step % (len(audio) - step + 1)
        time.sleep(pace(BLOCK_S, begin, index))
        process.process.stdin.write(audio[at : at + step])
        process.process.stdin.flush()
        index += 1
        if index * BLOCK_S >= settling_s:
            yield
