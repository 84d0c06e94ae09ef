"""A daemon and a broker of MQTT: events arrive, and a broker that fails holds nothing up."""

import json
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.support.client import get, get_json
from tests.support.limits import at_most, wait_until
from tests.support.mosquitto import HOST, Mosquitto, Received, Subscriber, free_port
from tests.support.process import DaemonProcess, run_kws
from tests.support.talker import Talker

SECRET = "open-sesame"


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    """One that lets everybody in."""
    with Mosquitto(tmp_path) as broker:
        yield broker


def settings(url: str, **more: object) -> list[str]:
    """Arguments that switch MQTT on."""
    keys = {"url": url, "id": "test", **more}
    return [
        text
        for key, value in keys.items()
        for text in ("--set", f"integrations.mqtt.{key}={value}")
    ]


def payloads(messages: list[Received]) -> list[dict[str, object]]:
    return [json.loads(each.payload) for each in messages]


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
def test_a_subscriber_gets_the_events_of_the_demo(
    broker: Mosquitto, start: Callable[..., DaemonProcess], protocol: str
) -> None:
    with Subscriber(broker.port) as subscriber:
        arguments = settings(broker.url, protocol=protocol, discovery="true")
        daemon = start("--source", "demo", *arguments)
        port = daemon.port
        messages = subscriber.wait_for_topic("kws/test/demo/detection", 4)
        assert payloads(messages)[:4] == daemon.events(4)
        assert subscriber.on("kws/test/availability")[0].payload == "online"
        (entity,) = subscriber.on("stream_demo/config")
        assert json.loads(entity.payload)["event_types"] == ["yes", "no", "up", "down"]
        (state,) = get_json(port, "/health")["integrations"]
        assert (state["name"], state["peer"], state["connected"]) == ("mqtt", broker.url, True)
        assert state["events"]["delivered"] >= 3
        _, _, metrics = get(port, "/metrics")
        assert 'kws_integration_connected{integration="mqtt"} 1.0' in metrics
        assert 'kws_integration_events_total{integration="mqtt",outcome="delivered"}' in metrics
        assert daemon.stop() == 0
        subscriber.wait_for(lambda all_: all_[-1].payload == "offline", "it says that it goes")


def test_all_events_of_a_recording_arrive(broker: Mosquitto, word: Path) -> None:
    with Subscriber(broker.port) as subscriber:
        done = run_kws(
            *("run", "--source", str(word), "--set", "server.port=0", *settings(broker.url))
        )
        assert done.returncode == 0, done.stderr
        messages = subscriber.wait_for_topic("kws/test/default/detection")
        assert payloads(messages) == [json.loads(each) for each in done.stdout.splitlines()]


def test_without_a_broker_the_daemon_goes_on_and_finds_it_later(
    tmp_path: Path, talk: Callable[..., Talker], stack: ExitStack
) -> None:
    broker = Mosquitto(tmp_path)
    state = {"XDG_STATE_HOME": str(tmp_path)}
    daemon = talk(*settings(broker.url, archive="true"), environment=state)
    port = daemon.port
    (event,) = daemon.say("yes")
    daemon.logged(lambda entry: "nothing listens there" in entry["message"])
    page = get_json(port, "/health")
    assert page["status"] == "ok"
    assert page["integrations"][0]["connected"] is False
    assert "nothing listens there" in page["integrations"][0]["reason"]
    wait_until(lambda: get_json(port, "/health")["integrations"][0]["waiting"] == 1, "it waits")
    # Killed without a chance, and started again with the broker there.
    daemon.stop(signal.SIGKILL)
    assert daemon.log_count("nothing listens there") == 1
    stack.enter_context(broker)
    with Subscriber(broker.port) as subscriber:
        talk(*settings(broker.url, archive="true"), environment=state)
        messages = subscriber.wait_for_topic("kws/test/default/archive")
        assert payloads(messages) == [{**event, "replayed": True}]


def test_a_dead_broker_holds_nothing_up(talk: Callable[..., Talker], stack: ExitStack) -> None:
    dead = stack.enter_context(socket.create_server((HOST, 0)))
    daemon = talk(*settings(f"mqtt://{HOST}:{dead.getsockname()[1]}"))
    port = daemon.port
    assert [each["keyword"] for each in daemon.say("yes", "no")] == ["yes", "no"]
    assert get_json(port, "/health")["integrations"][0]["connected"] is False
    with at_most(5):
        assert daemon.stop() == 0


def test_a_reload_does_not_change_it_and_says_so(
    tmp_path: Path, talk: Callable[..., Talker]
) -> None:
    path = tmp_path / "config.yaml"
    path.write_text("integrations: {}\n")
    daemon = talk("--config", str(path))
    daemon.ready()
    path.write_text(f"integrations: {{mqtt: {{url: 'mqtt://{HOST}:{free_port()}'}}}}\n")
    daemon.process.send_signal(signal.SIGHUP)
    refused = daemon.logged(lambda entry: "reload refused" in entry["message"])
    assert "integrations: cannot change while kws runs; restart it" in refused["message"]


def test_check_shows_it_without_its_password(tmp_path: Path) -> None:
    password = tmp_path / "password"
    password.write_text(SECRET)
    more = {"user": "me", "password_file": str(password)}
    done = run_kws("check", *settings("mqtts://broker.lan", **more))
    assert done.returncode == 0, done.stderr
    assert "integration: mqtt, mqtts://broker.lan:8883, as 'test'" in done.stdout
    assert SECRET not in done.stdout + done.stderr


@pytest.mark.parametrize("command", ["check", "run"])
@pytest.mark.parametrize(
    ("url", "more", "message"),
    [
        (f"mqtt://me:{SECRET}@broker", {}, "leave the user and the password out of it"),
        (
            "mqtt://b",
            {"user": "me", "password_file": "/none"},
            "password file /none: cannot be read",
        ),
        ("mqtt://b", {"protocol": "4"}, "integrations.mqtt.protocol: got 4; allowed: 5, 3.1.1"),
    ],
)
def test_a_mistake_is_said_at_the_start(
    command: str, url: str, more: dict[str, str], message: str
) -> None:
    source = ("--source", "demo", "--set", "server.port=0") if command == "run" else ()
    done = run_kws(command, *source, *settings(url, **more))
    assert done.returncode == 2
    assert message in done.stderr
    assert SECRET not in done.stderr


@pytest.mark.parametrize("remote_unmute", ["false", "true"])
def test_its_switch_mutes_and_unmutes_only_where_others_may(
    broker: Mosquitto, start: Callable[..., DaemonProcess], tmp_path: Path, remote_unmute: str
) -> None:
    with Subscriber(broker.port) as subscriber:
        daemon = start(
            *("--source", "demo", *settings(broker.url, discovery="true")),
            *("--set", f"state.folder={tmp_path}"),
            *("--set", f"server.remote_unmute={remote_unmute}"),
        )
        port = daemon.port

        def is_muted(wanted: bool) -> bool:
            said = subscriber.on("kws/test/mute")[-1].payload == ("ON" if wanted else "OFF")
            return get_json(port, "/health")["muted"] is wanted and said

        subscriber.wait_for_topic("kws/test/mute")
        assert is_muted(False)
        (switch,) = [
            json.loads(each.payload)
            for each in subscriber.messages
            if "/switch/" in each.topic and each.payload
        ]
        subscriber.publish(switch["command_topic"], "ON")
        wait_until(lambda: is_muted(True), "it is muted")
        subscriber.publish(switch["command_topic"], "OFF")
        if remote_unmute == "true":
            wait_until(lambda: is_muted(False), "it is unmuted")
        else:
            daemon.logged(lambda line: "server.remote_unmute" in line["message"])
            assert is_muted(True)
    assert daemon.stop() == 0
