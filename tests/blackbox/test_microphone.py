"""A real PortAudio microphone, through a private PulseAudio server."""

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
import soundfile

from tests.support.audio_servers import PulseAudio
from tests.support.client import get, get_json, receive, receive_all, subscribe
from tests.support.limits import TIMEOUT, wait_until
from tests.support.microphones import need
from tests.support.process import DaemonProcess, Message, wait_for_exit
from tests.support.speech import RATE, begin_in_stream, demo, words

RATES = (16_000, 44_100, 48_000)
LOST = 4
"""Exit code."""

Start = Callable[..., DaemonProcess]


@dataclass(frozen=True)
class Received:
    """What one daemon at a microphone said, and to whom."""

    ready: Message
    health: Message
    stdout: list[Message]
    subscribers: list[list[Message]]
    exit_code: int


def start_at(start: Start, server: PulseAudio, *arguments: str) -> DaemonProcess:
    """A daemon that processes what is played into a server."""
    daemon = start("--device", "pulse", *arguments, environment=server.environment)
    port = daemon.port
    wait_until(lambda: get_json(port, "/health")["status"] == "ok", "sound comes in")
    return daemon


@pytest.fixture(scope="module")
def received() -> Iterator[dict[int, Received]]:
    """The demo recording, played to a microphone at each of the rates, all at the same time."""
    need("pulseaudio")
    with ExitStack() as stack:
        recording = Path(stack.enter_context(TemporaryDirectory(prefix="kws-"))) / "demo.wav"
        # Once it has been played, the last word has been decided.
        soundfile.write(recording, np.concatenate((demo(), np.zeros(2 * RATE))), RATE)
        servers, daemons, players, subscribers = {}, {}, {}, {}
        for rate in RATES:
            folder = Path(stack.enter_context(TemporaryDirectory(prefix="kws-")))
            servers[rate] = stack.enter_context(PulseAudio(folder, rate))
        for rate, server in servers.items():
            daemons[rate] = start_at(
                lambda *arguments, **options: stack.enter_context(
                    DaemonProcess(*arguments, **options)
                ),
                server,
                "--set",
                f"audio.device_rate={rate}",
            )
            subscribers[rate] = [
                stack.enter_context(subscribe(daemons[rate].port)) for _ in range(2)
            ]
            for each in subscribers[rate]:
                assert receive(each)["type"] == "hello"
            players[rate] = server.play(recording)
        for player in players.values():
            assert wait_for_exit(player, TIMEOUT + len(demo()) / RATE) == 0
        result = {}
        for rate, daemon in daemons.items():
            health = get_json(daemon.port, "/health")
            exit_code = daemon.stop()
            events = [receive_all(each)[0] for each in subscribers[rate]]
            result[rate] = Received(daemon.ready(), health, daemon.all_events(), events, exit_code)
        yield result


@pytest.mark.parametrize("rate", RATES)
def test_every_word_is_detected_once_and_there_are_no_false_alarms(
    received: dict[int, Received], rate: int
) -> None:
    detections = [each for each in received[rate].stdout if each["type"] == "detection"]
    begin_in_stream(detections, words())


@pytest.mark.parametrize("rate", RATES)
def test_all_subscribers_get_the_same_events(received: dict[int, Received], rate: int) -> None:
    assert received[rate].stdout
    assert received[rate].subscribers == [received[rate].stdout] * 2


@pytest.mark.parametrize("rate", RATES)
def test_no_audio_is_lost(received: dict[int, Received], rate: int) -> None:
    assert [each for each in received[rate].stdout if each["type"] != "detection"] == []
    source = received[rate].health["source"]
    assert (source["overflows"], source["dropped_samples"]) == (0, 0)


@pytest.mark.parametrize("rate", RATES)
def test_the_microphone_is_opened_as_wished(received: dict[int, Received], rate: int) -> None:
    assert received[rate].ready["sample_rate"] == rate
    source = received[rate].health["source"]
    assert (source["kind"], source["name"], source["stream"], source["live"]) == (
        "microphone",
        "Monitor of Null Output",
        "default",
        True,
    )
    assert received[rate].exit_code == 0


def test_a_microphone_that_is_not_there_is_named_and_waited_for(
    start: Start, pulseaudio: Callable[[], PulseAudio]
) -> None:
    daemon = start("--device", "Wolpertinger", environment=pulseaudio().environment)
    page = json.loads(get(daemon.port, "/health")[2])
    assert (page["status"], page["seconds_since_audio"]) == ("lost", None)
    assert "'Wolpertinger'" in page["reason"]
    assert "'pulse'" in page["reason"]  # what there is instead
    assert daemon.stop() == 0
    assert [each["status"] for each in daemon.all_events()] == ["audio-lost"]
    assert "'Wolpertinger'" in daemon.messages()


def test_an_audio_server_that_is_not_there_is_no_traceback(start: Start, tmp_path: Path) -> None:
    need("pulseaudio")
    environment = {"PULSE_SERVER": f"unix:{tmp_path}/nowhere", "XDG_RUNTIME_DIR": str(tmp_path)}
    daemon = start("--device", "pulse", environment=environment)
    assert json.loads(get(daemon.port, "/health")[2])["status"] == "lost"
    assert daemon.stop() == 0
    assert "pulse" in daemon.messages()
    assert "Traceback" not in daemon.messages()
