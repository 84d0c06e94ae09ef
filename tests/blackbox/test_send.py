"""`kws send`: a machine with nothing but Python and a line to the daemon."""

import json
import os
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest
import soundfile

from kws.client.send import END_S
from tests.support.audio_servers import PulseAudio
from tests.support.client import HOST, get_json, receive, subscribe
from tests.support.limits import TIMEOUT, limit, wait_until
from tests.support.process import (
    DaemonProcess,
    Lines,
    Message,
    json_lines,
    run_kws,
    started,
    wait_for_exit,
)
from tests.support.speech import RATE, pcm, spoken

Start = Callable[..., DaemonProcess]
LONG_S = 60
CLOSED_OUTPUT = 141
"""Exit code."""
NETWORK = ("--source", "network")


@pytest.fixture(scope="module")
def network() -> Iterator[DaemonProcess]:
    """A daemon that processes only what is sent, for the tests of this module."""
    with DaemonProcess(*NETWORK) as daemon:
        yield daemon


@pytest.fixture
def long(tmp_path: Path) -> Path:
    """A recording that takes long to send, with a word at its beginning."""
    path = tmp_path / "long.wav"
    soundfile.write(path, np.concatenate((spoken("yes"), np.zeros(LONG_S * RATE))), RATE)
    return path


def url(port: int) -> str:
    return f"ws://{HOST}:{port}/audio"


def free_port() -> int:
    """One that nobody listens on now."""
    with socket.socket() as taken:
        taken.bind((HOST, 0))
        port: int = taken.getsockname()[1]
        return port


def test_a_recording_is_sent_and_its_events_are_printed(network: DaemonProcess, word: Path) -> None:
    daemon = network
    sent = run_kws("send", str(word), "--url", url(daemon.port), "--stream", "kitchen")
    assert sent.returncode == 0, sent.stderr
    events = json_lines(sent.stdout)
    assert [each.get("status", each.get("keyword")) for each in events] == [
        "stream-started",
        "yes",
        "stream-ended",
    ]
    assert {each["stream"] for each in events} == {"kitchen"}

    def printed(lines: list[str]) -> list[Message]:
        return [each for each in json_lines("\n".join(lines)) if each["stream"] == "kitchen"]

    assert printed(daemon.wait_for_lines(lambda lines: len(printed(lines)) >= 3)) == events


def test_standard_input_is_sent_at_its_own_rate(network: DaemonProcess, stack: ExitStack) -> None:
    daemon = network
    process = stack.enter_context(
        started(
            "send", "-", "--rate", "8000", "--url", url(daemon.port), "--stream", "pipe", stdin=-1
        )
    )
    assert process.stdout is not None
    output, _ = process.communicate(pcm(spoken("no")[::2]), timeout=limit(TIMEOUT))
    (detected,) = (each for each in json_lines(output.decode()) if each["type"] == "detection")
    assert (detected["keyword"], detected["stream"]) == ("no", "pipe")
    assert process.returncode == 0


def test_an_output_that_nobody_reads_ends_it(network: DaemonProcess, long: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb"):
        process = started(
            *("send", str(long), "--url", url(network.port), "--stream", "unread"), stdout=writing
        )
    with process:
        assert wait_for_exit(process, LONG_S / 2) == CLOSED_OUTPUT
        assert process.stderr is not None
        logged = process.stderr.read().decode()
    assert (logged.count("sending stream"), "trying again" in logged) == (1, False), logged


def test_an_output_on_a_full_disk_ends_it(network: DaemonProcess, long: Path) -> None:
    with Path("/dev/full").open("wb") as full:
        process = started(
            *("send", str(long), "--url", url(network.port), "--stream", "full"),
            stdout=full.fileno(),
        )
    with process:
        assert wait_for_exit(process, LONG_S / 2) == 1
        assert process.stderr is not None
        *_, last = process.stderr.read().decode().splitlines()
    assert last.endswith("ERROR   standard output: No space left on device")


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        ((), 2, "name one source"),
        (("x.wav", "--microphone"), 2, "name one source"),
        (("missing.wav",), 1, "missing.wav: no such file"),
        (("-", "--rate", "1"), 2, "stdin_rate"),
        (("-", "--url", "http://127.0.0.1:8000/audio"), 2, "should be ws://HOST:PORT/audio"),
    ],
)
def test_a_wrong_command_line_is_refused(arguments: tuple[str, ...], code: int, said: str) -> None:
    sent = run_kws("send", *arguments)
    assert (sent.returncode, said in sent.stderr) == (code, True), sent.stderr
    assert "Traceback" not in sent.stderr


def test_a_refused_client_does_not_try_again(start: Start, word: Path) -> None:
    daemon = start(*NETWORK, environment={"KWS_TOKEN": "secret"})
    refused = run_kws("send", str(word), "--url", url(daemon.port))
    assert refused.returncode == 5
    assert "the daemon wants a token: set KWS_TOKEN or --token-file" in refused.stderr
    nobody = run_kws("send", str(word), "--url", url(free_port()))
    assert nobody.returncode == 5
    assert "is kws running there?" in nobody.stderr
    elsewhere = run_kws("send", str(word), "--url", url(daemon.port).replace("audio", "health"))
    assert (elsewhere.returncode, "HTTP 400" in elsewhere.stderr) == (5, True), elsewhere.stderr
    sent = run_kws(
        *("send", str(word), "--url", url(daemon.port)), environment={"KWS_TOKEN": "secret\n"}
    )
    assert sent.returncode == 0
    unsendable = run_kws("send", str(word), environment={"KWS_TOKEN": "s3cret\nsecond"})
    assert (unsendable.returncode, "token" in unsendable.stderr) == (2, True)
    assert "s3cret" not in unsendable.stderr


def test_an_interrupt_ends_the_stream_with_all_its_events(
    network: DaemonProcess, stack: ExitStack, long: Path
) -> None:
    daemon = network
    process = stack.enter_context(
        started("send", str(long), "--url", url(daemon.port), "--stream", "x")
    )
    assert process.stdout is not None
    lines = Lines(process.stdout)
    lines.find(lambda line: '"keyword":"yes"' in line)
    process.send_signal(signal.SIGTERM)
    assert wait_for_exit(process) == 0
    assert json.loads(lines.finish()[-1])["status"] == "stream-ended"


def test_a_microphone_is_sent_through_a_new_start_of_the_daemon(
    start: Start, stack: ExitStack, pulseaudio: Callable[..., PulseAudio], word: Path
) -> None:
    server = pulseaudio()
    port = free_port()
    first = start(*NETWORK, "--set", f"server.port={port}")
    assert first.port == port
    process = stack.enter_context(
        started(
            *("send", "--microphone", "--url", url(port), "--stream", "satellite"),
            environment=server.environment,
        )
    )
    stack.callback(process.kill)
    assert process.stdout is not None
    assert process.stderr is not None
    lines, log = Lines(process.stdout), Lines(process.stderr)
    log.find(lambda line: "sending stream 'satellite'" in line)
    server.play(word)
    lines.find(lambda line: '"keyword":"yes"' in line)
    assert first.stop() == 0
    log.find(lambda line: "trying again" in line)

    second = start(*NETWORK, "--set", f"server.port={port}")
    with subscribe(second.port) as subscriber:
        receive(subscriber)
        wait_until(lambda: bool(get_json(port, "/health")["streams"]), "no satellite came back")
        server.play(word)
        while (event := receive(subscriber)).get("keyword") != "yes":
            assert event["status"] == "stream-started"
        assert event["stream"] == "satellite"
    process.send_signal(signal.SIGINT)
    assert wait_for_exit(process) == 0
    detected = [
        each for each in json_lines("\n".join(lines.finish())) if each["type"] == "detection"
    ]
    assert [each["keyword"] for each in detected] == ["yes", "yes"]


def test_without_a_daemon_an_interrupt_ends_it_at_once(
    stack: ExitStack, pulseaudio: Callable[..., PulseAudio]
) -> None:
    process = stack.enter_context(
        started(
            *("send", "--microphone", "--url", url(free_port())),
            environment=pulseaudio().environment,
        )
    )
    stack.callback(process.kill)
    assert process.stderr is not None
    Lines(process.stderr).find(lambda line: "trying again" in line)
    process.send_signal(signal.SIGTERM)
    assert wait_for_exit(process, END_S - 1) == 0
