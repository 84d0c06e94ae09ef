"""Events reach a real mosquitto, and nothing that it does holds anything up."""

import json
import logging
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import psutil
import pytest

from kws.integrations.mqtt import client as module
from kws.integrations.mqtt.outbox import WINDOW
from kws.protocol.events import AudioLost, StreamEnded, StreamStarted
from tests.support.limits import TIMEOUT, at_most, limit, wait_until
from tests.support.mosquitto import HOST, Mosquitto, Received, Subscriber

from .certificates import Authority
from .daemon import Daemon, Microphone

# paho-mqtt leaves it to Python to close a line on which TLS has failed.
pytestmark = pytest.mark.filterwarnings(
    "ignore:.*ssl.SSLSocket:pytest.PytestUnraisableExceptionWarning"
)


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    """Leaves what a test enters, the last first."""
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def begin(stack: ExitStack) -> Callable[..., Any]:
    """Enters a broker, a subscriber or a daemon that does not outlive the test."""
    return lambda made: stack.enter_context(made)


@pytest.fixture
def broker(tmp_path: Path, begin: Callable[..., Any]) -> Mosquitto:
    """A broker that lets everybody in."""
    started: Mosquitto = begin(Mosquitto(tmp_path))
    return started


def ids(messages: list[Received]) -> list[str]:
    return [json.loads(each.payload)["id"] for each in messages]


@pytest.mark.parametrize("protocol", [5, "3.1.1"])
def test_events_arrive(broker: Mosquitto, begin: Callable[..., Any], protocol: int | str) -> None:
    subscriber = begin(Subscriber(broker.port))
    daemon = begin(Daemon(broker.url, protocol=protocol))
    subscriber.wait_for_topic("kws/test/availability")
    event = daemon.detect()
    lost = daemon.hub.publish(AudioLost("default", 2.0, "unplugged"))
    (detection,) = subscriber.wait_for_topic("kws/test/default/detection")
    assert detection.payload == event.to_json()
    if protocol == 5:
        # The broker subtracts the seconds that it has kept it.
        assert detection.expiry_s is not None
        assert 0 < detection.expiry_s <= 10
    else:
        assert detection.expiry_s is None
    # The first clears what an earlier run may have left.
    status = subscriber.wait_for_topic("kws/test/default/status", 2)[-1]
    assert status.payload == lost.to_json()
    daemon.wait_for_count("delivered", 2)
    assert (daemon.status.connected, daemon.status.reason) == (True, "")
    assert daemon.status.peer == broker.url


def test_who_comes_later_gets_the_state(broker: Mosquitto, begin: Callable[..., Any]) -> None:
    daemon = begin(Daemon(broker.url))
    daemon.wait_for(connected=True)
    lost = daemon.hub.publish(AudioLost("default", 2.0, "unplugged"))
    daemon.hub.publish(StreamStarted("hall", 16_000, 1))
    daemon.hub.publish(StreamEnded("hall", 1.0, "its sender ended it"))
    daemon.detect()
    daemon.wait_for_count("delivered", 4)
    wait_until(lambda: not daemon.mqtt._outbox.under_way, "all is confirmed")
    subscriber = begin(Subscriber(broker.port))
    subscriber.wait_for_topic("kws/test/default/status")
    kept = {each.topic: each.payload for each in subscriber.messages if each.retain}
    assert set(kept) == {f"kws/test/{each}" for each in ("availability", "state", "default/status")}
    assert kept["kws/test/availability"] == "online"
    assert json.loads(kept["kws/test/state"])["keywords"] == ["yes", "no"]
    assert kept["kws/test/default/status"] == lost.to_json()


def test_the_last_events_arrive_and_then_it_is_offline(
    broker: Mosquitto, begin: Callable[..., Any]
) -> None:
    subscriber = begin(Subscriber(broker.port))
    daemon = begin(Daemon(broker.url))
    daemon.wait_for(connected=True)
    events = [daemon.detect() for _ in range(200)]
    assert daemon.stop()
    subscriber.wait_for(lambda all_: all_[-1].payload == "offline", "it says that it goes")
    assert ids(subscriber.on("detection")) == [each.id for each in events]


def test_a_recording_may_end_before_it_is_connected(
    broker: Mosquitto, begin: Callable[..., Any]
) -> None:
    subscriber = begin(Subscriber(broker.port))
    daemon = begin(Daemon(broker.url))
    event = daemon.detect()
    assert daemon.stop()
    assert ids(subscriber.wait_for_topic("detection")) == [event.id]


def test_the_broker_says_offline_where_the_connection_breaks(
    broker: Mosquitto, begin: Callable[..., Any]
) -> None:
    subscriber = begin(Subscriber(broker.port))
    daemon = begin(Daemon(broker.url))
    subscriber.wait_for_topic("availability")
    link = daemon.mqtt._link
    assert link is not None
    link.abort("a test has cut it")
    # ... and it is back by itself.
    messages = subscriber.wait_for_topic("availability", 3)
    assert [each.payload for each in messages] == ["online", "offline", "online"]


def test_two_daemons_of_one_id_are_told_so(
    broker: Mosquitto, begin: Callable[..., Any], caplog: pytest.LogCaptureFixture
) -> None:
    first, second = begin(Daemon(broker.url)), begin(Daemon(broker.url))
    wait_until(lambda: min(each.mqtt._outage._failures for each in (first, second)) >= 3, "a fight")
    said = [each for each in caplog.messages if "another client has the same client id" in each]
    assert len(said) == 2, said


def test_names_of_streams_stay_one_level(broker: Mosquitto, begin: Callable[..., Any]) -> None:
    subscriber = begin(Subscriber(broker.port, "kws/test/+/detection"))
    daemon = begin(Daemon(broker.url))
    names = ["#", "+", "a/b", "küche", "100 %"]
    for name in names:
        daemon.detect(stream=name)
    messages = subscriber.wait_for_topic("detection", len(names))
    assert [json.loads(each.payload)["stream"] for each in messages] == names


def passwords(folder: Path, user: str, password: str) -> tuple[str, str]:
    """Lines of a broker that lets only this user in."""
    file = folder / "passwords"
    command = ["mosquitto_passwd", "-b", "-c", str(file), user, password]
    subprocess.run(command, check=True, capture_output=True)
    return "allow_anonymous false", f"password_file {file}"


@pytest.mark.parametrize("protocol", [5, "3.1.1"])
def test_a_password(
    tmp_path: Path,
    begin: Callable[..., Any],
    caplog: pytest.LogCaptureFixture,
    protocol: int | str,
) -> None:
    caplog.set_level(logging.INFO)
    broker = begin(Mosquitto(tmp_path, *passwords(tmp_path, "kws", "open-sesame")))
    right, wrong = tmp_path / "right", tmp_path / "wrong"
    right.write_text("open-sesame\n")
    wrong.write_text("shut-sesame\n")
    denied = begin(
        Daemon(broker.url, user="kws", password_file=str(wrong), protocol=protocol, client_id="w")
    )
    let_in = begin(Daemon(broker.url, user="kws", password_file=str(right), protocol=protocol))
    let_in.wait_for(connected=True)
    wait_until(lambda: denied.mqtt._outage._failures >= 3, "three attempts")
    refusals = [each for each in caplog.messages if "refuses user 'kws'" in each]
    assert len(refusals) == 1, caplog.text
    assert "integrations.mqtt.user and password_file" in refusals[0]
    assert "refuses user 'kws'" in denied.status.reason
    assert "sesame" not in caplog.text
    assert "sesame" not in repr(denied.status)


def test_tls_with_certificates_of_both_sides(tmp_path: Path, begin: Callable[..., Any]) -> None:
    authority = Authority(tmp_path)
    server, own = authority.sign("server"), authority.sign("kws")
    tls = (
        f"cafile {authority.own.file}",
        f"certfile {server.file}",
        f"keyfile {server.key}",
        "require_certificate true",
    )
    broker = begin(Mosquitto(tmp_path, tls=tls))
    url = broker.url.replace("mqtt://", "mqtts://")
    ca, certificate, key = map(str, (authority.own.file, own.file, own.key))
    subscriber = begin(
        Subscriber(broker.port, prepare=lambda client: client.tls_set(ca, certificate, key))
    )
    daemon = begin(Daemon(url, ca_file=ca, certificate_file=certificate, key_file=key))
    event = daemon.detect()
    assert ids(subscriber.wait_for_topic("detection")) == [event.id]
    # Without a certificate of its own, with an authority that is not the broker's, or without TLS.
    strangers = [Daemon(url, ca_file=ca, client_id="a"), Daemon(url, client_id="b")]
    strangers.append(Daemon(broker.url, client_id="c"))
    for stranger in strangers:
        begin(stranger)
    wait_until(lambda: all(each.status.reason for each in strangers), "they are refused")
    assert not any(each.status.connected for each in strangers)
    assert "certificate verify failed" in strangers[1].status.reason


def test_a_certificate_of_another_host_is_refused(
    tmp_path: Path, begin: Callable[..., Any]
) -> None:
    authority = Authority(tmp_path)
    server = authority.sign("server", "192.0.2.1")
    tls = (f"cafile {authority.own.file}", f"certfile {server.file}", f"keyfile {server.key}")
    broker = begin(Mosquitto(tmp_path, tls=tls))
    url = broker.url.replace("mqtt://", "mqtts://")
    daemon = begin(Daemon(url, ca_file=str(authority.own.file)))
    wait_until(lambda: daemon.status.reason != "", "it is refused")
    assert "certificate verify failed" in daemon.status.reason


class Load:
    """Detections without end, 200 a second.

    Args:
        daemon: whose.

    Attributes:
        told: ids of the events.
    """

    def __init__(self, daemon: Daemon) -> None:
        self.told: list[str] = []
        self._daemon, self._stopping = daemon, threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> "Load":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._thread.join(limit(TIMEOUT))

    def more(self, count: int) -> None:
        """Wait for so many more."""
        wanted = len(self.told) + count
        wait_until(lambda: len(self.told) >= wanted, f"{count} more events")

    def _run(self) -> None:
        while not self._stopping.wait(0.005):
            self.told.append(self._daemon.detect().id)


def test_a_broker_that_is_killed_under_load(
    broker: Mosquitto,
    begin: Callable[..., Any],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    caplog.set_level(logging.INFO)
    # After two attempts it waits until the test has another subscriber, which is there before it.
    monkeypatch.setattr("kws.integrations.outage.PAUSES_S", (0.2, 0.2, 3_600.0))
    daemon = begin(Daemon(broker.url, tmp_path, expire_s=1.0))
    with Load(daemon) as load:
        with Subscriber(broker.port) as before:
            before.wait_for_topic("archive", 50)
            broker.kill()
            killed = len(load.told)
            before.wait_for_end()
        wait_until(lambda: daemon.mqtt._outage._failures == 3, "two attempts have failed")
        load.more(400)
        broker.start()
        after = begin(Subscriber(broker.port))
        daemon.mqtt._next_attempt = 0.0
        daemon.wait_for(connected=True)
        load.more(100)
    told = load.told
    wait_until(lambda: daemon.status.waiting == 0, "the archive is empty")
    assert daemon.stop()
    after.wait_for(lambda all_: all_[-1].payload == "offline", "its end")
    archived = ids([*before.on("archive"), *after.on("archive")])
    # A broker that is killed takes with it what it has confirmed and not yet handed on.
    lost_in_broker = [each for each in told[:killed] if each not in set(archived)]
    assert set(told[killed:]) <= set(archived)
    assert len(lost_in_broker) <= WINDOW
    counts = daemon.status.events
    assert counts["missed"] == counts["lost"] == 0
    assert counts["archived"] == len(told)
    assert counts["delivered"] + counts["expired"] == len(told)
    replayed = [each for each in after.on("archive") if json.loads(each.payload).get("replayed")]
    assert len(replayed) >= counts["expired"] >= 100
    live = ids([*before.on("detection"), *after.on("detection")])
    # Only what was under way when it was killed may come twice.
    doubles = [len(each) - len(set(each)) for each in (archived, live)]
    assert max(doubles) <= WINDOW
    said = [each for each in caplog.messages if "kws goes on" in each]
    assert 1 <= len(said) <= 2, said
    print(
        f"broker killed under load: {len(told)} events, {len(set(archived))} on the archive topic "
        f"({len(lost_in_broker)} lost in the broker, {doubles[0]} doubles, {len(replayed)} "
        f"replayed), {len(set(live))} live, {counts['expired']} expired"
    )


def test_a_broker_that_restarts_is_found_at_once(
    broker: Mosquitto, begin: Callable[..., Any]
) -> None:
    daemon = begin(Daemon(broker.url))
    daemon.wait_for(connected=True)
    begun = time.monotonic()
    broker.kill()
    broker.start()
    daemon.wait_for(connected=False)
    daemon.wait_for(connected=True)
    seconds = time.monotonic() - begun
    print(f"connected again {seconds:.1f} s after the broker was killed and started")
    assert seconds < limit(5)


def test_the_archive_survives_the_end_of_the_daemon(
    tmp_path: Path, begin: Callable[..., Any]
) -> None:
    broker = Mosquitto(tmp_path)
    with Daemon(broker.url, tmp_path, run="first") as daemon:
        events = [daemon.detect() for _ in range(100)]
        wait_until(lambda: daemon.status.waiting == 100, "they wait")
        wait_until(lambda: daemon.status.reason != "", "it has tried")
    begin(broker)
    subscriber = begin(Subscriber(broker.port))
    daemon = begin(Daemon(broker.url, tmp_path, run="second"))
    daemon.wait_for_count("archived", 100)
    messages = subscriber.wait_for_topic("archive", 100)
    assert ids(messages) == [each.id for each in events]
    assert all(json.loads(each.payload)["replayed"] is True for each in messages)
    assert subscriber.on("detection") == []


def test_what_is_too_old_is_not_delivered(broker: Mosquitto, begin: Callable[..., Any]) -> None:
    subscriber = begin(Subscriber(broker.port))
    daemon = begin(Daemon(broker.url, expire_s=1.0))
    daemon.wait_for(connected=True)
    broker.kill()
    daemon.wait_for(connected=False)
    for _ in range(3):
        daemon.detect()
    # It is counted without a connection too.
    daemon.wait_for_count("expired", 3)
    broker.start()
    daemon.wait_for(connected=True)
    event = daemon.detect()
    daemon.wait_for_count("delivered", 1)
    subscriber = begin(Subscriber(broker.port))
    later = daemon.detect()
    assert ids(subscriber.wait_for_topic("detection")) == [later.id]
    daemon.wait_for_count("delivered", 2)
    assert daemon.status.events["expired"] == 3
    assert event.id != later.id


def test_a_broker_that_stands_still_gets_nothing_late(
    broker: Mosquitto,
    begin: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "CONFIRM_S", 0.5)
    monkeypatch.setattr(module, "CONNECT_S", 0.5)
    subscriber = begin(Subscriber(broker.port))
    daemon = begin(Daemon(broker.url, expire_s=1.0))
    daemon.wait_for(connected=True)
    broker.stand_still()
    events = [daemon.detect() for _ in range(100)]
    daemon.wait_for(connected=False)
    assert "does not confirm" in daemon.status.reason
    daemon.wait_for_count("expired", 100)
    broker.go_on()
    daemon.wait_for(connected=True)
    last = daemon.detect()
    messages = subscriber.wait_for(
        lambda all_: any(f'"{last.id}"' in each.payload for each in all_), "the newest"
    )
    came = [each for each in messages if each.topic.endswith("detection")]
    # Only what the broker had in its hands before it stood still, never what came after.
    assert len(came) - 1 <= WINDOW
    assert daemon.status.events["expired"] == len(events)


class DeadBroker:
    """Accepts connections, and never says a word."""

    def __init__(self) -> None:
        self._line = socket.create_server((HOST, 0))

    @property
    def url(self) -> str:
        """Where it is."""
        return f"mqtt://{HOST}:{self._line.getsockname()[1]}"

    def __enter__(self) -> "DeadBroker":
        return self

    def __exit__(self, *_: object) -> None:
        self._line.close()


@pytest.mark.parametrize("scheme", ["mqtt", "mqtts"])
def test_a_dead_broker_holds_nothing_up(begin: Callable[..., Any], scheme: str) -> None:
    dead = begin(DeadBroker())
    daemon = begin(Daemon(dead.url.replace("mqtt", scheme)))
    with at_most(1.0):
        for _ in range(5_000):
            daemon.detect()
    wait_until(lambda: daemon.status.events["missed"] > 0, "they are counted")
    with at_most(1.0):
        daemon.stop(0.2)


def test_a_dead_broker_is_given_up(
    begin: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "CONNECT_S", 0.2)
    daemon = begin(Daemon(begin(DeadBroker()).url))
    wait_until(lambda: daemon.status.reason == "it does not answer", "it is given up")


def test_nothing_is_left_open(broker: Mosquitto, begin: Callable[..., Any]) -> None:
    def files() -> int:
        return psutil.Process().num_fds()

    before = files()
    for _ in range(3):
        with Daemon(broker.url) as daemon:
            daemon.wait_for(connected=True)
            daemon.stop()
    wait_until(lambda: files() <= before, "all files are closed")


def test_a_switch_mutes(broker: Mosquitto, begin: Callable[..., Any]) -> None:
    microphone = Microphone()
    subscriber = begin(Subscriber(broker.port))
    # What was asked for at some other time is not meant.
    subscriber.publish("kws/test/mute/set", "ON", retain=True)
    begin(Daemon(broker.url, muting=microphone))
    assert subscriber.wait_for_topic("test/mute")[0].payload == "OFF"
    subscriber.publish("kws/test/mute/set", "ON")
    assert subscriber.wait_for_topic("test/mute", 2)[-1].payload == "ON"
    subscriber.publish("kws/test/mute/set", "OFF")
    assert subscriber.wait_for_topic("test/mute", 3)[-1].payload == "OFF"


def test_what_this_user_may_not_publish_is_counted_and_said_once(
    tmp_path: Path, begin: Callable[..., Any], caplog: pytest.LogCaptureFixture
) -> None:
    rights = tmp_path / "acl"
    rights.write_text("topic read #\ntopic write kws/test/availability\n")
    broker = begin(Mosquitto(tmp_path, "allow_anonymous true", f"acl_file {rights}"))
    daemon = begin(Daemon(broker.url))
    daemon.wait_for(connected=True)
    for _ in range(3):
        daemon.detect()
    daemon.wait_for_count("refused", 3)
    assert caplog.text.count("does not take messages") == 1
