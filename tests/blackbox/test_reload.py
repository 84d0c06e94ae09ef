"""Configuration and model are read again, and nobody notices but by what changed."""

import json
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.client import get, get_json, receive, subscribe
from tests.support.process import DaemonProcess, Message
from tests.support.speech import assert_heard_once, words

TOKEN = "open sesame"
OLD = "audio: {source: demo}\n"
MOMENTS = ("yes", "up", "no")
"""Words right after which everything is read again."""
EXPECTED = words()[:6]

Start = Callable[..., DaemonProcess]


def post(port: int, token: str | None) -> tuple[int, str]:
    """POST /reload: status and body."""
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    status, _, text = get(port, "/reload", headers, "POST")
    return status, text


def demo_config(folder: Path) -> Path:
    """A configuration that changes in the course of a test."""
    path = folder / "config.yaml"
    path.write_text(OLD)
    return path


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return demo_config(tmp_path)


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[DaemonProcess, Path]]:
    """A daemon with a token that tests share, and its configuration: each leaves it as it was."""
    path = demo_config(tmp_path_factory.mktemp("guarded"))
    with DaemonProcess("--config", str(path), environment={"KWS_TOKEN": TOKEN}) as daemon:
        yield daemon, path
        assert daemon.stop() == 0


def test_no_word_is_lost_or_doubled_over_reloads(start: Start, config: Path) -> None:
    daemon = start("--config", str(config))
    daemon.ready()
    with subscribe(daemon.port) as subscriber:
        first = receive(subscriber)["seq"]
        moments, events, detections = list(MOMENTS), list[Message](), list[Message]()
        while len(detections) < len(EXPECTED):
            events.append(receive(subscriber))
            if events[-1]["type"] == "detection":
                detections.append(events[-1])
            if moments and events[-1].get("keyword") == moments[0]:
                moments.pop(0)
                daemon.process.send_signal(signal.SIGHUP)
    assert daemon.stop() == 0
    assert [each["seq"] for each in events] == list(range(first, first + len(events)))
    assert [each.get("status") for each in events].count("reloaded") == len(MOMENTS)
    assert_heard_once(detections, EXPECTED)


def test_sighup_sends_new_thresholds_to_the_same_subscriber(start: Start, config: Path) -> None:
    daemon = start("--config", str(config))
    with subscribe(daemon.port) as subscriber:
        run = receive(subscriber)["run"]
        config.write_text("audio: {source: demo}\nkeywords: {no: {threshold: 0.987}}\n")
        daemon.process.send_signal(signal.SIGHUP)
        told = receive(subscriber)
        while told.get("status") != "reloaded":
            told = receive(subscriber)
    assert told["thresholds"]["no"] == 0.987
    assert told["run"] == run
    assert get_json(daemon.port, "/info")["thresholds"]["no"] == 0.987


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("audio: {source: demo, volume: 11}\n", "volume"),
        ("audio: {source: demo}\nmodel: {path: nowhere.onnx}\n", "nowhere.onnx"),
        ("audio: {source: demo}\nserver: {queue: 7}\n", "cannot change while kws runs"),
        ("audio: {source: microphone}\n", "audio.source: cannot change"),
    ],
)
def test_a_bad_configuration_is_refused_and_the_old_one_stays(
    guarded: tuple[DaemonProcess, Path], text: str, reason: str
) -> None:
    daemon, config = guarded
    port = daemon.port
    config.write_text(text)
    status, body = post(port, TOKEN)
    assert status == 409
    assert reason in json.loads(body)["reason"]

    def refused(entry: Message) -> bool:
        message: str = entry["message"]
        return "reload refused, going on as before" in message and reason in message

    daemon.logged(refused)
    config.write_text(OLD)
    assert post(port, TOKEN)[0] == 200


def test_only_with_the_token(
    guarded: tuple[DaemonProcess, Path], start: Start, config: Path
) -> None:
    daemon, _ = guarded
    open_to_all = start("--config", str(config))
    assert post(daemon.port, None)[0] == 403
    assert post(daemon.port, "guess")[0] == 403
    status, text = post(open_to_all.port, "guess")
    assert status == 403
    assert "server.token_file" in text
