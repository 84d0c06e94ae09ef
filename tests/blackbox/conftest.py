"""What the black-box tests start, and end again."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
import soundfile

from tests.support.audio_servers import AudioServer, PipeWire, PulseAudio
from tests.support.microphones import need
from tests.support.process import DaemonProcess
from tests.support.speech import RATE, spoken
from tests.support.talker import Talker

NEEDED = {
    PulseAudio: ("pulseaudio",),
    PipeWire: ("pipewire", "wireplumber", "pipewire-pulse", "dbus-daemon"),
}


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    """Leaves what a test enters."""
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def start(stack: ExitStack) -> Callable[..., DaemonProcess]:
    """Starts daemons, as `DaemonProcess`, that do not outlive the test."""
    return lambda *arguments, **options: stack.enter_context(DaemonProcess(*arguments, **options))


@pytest.fixture
def talk(stack: ExitStack) -> Callable[..., Talker]:
    """Starts daemons, as `Talker`, that do not outlive the test."""
    return lambda *arguments, **options: stack.enter_context(Talker(*arguments, **options))


@pytest.fixture(scope="module")
def talker() -> Iterator[Talker]:
    """A daemon that the tests of a module share."""
    with Talker() as talker:
        yield talker


@pytest.fixture
def pulseaudio(stack: ExitStack) -> Callable[..., PulseAudio]:
    """Starts audio servers that do not outlive the test."""
    need("pulseaudio")

    def begin(rate: int = 16_000) -> PulseAudio:
        folder = stack.enter_context(TemporaryDirectory(prefix="kws-"))
        return stack.enter_context(PulseAudio(Path(folder), rate))

    return begin


@pytest.fixture(params=NEEDED, ids=lambda kind: kind.__name__)
def server(request: pytest.FixtureRequest) -> Iterator[AudioServer]:
    """An audio server of each kind, that runs."""
    kind: type[AudioServer] = request.param
    need(*NEEDED[kind])
    with TemporaryDirectory(prefix="kws-") as folder, kind(Path(folder)) as running:
        yield running


@pytest.fixture
def word(tmp_path: Path) -> Path:
    """A recording of one word, after a pause that is longer than a window."""
    path = tmp_path / "yes.wav"
    soundfile.write(path, np.concatenate((np.zeros(RATE), spoken("yes"), np.zeros(RATE))), RATE)
    return path
