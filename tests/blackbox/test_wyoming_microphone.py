"""A microphone of another machine as the source: a server of the Wyoming protocol's library."""

import json
import socket
from collections.abc import Callable
from contextlib import ExitStack

import pytest

from tests.support.client import HOST, get, get_json
from tests.support.limits import wait_until
from tests.support.process import DaemonProcess, Message, run_kws
from tests.support.wyoming import Form, wyoming_port
from tests.support.wyoming_microphone import RemoteMicrophone

Start = Callable[..., DaemonProcess]
QUICKLY = ("--set", "audio.lost_after_s=1")


def health(daemon: DaemonProcess) -> tuple[int, Message]:
    """What it says of itself."""
    status, _, text = get(daemon.port, "/health")
    return status, json.loads(text)


def wait_for_status(daemon: DaemonProcess, wanted: str) -> Message:
    """What it says of itself, once that is what is wanted."""
    wait_until(lambda: health(daemon)[1]["status"] == wanted, wanted)
    return health(daemon)[1]


def wait_for_yes(daemon: DaemonProcess, after: int = 0) -> int:
    """Wait for a detection behind so many lines; how many there are then."""
    lines = daemon.wait_for_lines(
        lambda lines: any('"keyword":"yes"' in line for line in lines[after:])
    )
    return len(lines)


@pytest.mark.parametrize("form", [Form(), Form(44_100, 2, 2), Form(48_000, 4, 1)], ids=str)
def test_it_is_heard_in_any_format(start: Start, stack: ExitStack, form: Form) -> None:
    microphone = stack.enter_context(RemoteMicrophone(form))
    daemon = start("--source", microphone.uri)
    ready = daemon.ready()
    assert (ready["sample_rate"], ready["channels"]) == (form.rate, form.channels)
    assert ready["source"] == {
        "stream": "default",
        "kind": "microphone",
        "name": microphone.uri,
        "live": True,
    }
    wait_for_yes(daemon)
    assert get_json(daemon.port, "/health")["status"] == "ok"
    assert daemon.stop() == 0


def test_one_channel_may_count(start: Start, stack: ExitStack) -> None:
    microphone = stack.enter_context(RemoteMicrophone(Form(channels=2)))
    daemon = start("--source", microphone.uri, "--set", "audio.channel=1")
    assert daemon.ready()["channels"] == 1
    wait_for_yes(daemon)


def test_it_is_lost_when_it_is_killed_and_comes_back(start: Start, stack: ExitStack) -> None:
    microphone = stack.enter_context(RemoteMicrophone())
    daemon = start("--source", microphone.uri, *QUICKLY)
    seen = wait_for_yes(daemon)
    microphone.kill()
    lost = wait_for_status(daemon, "lost")
    assert health(daemon)[0] == 503
    assert microphone.uri in lost["reason"]
    stack.enter_context(RemoteMicrophone(port=microphone.port))
    wait_for_status(daemon, "ok")
    lines = daemon.wait_for_lines(lambda lines: any("audio-back" in line for line in lines[seen:]))
    wait_for_yes(daemon, len(lines))
    assert get_json(daemon.port, "/health")["source"]["losses"] == 1
    log = daemon.log_count("trying to get it back")
    assert 1 <= log <= 4, "each reason is said once"


def test_it_is_lost_when_it_hangs(start: Start, stack: ExitStack) -> None:
    microphone = stack.enter_context(RemoteMicrophone())
    daemon = start("--source", microphone.uri, *QUICKLY)
    wait_for_yes(daemon)
    microphone.hang()
    wait_for_status(daemon, "lost")
    daemon.logged(lambda entry: "does not say what it delivers" in entry["message"])
    microphone.kill()
    stack.enter_context(RemoteMicrophone(port=microphone.port))
    wait_for_status(daemon, "ok")
    assert daemon.stop() == 0


def test_it_may_come_later_than_the_daemon(start: Start, stack: ExitStack) -> None:
    with socket.create_server((HOST, 0)) as taken:
        port = taken.getsockname()[1]
    daemon = start("--source", f"wyoming+tcp://{HOST}:{port}")
    assert "cannot be reached: Connection refused" in wait_for_status(daemon, "lost")["reason"]
    stack.enter_context(RemoteMicrophone(port=port))
    wait_for_yes(daemon)
    assert get_json(daemon.port, "/health")["source"]["losses"] == 0


def test_another_service_is_no_microphone(start: Start) -> None:
    service = start("--source", "network", "--set", "integrations.wyoming.uri=tcp://127.0.0.1:0")
    daemon = start("--source", f"wyoming+tcp://{HOST}:{wyoming_port(service)}")
    assert "is no microphone" in wait_for_status(daemon, "lost")["reason"]


def test_what_is_no_wyoming_is_named(start: Start) -> None:
    other = start("--source", "network")
    daemon = start("--source", f"wyoming+tcp://{HOST}:{other.port}")
    wait_for_status(daemon, "lost")
    daemon.logged(
        lambda entry: (
            "does not speak Wyoming" in entry["message"]
            or "closed the connection" in entry["message"]
        )
    )


@pytest.mark.parametrize("uri", ["wyoming+tcp://host", "wyoming+http://h:1", "wyoming+tcp://h:1/x"])
def test_what_is_no_uri_is_an_error_of_the_configuration(uri: str) -> None:
    refused = run_kws("run", "--source", uri, "--set", "server.port=0")
    assert refused.returncode == 2
    assert "wyoming+tcp://HOST:PORT" in refused.stderr
    assert "Traceback" not in refused.stderr
