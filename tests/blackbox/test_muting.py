"""A daemon that is muted hears nothing, says so, and stays it, by HTTP and by command."""

import http.client
import json
import subprocess
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest
import soundfile
from websockets.sync.client import ClientConnection

from tests.support.audio_servers import PulseAudio
from tests.support.client import HOST, ask, get, receive, subscribe
from tests.support.limits import TIMEOUT, limit, wait_until
from tests.support.process import DaemonProcess, Message, run_kws
from tests.support.speech import DEMO, RATE, pcm, spoken

TOKEN = "open sesame"
BEARER = {"Authorization": f"Bearer {TOKEN}"}

Start = Callable[..., DaemonProcess]


def post(
    port: int, path: str, body: bytes | None = None, headers: Mapping[str, str] = BEARER
) -> tuple[int, str]:
    """Status and text of a POST."""
    connection = http.client.HTTPConnection(HOST, port, timeout=limit(TIMEOUT))
    try:
        connection.request("POST", path, body, dict(headers))
        response = connection.getresponse()
        return response.status, response.read().decode()
    finally:
        connection.close()


def done(port: int, path: str, body: bytes | None = None) -> Message:
    """The answer to a POST that ought to succeed."""
    status, text = post(port, path, body)
    assert status == 200, text
    answer: Message = json.loads(text)
    return answer


@pytest.fixture
def state(tmp_path: Path) -> dict[str, str]:
    """Variables of a daemon with a token and a folder of its own."""
    return {"KWS_TOKEN": TOKEN, "KWS_STATE__FOLDER": str(tmp_path / "state")}


def event(connection: ClientConnection) -> Message:
    """The next event; the words are sent faster than real time, which the daemon remarks on."""
    while (message := receive(connection))["type"] == "slow-down":
        pass
    return message


def health(port: int) -> Message:
    """The whole of /health, which is 200."""
    status, _, text = get(port, "/health", BEARER)
    assert status == 200, text
    page: Message = json.loads(text)
    return page


def test_it_hears_nothing_until_it_is_unmuted_also_after_kill_9(
    start: Start, state: dict[str, str]
) -> None:
    daemon = start("--source", "demo", environment=state)
    port = daemon.port
    with subscribe(port, additional_headers=BEARER) as subscriber:
        assert receive(subscriber)["muted"] is False
        daemon.events(1)
        assert done(port, "/mute") == {"muted": True, "seconds_left": None}
        page = health(port)
        assert (page["status"], page["muted"], page["reason"]) == ("muted", True, None)
        assert json.loads(get(port, "/health")[2])["status"] == "muted"
        assert "kws_muted 1.0" in get(port, "/metrics", BEARER)[2]
        event = receive(subscriber)
        while event["type"] == "detection":
            event = receive(subscriber)
        assert (event["status"], event["seconds"]) == ("muted", None)
        # For some seconds: no more than was wanted already.
        assert done(port, "/mute", b'{"seconds": 0.1}') == {"muted": True, "seconds_left": None}
        assert post(port, "/reload")[0] == 200
        assert receive(subscriber)["status"] == "reloaded"
    daemon.process.kill()
    daemon.process.wait(limit(TIMEOUT))

    daemon = start("--source", "demo", environment=state)
    port = daemon.port
    with subscribe(port, additional_headers=BEARER) as subscriber:
        assert receive(subscriber)["muted"] is True
        page = health(port)
        assert (page["status"], page["seconds_since_audio"]) == ("muted", None)
        assert done(port, "/unmute") == {"muted": False, "seconds_left": None}
        assert receive(subscriber)["status"] == "unmuted"
        assert receive(subscriber)["type"] == "detection"
        assert health(port)["status"] == "ok"
    assert daemon.stop() == 0
    assert [each.get("status") for each in daemon.all_events()[:2]] == ["muted", "unmuted"]
    assert not list(Path(state["KWS_STATE__FOLDER"]).iterdir())


def test_a_time_ends_by_itself(start: Start, state: dict[str, str]) -> None:
    daemon = start("--source", "demo", environment=state)
    daemon.events(1)
    answer = done(daemon.port, "/mute", b'{"seconds": 0.5}')
    assert answer["muted"] is True
    assert 0 <= answer["seconds_left"] <= 0.5
    events = daemon.wait_for_lines(lambda lines: any('"unmuted"' in each for each in lines))
    kinds = [json.loads(each).get("status") for each in events]
    between = kinds[kinds.index("muted") + 1 : kinds.index("unmuted")]
    assert between == []
    daemon.wait_for_lines(lambda lines: '"detection"' in lines[-1] and "unmuted" not in lines[-1])


@pytest.mark.parametrize(
    ("path", "body", "headers", "status"),
    [
        ("/mute", None, {}, 403),
        ("/mute", None, {"Authorization": "Bearer guess"}, 403),
        ("/unmute", None, {}, 403),
        ("/mute", None, {**BEARER, "Origin": "https://evil.example"}, 403),
        ("/unmute", None, {**BEARER, "Host": "evil.example"}, 403),
        ("/unmute", None, {**BEARER, "X-Forwarded-For": "192.0.2.7"}, 403),
        ("/unmute", None, {**BEARER, "Host": "192.0.2.7"}, 403),
        ("/mute", b'{"seconds": 0}', BEARER, 400),
        ("/mute", b"{", BEARER, 400),
        ("/mute", b'{"minutes": 1}', BEARER, 400),
        ("/unmute", b"{}", BEARER, 400),
        ("/reload", b"{}", BEARER, 400),
    ],
)
def test_who_may_and_what_is_understood(
    guarded: DaemonProcess, path: str, body: bytes | None, headers: dict[str, str], status: int
) -> None:
    assert post(guarded.port, path, body, headers)[0] == status
    assert health(guarded.port)["status"] in ("waiting", "ok")


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DaemonProcess]:
    """A daemon with a token that hears only what is sent, for tests that leave it unmuted."""
    state = {
        "KWS_TOKEN": TOKEN,
        "KWS_STATE__FOLDER": str(tmp_path_factory.mktemp("state")),
    }
    with DaemonProcess("--source", "network", environment=state) as daemon:
        yield daemon


@pytest.mark.parametrize("size", [1025, 10**9])
def test_a_long_body_is_not_even_read(guarded: DaemonProcess, size: int) -> None:
    with pytest.raises((http.client.HTTPException, OSError)):
        post(guarded.port, "/mute", b" " * 10, {**BEARER, "Content-Length": str(size)})
    assert health(guarded.port)["muted"] is False


def test_a_stream_of_a_sender_is_muted_too(guarded: DaemonProcess) -> None:
    port = guarded.port
    with subscribe(port, "/audio", additional_headers=BEARER) as sender:
        started = ask(sender, type="start", stream="kitchen", sample_rate=RATE, format="s16le")
        assert started["type"] == "started"
        assert receive(sender)["status"] == "stream-started"
        sender.send(pcm(spoken("yes")))
        assert event(sender)["keyword"] == "yes"
        done(port, "/mute")
        assert event(sender)["status"] == "muted"
        sender.send(pcm(spoken("no")))
        assert sender.ping().wait(limit(TIMEOUT)), "it has come"
        done(port, "/unmute")
        assert event(sender)["status"] == "unmuted"
        sender.send(pcm(spoken("down")))
        assert event(sender)["keyword"] == "down"
        sender.send(json.dumps({"type": "end"}))
        ended = event(sender)
        seconds = sum(len(spoken(each)) for each in ("yes", "no", "down")) / RATE
        assert ended["status"] == "stream-ended"
        assert ended["t"] == pytest.approx(seconds + 1, abs=0.05)


def test_a_pipe_is_refused_and_nothing_of_it_is_lost(start: Start, state: dict[str, str]) -> None:
    daemon = start("--source", "-", environment=state, stdin=subprocess.PIPE)
    daemon.write(bytes(4))
    status, text = post(daemon.port, "/mute")
    assert status == 409
    assert "the source is a stdin, of which nothing is lost" in json.loads(text)["reason"]
    daemon.write(pcm(spoken("yes")))
    daemon.end_input()
    assert daemon.finish() == 0
    assert [each.get("keyword") for each in daemon.all_events()] == ["yes"]


def test_the_commands(guarded: DaemonProcess) -> None:
    url = ("--url", f"http://{HOST}:{guarded.port}")
    token = {"KWS_TOKEN": TOKEN}
    muted = run_kws("mute", "--seconds", "3600", *url, environment=token)
    assert (muted.returncode, json.loads(muted.stdout)["muted"]) == (0, True)
    unmuted = run_kws("unmute", *url, environment=token)
    assert (unmuted.returncode, json.loads(unmuted.stdout)["muted"]) == (0, False)
    without = run_kws("mute", *url)
    assert (without.returncode, without.stdout) == (5, "")
    assert "the daemon wants a token: set KWS_TOKEN or --token-file" in without.stderr
    wrong = run_kws("mute", *url, environment={"KWS_TOKEN": "a guess"})
    assert "the token is wrong" in wrong.stderr
    assert "a guess" not in wrong.stderr
    nobody = run_kws("unmute", "--url", f"http://{HOST}:1")
    assert (nobody.returncode, nobody.stdout) == (5, "")
    assert "is kws running there?" in nobody.stderr
    assert run_kws("mute", "--url", "ws://localhost:8000").returncode == 2
    assert run_kws("mute", "--seconds", "0").returncode == 2


def test_a_real_microphone_is_closed(
    start: Start,
    pulseaudio: Callable[[], PulseAudio],
    state: dict[str, str],
    tmp_path: Path,
) -> None:
    server = pulseaudio()
    daemon = start("--device", "pulse", environment={**server.environment, **state})
    port = daemon.port
    wait_until(lambda: health(port)["status"] == "ok", "sound comes in")
    assert server.listeners() == 1
    done(port, "/mute")
    wait_until(lambda: server.listeners() == 0, "the microphone is closed")
    # A device that is lost meanwhile is nobody's loss.
    server.kill()
    server.start()
    word = tmp_path / "yes.wav"
    soundfile.write(word, spoken("yes"), RATE)
    assert server.play(word).wait(limit(TIMEOUT)) == 0
    assert health(port)["status"] == "muted"
    done(port, "/unmute")
    wait_until(lambda: server.listeners() == 1, "the microphone is open again")
    server.play(DEMO)
    events = daemon.wait_for_lines(lambda lines: any('"detection"' in each for each in lines))
    kinds = [json.loads(each).get("status", "detection") for each in events]
    assert kinds[:3] == ["muted", "unmuted", "detection"]
    assert health(port)["source"]["losses"] == 0
