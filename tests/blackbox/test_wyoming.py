"""A daemon as a service of the Wyoming protocol, with the clients of the protocol's library."""

import asyncio
import json
import socket
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing
from io import BufferedReader, BufferedWriter
from pathlib import Path

import numpy as np
import pytest
from wyoming.audio import AudioChunk, AudioStart, AudioStop
from wyoming.client import AsyncClient
from wyoming.event import Eventable, read_event, write_event
from wyoming.info import Describe, Info
from wyoming.ping import Ping, Pong
from wyoming.wake import Detect

from tests.support.client import HOST, get, get_json, read_all, receive, subscribe
from tests.support.limits import TIMEOUT, limit, wait_until
from tests.support.process import DaemonProcess, run_kws, started, wait_for_exit
from tests.support.speech import RATE, assert_heard_once, demo, spoken, words
from tests.support.wyoming import Form, chunks, converse, listen_to, wyoming_port

Start = Callable[..., DaemonProcess]
NETWORK = ("--source", "network")
WYOMING = ("--set", "integrations.wyoming.uri=tcp://127.0.0.1:0")
KEYWORDS = ["yes", "no", "up", "down"]
FORMS = (Form(), Form(44_100, 2, 2), Form(48_000, 2, 2))
SILENCE = np.zeros(RATE // 2, np.float32)


@pytest.fixture(scope="module")
def daemon() -> Iterator[DaemonProcess]:
    """One that hears only what is sent, for the tests of this module."""
    with DaemonProcess(*NETWORK, *WYOMING) as daemon:
        yield daemon


@pytest.fixture(scope="module")
def uri(daemon: DaemonProcess) -> str:
    """Of its service."""
    return f"tcp://{HOST}:{wyoming_port(daemon)}"


def hears_yes(uri: str) -> bool:
    """Whether a service does what it is there for."""
    return asyncio.run(listen_to(uri, spoken("yes"), until=1)).names == ["yes"]


def test_recordings_of_several_formats_are_heard_at_once(uri: str) -> None:
    count = len(words())

    async def all_at_once() -> None:
        told = await asyncio.gather(*(listen_to(uri, demo(), form, until=count) for form in FORMS))
        for each in told:
            assert_heard_once(each.events, words())

    asyncio.run(all_at_once())


@pytest.mark.parametrize("form", [Form(width=1), Form(22_050, 3, 2), Form(48_000, 4, 1)], ids=str)
def test_samples_may_have_any_width(uri: str, form: Form) -> None:
    assert asyncio.run(listen_to(uri, spoken("yes"), form, until=1)).names == ["yes"]


def test_info_names_the_keywords(uri: str) -> None:
    told = asyncio.run(converse(uri, [Describe()], answers=1))
    info = Info.from_event(told.others[0])
    (program,) = info.wake
    assert program.name == "kws"
    assert program.version
    assert [each.name for each in program.models] == KEYWORDS
    assert [each.phrase for each in program.models] == KEYWORDS
    assert all(each.languages == ["en"] and each.installed for each in program.models)


def test_a_ping_is_answered(uri: str) -> None:
    told = asyncio.run(converse(uri, [Ping("hello")], answers=1))
    assert Pong.from_event(told.others[0]).text == "hello"


def test_only_the_names_that_are_wanted_are_detected(uri: str) -> None:
    said = np.concatenate((spoken("yes"), spoken("no")))
    told = asyncio.run(listen_to(uri, said, names=["no"], until=1))
    assert told.names == ["no"]
    told = asyncio.run(listen_to(uri, said, names=[], until=2))
    assert told.names == ["yes", "no"]


def test_unknown_names_are_said_and_detect_nothing(uri: str) -> None:
    told = asyncio.run(listen_to(uri, spoken("yes"), names=["alexa"], until=1))
    assert (told.names, told.not_detected) == ([], 1)
    (error,) = told.others
    assert error.type == "error"
    assert error.data["code"] == "unknown-name"
    assert "'alexa'" in error.data["text"]
    assert "yes, no, up, down" in error.data["text"]


def test_audio_without_a_keyword_is_not_detected(uri: str) -> None:
    told = asyncio.run(listen_to(uri, SILENCE, until=1))
    assert (told.names, told.not_detected) == ([], 1)


def test_a_stop_without_audio_is_not_detected(uri: str) -> None:
    assert asyncio.run(converse(uri, [AudioStop()], until=1)).not_detected == 1


def test_audio_needs_no_start(uri: str) -> None:
    told = asyncio.run(converse(uri, [*chunks(spoken("yes"), Form()), AudioStop()], until=1))
    assert told.names == ["yes"]


def test_a_timestamp_is_that_of_the_chunk(uri: str) -> None:
    shifted = [
        AudioChunk(each.rate, each.width, each.channels, each.audio, (each.timestamp or 0) + 70_000)
        for each in chunks(spoken("yes"), Form())
    ]
    with_own = asyncio.run(converse(uri, [*shifted, AudioStop()], until=1))
    begin = AudioStart(RATE, 2, 1, timestamp=70_000)
    without: list[Eventable] = [
        begin,
        *chunks(spoken("yes"), Form(), timestamps=False),
        AudioStop(),
    ]
    counted = asyncio.run(converse(uri, without, until=1))
    of_chunk, of_time = with_own.detections[0].timestamp, counted.detections[0].timestamp
    assert of_chunk in [each.timestamp for each in shifted]
    assert of_chunk is not None
    assert of_time is not None
    assert 0 <= of_time - of_chunk < 64


def test_the_format_may_change(uri: str) -> None:
    said = [
        *chunks(spoken("yes"), Form()),
        *chunks(spoken("no"), Form(48_000, 2, 2)),
        AudioStop(),
    ]
    assert asyncio.run(converse(uri, said, until=2)).names == ["yes", "no"]


def test_a_start_resets_what_was_before(start: Start) -> None:
    once = ("--set", "trigger.refractory_s=60")
    uri = f"tcp://{HOST}:{wyoming_port(start(*NETWORK, *WYOMING, *once))}"
    word = list(chunks(spoken("yes"), Form()))
    held_back = asyncio.run(converse(uri, [*word, *word, AudioStop(), Ping("end")], answers=1))
    assert held_back.names == ["yes"]
    begin = AudioStart(RATE, 2, 1)
    told = asyncio.run(converse(uri, [begin, *word, begin, *word, AudioStop()], until=2))
    assert told.names == ["yes", "yes"]


def test_settings_of_single_keywords_count(start: Start) -> None:
    strict = ("--set", "keywords.yes.verifier_threshold=1")
    uri = f"tcp://{HOST}:{wyoming_port(start(*NETWORK, *WYOMING, *strict))}"
    told = asyncio.run(listen_to(uri, np.concatenate((spoken("yes"), spoken("no"))), until=1))
    assert told.names == ["no"]


def test_a_pause_ends_a_stream_and_its_next_audio_begins_another(
    daemon: DaemonProcess, uri: str
) -> None:
    with subscribe(daemon.port) as events:
        receive(events)

        async def pause() -> list[str | None]:
            async with AsyncClient.from_uri(uri) as client:
                for each in chunks(spoken("yes"), Form()):
                    await client.write_event(each.event())
                seen = list[str]()
                while "stream-ended" not in seen:
                    message = await asyncio.to_thread(receive, events)
                    seen.append(message.get("status", ""))
                for each in chunks(spoken("no"), Form()):
                    await client.write_event(each.event())
                await client.write_event(AudioStop().event())
                heard = [await client.read_event() for _ in range(2)]
                return [None if each is None else each.data["name"] for each in heard]

        assert asyncio.run(pause()) == ["yes", "no"]


def test_health_and_metrics_show_it(daemon: DaemonProcess, uri: str) -> None:
    (status,) = get_json(daemon.port, "/health")["integrations"]
    assert (status["name"], status["peer"], status["connected"]) == ("wyoming", uri, True)
    assert set(status["events"]) == {"detections", "not_detected", "refused"}
    _, _, metrics = get(daemon.port, "/metrics")
    assert 'kws_integration_connected{integration="wyoming"} 1.0' in metrics
    assert 'kws_integration_events_total{integration="wyoming",outcome="detections"}' in metrics


HOSTILE = {
    "no JSON": b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "binary": bytes(range(256)) * 100,
    "an array": b"[1, 2]\n",
    "no type": b"{}\n",
    "deep": b'{"type":' + b"[" * 8_000 + b"\n",
    "a header without end": b'{"type":"' + b"a" * 20_000,
    "much data": b'{"type":"detect","data_length":1000000000}\n',
    "much payload": b'{"type":"audio-chunk","payload_length":1000000000000}\n',
    "a negative length": b'{"type":"detect","data_length":-1}\n',
    "data of another kind": b'{"type":"detect","data":{"names":5}}\n',
    "audio of no width": b'{"type":"audio-start","data":{"rate":16000,"width":9,"channels":1}}\n',
    "audio of a wild rate": b'{"type":"audio-start","data":{"rate":1e9,"width":2,"channels":1}}\n',
    "a flood of pings": b'{"type":"ping"}\n' * 1_000,
    "a flood of starts": b'{"type":"audio-chunk","data":{"rate":16000,"width":2,"channels":1},'
    b'"payload_length":4}\nabcd{"type":"audio-stop"}\n' * 100,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_what_is_no_wyoming_is_closed_with_a_reason(uri: str, name: str) -> None:
    port = int(uri.rpartition(":")[2])
    with closing(socket.create_connection((HOST, port), limit(TIMEOUT))) as line:
        answer = b""
        try:
            line.sendall(HOSTILE[name])
            answer = read_all(line)
        except ConnectionError:
            # What it has not read resets the connection, with the answer behind.
            pass
        assert not answer or b'"type": "error"' in answer
    assert hears_yes(uri)


def test_silent_connections_keep_nobody_out(start: Start, stack: ExitStack) -> None:
    few = ("--set", "integrations.wyoming.max_connections=4")
    port = wyoming_port(start(*NETWORK, *WYOMING, *few))
    for _ in range(40):
        stack.enter_context(closing(socket.create_connection((HOST, port), limit(TIMEOUT))))
    assert hears_yes(f"tcp://{HOST}:{port}")


def test_where_all_send_audio_the_next_is_refused(start: Start) -> None:
    few = ("--set", "integrations.wyoming.max_connections=1")
    daemon = start(*NETWORK, *WYOMING, *few)
    uri = f"tcp://{HOST}:{wyoming_port(daemon)}"

    def has_stream() -> bool:
        return bool(get_json(daemon.port, "/health")["streams"])

    async def both() -> None:
        async with AsyncClient.from_uri(uri) as client:
            await client.write_event(next(iter(chunks(SILENCE, Form()))).event())
            await asyncio.to_thread(wait_until, has_stream, "a stream")
            told = await converse(uri, [], answers=1)
            assert told.others[0].data["code"] == "busy"
            await client.write_event(AudioStop().event())
            event = await client.read_event()
            assert event is not None
            assert event.type == "not-detected"

    asyncio.run(both())


def test_a_socket_of_the_file_system(start: Start, tmp_path: Path) -> None:
    path = tmp_path / "kws.sock"
    with socket.socket(socket.AF_UNIX) as left_over:
        left_over.bind(str(path))
    unix = ("--set", f"integrations.wyoming.uri=unix://{path}")
    daemon = start(*NETWORK, *unix)
    daemon.ready()
    assert hears_yes(f"unix://{path}")
    refused = run_kws("run", *NETWORK, *unix, "--set", "server.port=0")
    assert refused.returncode == 5
    assert "is another program there already?" in refused.stderr
    assert hears_yes(f"unix://{path}")
    assert daemon.stop() == 0
    assert not path.exists()


def test_standard_input_and_output(word: Path) -> None:
    options = (*NETWORK, "--set", "server.port=0", "--set", "integrations.wyoming.uri=stdio://")
    process = started("run", *options, stdin=subprocess.PIPE)
    assert isinstance(process.stdin, BufferedWriter)
    assert isinstance(process.stdout, BufferedReader)
    assert process.stderr is not None
    said: Sequence[Eventable] = (
        *(Describe(), Detect(names=["yes"]), AudioStart(RATE, 2, 1)),
        *(*chunks(spoken("yes"), Form()), AudioStop()),
    )
    try:
        for each in said:
            write_event(each.event(), process.stdin)
        process.stdin.close()
        types = []
        while (event := read_event(process.stdout)) is not None:
            types.append(event.type)
        log = process.stderr.read().decode()
        assert wait_for_exit(process) == 0
    finally:
        process.kill()
        process.stdout.close()
        process.stderr.close()
        process.wait()
    assert types == ["info", "detection"]
    assert "standard input has ended" in log


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (("uri=tcp://0.0.0.0:10400",), "no password: use 127.0.0.1"),
        (("uri=tcp://127.0.0.1",), "should be tcp://HOST:PORT"),
        (("uri=http://127.0.0.1:1",), "should be tcp://HOST:PORT"),
        (("uri=stdio://",), "both read standard input"),
    ],
)
def test_what_cannot_be_is_an_error_of_the_configuration(
    settings: tuple[str, ...], message: str
) -> None:
    options = [part for each in settings for part in ("--set", f"integrations.wyoming.{each}")]
    refused = run_kws("run", "--source", "-", *options)
    assert refused.returncode == 2
    assert message in refused.stderr
    assert "Traceback" not in refused.stderr
    assert refused.stdout == ""


def test_a_port_that_is_taken_ends_the_start() -> None:
    with socket.create_server((HOST, 0)) as taken:
        place = f"tcp://{HOST}:{taken.getsockname()[1]}"
        options = ("--set", "server.port=0", "--set", f"integrations.wyoming.uri={place}")
        refused = run_kws("run", *NETWORK, *options)
    assert refused.returncode == 5
    assert place in refused.stderr
    assert "integrations.wyoming.uri" in refused.stderr


def test_the_daemon_ends_with_clients_connected(start: Start) -> None:
    daemon = start(*NETWORK, *WYOMING)
    with closing(socket.create_connection((HOST, wyoming_port(daemon)), limit(TIMEOUT))) as line:
        line.sendall(json.dumps({"type": "ping"}).encode() + b"\n")
        assert line.recv(1)
        assert daemon.stop() == 0
        assert "Traceback" not in daemon.messages()
