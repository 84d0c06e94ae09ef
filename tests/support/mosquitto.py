"""A broker of MQTT as a process, and a client that keeps what it gets."""

import os
import shutil
import signal
import socket
import subprocess
import threading
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pytest
from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from tests.support.limits import TIMEOUT, limit, wait_until, wait_with

HOST = "127.0.0.1"


def need_mosquitto() -> str:
    """The broker's program; skip where there is none, and in CI fail."""
    found = shutil.which("mosquitto", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if found is None:
        reason = "not installed: mosquitto"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    return found


def free_port() -> int:
    """A port that nobody uses now; the broker cannot choose one, and needs it again."""
    with socket.socket() as line:
        line.bind((HOST, 0))
        port: int = line.getsockname()[1]
        return port


class Mosquitto:
    """The broker of Debian on this machine, in the foreground.

    Args:
        folder: for its files.
        lines: of its configuration beside the listener; without any it lets everybody in.
        tls: lines about TLS, of its listener.
    """

    def __init__(self, folder: Path, *lines: str, tls: tuple[str, ...] = ()) -> None:
        self._program = need_mosquitto()
        self.port = free_port()
        self._config = folder / "mosquitto.conf"
        access = lines or ("allow_anonymous true",)
        # Nobody is root for long; with `user` it stays who it is, and may read its files.
        text = (f"listener {self.port} {HOST}", *tls, *access, "persistence false", "user root")
        self._config.write_text("\n".join(text))
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Where it is."""
        return f"mqtt://{HOST}:{self.port}"

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.kill()

    def start(self) -> None:
        """Start it, for the first time or again, and wait until it listens."""
        self._process = subprocess.Popen(
            [self._program, "-c", str(self._config)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        wait_until(self._listens, f"mosquitto listens on {self.port}")

    def kill(self) -> None:
        """Kill it, with all that it knows."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(limit(TIMEOUT))
            self._process = None

    def stand_still(self) -> None:
        """Have it do nothing, while its connections stay."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """Have it work again."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def _listens(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, "mosquitto has ended"
        with suppress(OSError), closing(socket.create_connection((HOST, self.port))):
            return True
        return False


@dataclass(frozen=True)
class Received:
    """A message that came.

    Attributes:
        topic: where.
        payload: what.
        retain: whether the broker had kept it.
        expiry_s: seconds that it had left; None: it does not expire.
    """

    topic: str
    payload: str
    retain: bool
    expiry_s: int | None


class Subscriber:
    """A client of a broker that keeps all messages, and connects again by itself.

    Args:
        port: of the broker.
        topics: filter of what it gets.
        user: and password, if any.
        prepare: does the rest before it connects, as for TLS.
    """

    def __init__(
        self,
        port: int,
        topics: str = "#",
        user: tuple[str, str] | None = None,
        prepare: Callable[[Client], Any] | None = None,
        host: str = HOST,
    ) -> None:
        self._messages: list[Received] = []
        self._changed = threading.Condition()
        self._subscribed, self._disconnected = threading.Event(), threading.Event()
        self._client = Client(
            CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv5, client_id=""
        )
        if user is not None:
            self._client.username_pw_set(*user)
        if prepare is not None:
            prepare(self._client)
        self._topics = topics
        self._client.on_connect = self._on_connect
        self._client.on_subscribe = lambda *_: self._subscribed.set()
        self._client.on_message = self._on_message
        self._client.on_disconnect = lambda *_: self._disconnected.set()
        self._client.reconnect_delay_set(1, 1)
        self._client.connect(host, port)
        self._client.loop_start()
        assert wait_with(self._subscribed.wait), "subscribed"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def _on_connect(self, client: Client, *_: Any) -> None:
        client.subscribe(self._topics, qos=1)

    def _on_message(self, client: Client, data: Any, message: MQTTMessage) -> None:
        expiry = getattr(message.properties, "MessageExpiryInterval", None)
        with self._changed:
            self._messages.append(
                Received(message.topic, message.payload.decode(), message.retain, expiry)
            )
            self._changed.notify_all()

    @property
    def messages(self) -> list[Received]:
        """All so far."""
        with self._changed:
            return list(self._messages)

    def on(self, topic: str) -> list[Received]:
        """Those on topics that end so."""
        return [each for each in self.messages if each.topic.endswith(topic)]

    def wait_for_end(self) -> None:
        """Wait until it has read all that came before the broker's end."""
        assert wait_with(self._disconnected.wait), "disconnected"

    def publish(self, topic: str, payload: str, *, retain: bool = False) -> None:
        """Send a message, and wait until the broker has it."""
        self._client.publish(topic, payload, qos=1, retain=retain).wait_for_publish(limit(TIMEOUT))

    def wait_for(
        self, enough: Callable[[list[Received]], bool], what: str, timeout: float = TIMEOUT
    ) -> list[Received]:
        """All messages, once they are enough."""
        with self._changed:
            found = wait_with(
                lambda seconds: self._changed.wait_for(lambda: enough(self._messages), seconds),
                timeout,
            )
            assert found, f"{what}: {self._messages}"
            return list(self._messages)

    def wait_for_topic(self, topic: str, count: int = 1) -> list[Received]:
        """The messages on topics that end so, once there are so many."""

        def there(messages: list[Received]) -> list[Received]:
            return [each for each in messages if each.topic.endswith(topic)]

        def enough(messages: list[Received]) -> bool:
            return len(there(messages)) >= count

        return there(self.wait_for(enough, f"{count} messages on {topic}"))
