"""Sound sent over the network: what senders get back, and what they are told."""

import base64
import json
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
import soxr
from websockets.exceptions import InvalidStatus
from websockets.sync.client import ClientConnection
from websockets.typing import Origin

from tests.support.client import ask, close_code, get, get_json, receive, receive_all, subscribe
from tests.support.limits import limit
from tests.support.process import DaemonProcess, Message
from tests.support.speech import RATE, assert_heard_once, demo, pcm, spoken, words

Start = Callable[..., DaemonProcess]
NETWORK = ("--source", "network")
BLOCK = RATE // 10
QUICKLY = ("--set", "audio.lost_after_s=1")
TOKEN = {"KWS_TOKEN": "secret"}
ELSEWHERE = Origin("https://elsewhere.example")


@pytest.fixture(scope="module")
def daemon() -> Iterator[DaemonProcess]:
    """A daemon that processes only what is sent, for the tests of this module."""
    with DaemonProcess(*NETWORK) as daemon:
        yield daemon


@pytest.fixture(scope="module")
def guarded() -> Iterator[DaemonProcess]:
    """The same with a token, and it keeps the sound of events."""
    keep = ("--set", "server.keep_audio_s=60")
    with DaemonProcess(*NETWORK, *keep, environment=TOKEN) as daemon:
        yield daemon


@contextmanager
def send(port: int, stream: str, **more: Any) -> Iterator[ClientConnection]:
    """Begin to send a stream."""
    begin = {"type": "start", "stream": stream, "sample_rate": RATE, "format": "s16le", **more}
    with subscribe(port, "/audio") as connection:
        assert ask(connection, **begin)["type"] == "started"
        yield connection


@contextmanager
def follow(port: int, stream: str) -> Iterator[ClientConnection]:
    """Subscribe to what happens in one stream; what other tests sent may be ending still."""
    with subscribe(port) as subscriber:
        receive(subscriber)
        assert ask(subscriber, streams=[stream])["streams"] == [stream]
        yield subscriber


def refused(port: int, message: str | bytes) -> tuple[int, str]:
    """How the connection ends that begins with a message."""
    with subscribe(port, "/audio") as connection:
        connection.send(message)
        return close_code(connection)


def end(connection: ClientConnection) -> list[Message]:
    """End a stream: what comes until it is closed."""
    connection.send('{"type": "end"}')
    messages, code, _ = receive_all(connection)
    assert code == 1000
    return messages


def detections(messages: list[Message]) -> list[Message]:
    return [each for each in messages if each["type"] == "detection"]


def test_a_sender_and_all_subscribers_get_the_events_of_its_stream(daemon: DaemonProcess) -> None:
    with follow(daemon.port, "kitchen") as subscriber, send(daemon.port, "kitchen") as connection:
        connection.send(pcm(spoken("yes")))
        messages = end(connection)
        assert [each.get("status") for each in messages] == [
            "stream-started",
            None,
            "stream-ended",
        ]
        (detected,) = detections(messages)
        assert (detected["keyword"], detected["stream"]) == ("yes", "kitchen")
        assert [receive(subscriber) for _ in messages] == messages
    (ended,) = (each for each in messages if each.get("status") == "stream-ended")
    assert ended["t"] == pytest.approx(len(spoken("yes")) / RATE + 1, abs=0.01)


def test_seconds_sent_at_once_are_processed_as_in_real_time(daemon: DaemonProcess) -> None:
    """As after a break of the network."""
    samples = demo()[: round(4.8 * RATE)]
    with send(daemon.port, "hall", scores=True) as connection:
        for start in range(0, len(samples), BLOCK):
            connection.send(pcm(samples[start : start + BLOCK]))
        messages = end(connection)
    assert_heard_once(detections(messages), [word for word in words() if word.end < 4.5])
    assert [each["type"] for each in messages].count("slow-down") == 1
    scores = [each for each in messages if each["type"] == "scores"]
    times = [each["t"] for each in scores]
    assert (times[0], times[-1]) == (1.0, 5.8)
    assert np.diff(times) == pytest.approx(0.1)
    assert set(scores[0]["posteriors"]) == {"yes", "no", "up", "down"}
    assert "frames" not in scores[0]


@pytest.mark.parametrize(
    ("rate", "samples", "channels"), [(48_000, "f32le", 2), (8_000, "s16le", 1)]
)
def test_other_formats_are_processed_too(
    daemon: DaemonProcess, rate: int, samples: str, channels: int
) -> None:
    word = soxr.resample(spoken("yes"), RATE, rate).astype(np.float32)
    frames = np.repeat(word[:, None], channels, axis=1)
    data = frames.astype("<f4").tobytes() if samples == "f32le" else pcm(frames)
    with send(
        daemon.port, f"{rate}", sample_rate=rate, format=samples, channels=channels
    ) as connection:
        # Cut in the middle of samples.
        for start in range(0, len(data), 4_095):
            connection.send(data[start : start + 4_095])
        (detected,) = detections(end(connection))
    assert detected["keyword"] == "yes"


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (b"RIFF", "text, not binary"),
        ("hello", "malformed"),
        ('{"type": "start"}', "missing required field"),
        (
            '{"type":"start","stream":"x","sample_rate":4000,"format":"s16le"}',
            "sample_rate",
        ),
        ('{"type":"start","stream":"x","sample_rate":16000,"format":"mp3"}', "mp3"),
        ('{"type":"begin","stream":"x"}', "begin"),
    ],
)
def test_a_bad_header_is_refused_with_its_reason(
    daemon: DaemonProcess, message: str | bytes, reason: str
) -> None:
    code, said = refused(daemon.port, message)
    assert (code, reason in said) == (1008, True), said


@pytest.mark.parametrize("name", ["default", "demo"])
def test_a_sender_cannot_pass_for_the_daemon_s_own_source(daemon: DaemonProcess, name: str) -> None:
    start = f'{{"type":"start","stream":"{name}","sample_rate":16000,"format":"s16le"}}'
    code, reason = refused(daemon.port, start)
    assert (code, "this machine's own" in reason) == (4409, True)


def test_what_will_come_can_stand_in_the_address(guarded: DaemonProcess) -> None:
    daemon = guarded
    address = f"/audio?stream=desk%201&sample_rate={RATE}&format=s16le&channels=1"
    bearer = {"Authorization": "Bearer secret"}
    with subscribe(daemon.port, address, additional_headers=bearer) as connection:
        connection.send(pcm(spoken("no")))
        assert receive(connection)["stream"] == "desk 1"
        (detected,) = detections(end(connection))
    assert (detected["keyword"], detected["stream"]) == ("no", "desk 1")
    for wrong, code in (
        (address.replace("s16le", "mp3"), 1008),
        (f"{address}&token=secret", 1008),
        ("/audio?stream=x", 1008),
    ):
        with subscribe(daemon.port, wrong, additional_headers=bearer) as connection:
            assert close_code(connection)[0] == code
    with subscribe(daemon.port, address) as connection:
        assert close_code(connection)[0] == 4401


def test_a_stream_keeps_its_format(daemon: DaemonProcess) -> None:
    with send(daemon.port, "changing") as connection:
        connection.send('{"type":"start","stream":"changing","sample_rate":48000,"format":"s16le"}')
        code, reason = close_code(connection)
    assert code == 1008
    assert "keeps its name and format" in reason


def test_a_sender_faster_than_real_time_is_warned_and_then_closed(daemon: DaemonProcess) -> None:
    with follow(daemon.port, "flood") as subscriber, send(daemon.port, "flood") as connection:
        for _ in range(8):
            connection.send(pcm(np.zeros(RATE, np.float32)))
        messages, code, reason = receive_all(connection)
        assert code == 4429
        assert "faster than real time" in reason
        (told,) = (each for each in messages if each["type"] == "slow-down")
        assert 2.5 < told["lead_s"] <= 5.0
        ended = next(
            each
            for each in iter(lambda: receive(subscriber), None)
            if each.get("status") == "stream-ended"
        )
    assert "its connection ended" in ended["reason"]


def test_a_client_that_disconnects_leaves_no_stream(daemon: DaemonProcess) -> None:
    with follow(daemon.port, "gone") as subscriber, send(daemon.port, "gone") as connection:
        connection.send(pcm(spoken("no")))
        assert receive(subscriber)["status"] == "stream-started"
        assert receive(subscriber)["keyword"] == "no"
        state = next(
            each for each in get_json(daemon.port, "/health")["streams"] if each["stream"] == "gone"
        )
        assert state["kind"] == "network"
        connection.socket.close()
        assert receive(subscriber)["status"] == "stream-ended"
    streams = get_json(daemon.port, "/health")["streams"]
    assert "gone" not in [each["stream"] for each in streams]


def test_two_live_streams_cannot_have_one_name(daemon: DaemonProcess) -> None:
    with send(daemon.port, "desk") as first:
        first.send(pcm(spoken("yes")))
        assert receive(first)["status"] == "stream-started"
        assert receive(first)["keyword"] == "yes"
        start = '{"type":"start","stream":"desk","sample_rate":16000,"format":"s16le"}'
        code, reason = refused(daemon.port, start)
        assert code == 4409
        assert "live already" in reason
        assert refused(daemon.port, start.replace("desk", "network"))[0] == 4409
        assert end(first)[-1]["status"] == "stream-ended"


def test_a_sender_of_silence_is_lost_and_comes_back(start: Start) -> None:
    daemon = start(*NETWORK, *QUICKLY)
    with send(daemon.port, "pi") as connection:
        connection.send(pcm(spoken("yes")))
        assert receive(connection)["status"] == "stream-started"
        assert receive(connection)["keyword"] == "yes"
        lost = receive(connection)
        assert (lost["status"], lost["stream"]) == ("audio-lost", "pi")
        (state,) = get_json(daemon.port, "/health")["streams"]
        assert "delivered nothing for 1 s" in state["reason"]
        connection.send(pcm(spoken("no")))
        assert receive(connection)["status"] == "audio-back"
        assert receive(connection)["keyword"] == "no"


def test_a_gap_gives_samples_dropped(daemon: DaemonProcess) -> None:
    with send(daemon.port, "torn") as connection:
        word = spoken("yes")
        connection.send(pcm(word[: len(word) // 2]))
        connection.send('{"type": "gap", "seconds": 0.5}')
        connection.send(pcm(word[len(word) // 2 :]))
        statuses = [each.get("status") for each in end(connection)]
    assert statuses == ["stream-started", "samples-dropped", "stream-ended"]


def test_there_is_an_end_to_how_many_streams(start: Start) -> None:
    daemon = start(*NETWORK, "--set", "server.max_streams=1")
    with (
        send(daemon.port, "one"),
        pytest.raises(InvalidStatus) as full,
        subscribe(daemon.port, "/audio"),
    ):
        pass
    assert full.value.response.status_code == 503
    # Subscribers are counted by themselves.
    with subscribe(daemon.port) as subscriber:
        assert receive(subscriber)["type"] == "hello"


def test_token_and_origin_are_checked_at_all_endpoints(guarded: DaemonProcess) -> None:
    daemon = guarded
    begin = {"type": "start", "stream": "x", "sample_rate": RATE, "format": "s16le"}
    for path, first in (("/audio", begin), ("/scores", {"stream": "x"})):
        with subscribe(daemon.port, path) as connection:
            connection.send(json.dumps(first))
            assert close_code(connection)[0] == 4401
        with subscribe(daemon.port, path) as connection:
            connection.send(json.dumps({**first, "token": "secret"}))
            assert receive(connection)["type"] in ("started", "watching")
        with pytest.raises(InvalidStatus), subscribe(daemon.port, path, origin=ELSEWHERE):
            pass
    assert get(daemon.port, "/metrics")[0] == 401
    assert get(daemon.port, "/")[0] == 200


def test_scores_are_sent_for_each_hop(daemon: DaemonProcess) -> None:
    with subscribe(daemon.port, "/scores") as viewer:
        watching = ask(viewer, stream="seen", frames=True)
        assert (watching["type"], watching["stream"]) == ("watching", "seen")
        with send(daemon.port, "seen") as connection:
            connection.send(pcm(spoken("yes")))
            (detected,) = detections(end(connection))
        seen = [receive(viewer)]
        while seen[-1]["t"] < detected["t"] - 0.01:
            seen.append(receive(viewer))
    assert [each["type"] for each in seen] == ["scores"] * len(seen)
    assert seen[-1]["smoothed"]["yes"] == detected["confidence"]
    assert seen[-1]["smoothed"]["yes"] >= watching["thresholds"]["yes"]
    for each in seen:
        frames = base64.b64decode(each["frames"])
        assert len(frames) == watching["bands"] * watching["frames_per_hop"]


def test_a_stream_that_does_not_exist_is_waited_for_and_nonsense_is_refused(
    daemon: DaemonProcess,
) -> None:
    with subscribe(daemon.port, "/scores") as viewer:
        assert ask(viewer)["stream"] == "network"
        assert ask(viewer, stream="nowhere")["stream"] == "nowhere"
        viewer.send('{"what": 1}')
        assert close_code(viewer)[0] == 1008


def test_senders_and_clients_of_scores_get_the_reason_when_the_daemon_stops(start: Start) -> None:
    daemon = start(*NETWORK)
    with send(daemon.port, "x") as sender, subscribe(daemon.port, "/scores") as viewer:
        ask(viewer)
        assert daemon.stop() == 0
        assert receive_all(sender)[1] == 1001
        assert close_code(viewer)[0] == 1001


def test_metrics_count_what_happened(daemon: DaemonProcess) -> None:
    with send(daemon.port, "counted") as connection:
        connection.send(pcm(np.concatenate((spoken("yes"), spoken("yes")))))
        end(connection)
    status, headers, text = get(daemon.port, "/metrics")
    assert status == 200
    assert headers["Content-Type"].startswith("text/plain; version=0.0.4")
    assert 'kws_detections_total{keyword="yes",stream="counted"} 2.0' in text
    assert 'model="yes-no-up-down"' in text
    assert "kws_inference_seconds_count" in text


def test_the_audio_of_an_event_needs_the_token(guarded: DaemonProcess) -> None:
    daemon = guarded
    bearer = {"Authorization": "Bearer secret"}
    with subscribe(daemon.port, "/audio", additional_headers=bearer) as connection:
        begin = {"type": "start", "stream": "x", "sample_rate": RATE, "format": "s16le"}
        assert ask(connection, **begin)["type"] == "started"
        connection.send(pcm(spoken("yes")))
        (detected,) = detections(end(connection))
    path = f"/events/{detected['id']}/audio.wav"
    assert get(daemon.port, path)[0] == 401
    samples = np.frombuffer(_bytes(daemon.port, path, bearer)[44:], "<i2")
    said = np.frombuffer(pcm(spoken("yes")), "<i2")
    stop = round(detected["t"] * RATE)
    assert np.abs(samples - said[stop - RATE : stop].astype(int)).max() <= 1
    assert get(daemon.port, path.replace(detected["id"], "r-1"), bearer)[0] == 404


def _bytes(port: int, path: str, headers: dict[str, str]) -> bytes:
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", headers=headers)
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request, timeout=limit(30)) as response:
        assert response.headers["Content-Type"] == "audio/wav"
        data: bytes = response.read()
    return data


def test_sound_is_not_kept_without_a_token(start: Start) -> None:
    daemon = start(*NETWORK, "--set", "server.keep_audio_s=60")
    assert daemon.finish() == 2
    assert "only clients with a token may get it" in daemon.messages()
