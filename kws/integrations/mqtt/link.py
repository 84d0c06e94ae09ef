"""One connection to a broker, from the attempt to its end."""

import socket
import struct
import threading
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum
from typing import Any

from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from kws.integrations.mqtt.broker import Broker
from kws.integrations.mqtt.outbox import Message
from kws.typing import Signal

KEEPALIVE_S = 15
"""A line on which nothing comes for one and a half times as long is dead, to both sides."""
_ABORT = struct.pack("ii", 1, 0)
_LOST = "Unspecified error"
_HINTS = {
    "Bad user name or password": "see integrations.mqtt.user and password_file",
    "Not authorized": "see integrations.mqtt.user and password_file",
    "Unsupported protocol version": "set integrations.mqtt.protocol to 3.1.1",
}
"""What to do, by the broker's reason as paho-mqtt writes it."""


class State(Enum):
    """How far a link is."""

    CONNECTING = "connecting"
    CONNECTED = "connected"
    ENDED = "ended"


@dataclass(frozen=True)
class Confirmation:
    """The broker's answer to a message.

    Attributes:
        message: which.
        refused: why it was not taken; empty where it was.
    """

    message: Message
    refused: str


class Link:
    """A connection of paho-mqtt's, with threads of its own, for which nobody ever waits.

    paho-mqtt can connect again by itself, and then sends again what was under way, however old it
    is by then. That must not be: a link ends with its connection, and its owner makes another one.

    Args:
        broker: to connect to.
        will: topic on which the broker says "offline" where the connection breaks.
        wanted: topic of what others ask for; None: there is none.
        signal: set from any thread when something has changed.

    Attributes:
        state: how far it is.
        reason: why it has ended.
    """

    def __init__(self, broker: Broker, will: str, wanted: str | None, signal: Signal) -> None:
        self.state, self.reason = State.CONNECTING, ""
        self._broker, self._wanted, self._signal = broker, wanted, signal
        self._confirmed: deque[tuple[int, str]] = deque()
        self._received: deque[str] = deque(maxlen=16)
        self._sent: dict[int, Message] = {}
        self._client = self._new_client(will)
        threading.Thread(target=self._connect, name="mqtt connect", daemon=True).start()

    def publish(self, message: Message) -> None:
        """Send a message; its confirmation comes later."""
        properties = None
        if self._broker.protocol == 5 and message.expiry_s is not None:
            properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
            properties.MessageExpiryInterval = message.expiry_s
        info = self._client.publish(
            message.topic, message.payload, qos=1, retain=message.retain, properties=properties
        )
        self._sent[info.mid] = message

    def take_confirmed(self) -> list[Confirmation]:
        """What the broker has answered since the last call."""
        answers = []
        while self._confirmed:
            number, refused = self._confirmed.popleft()
            if (message := self._sent.pop(number, None)) is not None:
                answers.append(Confirmation(message, refused))
        return answers

    def take_received(self) -> list[str]:
        """What others have asked for since the last call."""
        return [self._received.popleft() for _ in range(len(self._received))]

    def close(self) -> None:
        """End it in order: the broker says nothing of it."""
        self._end("closed")
        self._let_go()
        self._client.disconnect()

    def abort(self, reason: str) -> None:
        """End it at once, with all that has not left this machine."""
        self._end(reason)
        self._let_go()
        line = self._client.socket()
        if isinstance(line, socket.socket):
            with suppress(OSError):  # it may have been closed meanwhile
                line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _ABORT)
                line.shutdown(socket.SHUT_RDWR)

    def _new_client(self, will: str) -> Client:
        is_5 = self._broker.protocol == 5
        client = Client(
            CallbackAPIVersion.VERSION2,
            client_id=self._broker.client_id,
            clean_session=None if is_5 else True,
            protocol=MQTTProtocolVersion.MQTTv5 if is_5 else MQTTProtocolVersion.MQTTv311,
            reconnect_on_failure=False,
        )
        if self._broker.user:
            client.username_pw_set(self._broker.user, self._broker.password or None)
        if self._broker.tls is not None:
            client.tls_set_context(self._broker.tls)
        client.will_set(will, "offline", qos=1, retain=True)
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_publish = self._on_publish
        client.on_message = self._on_message
        return client

    def _connect(self) -> None:
        try:
            self._client.connect(self._broker.host, self._broker.port, KEEPALIVE_S)
        except Exception as error:  # also those of TLS and of the resolver, which are many
            self._end(_why(error))
            return
        if self.state is State.ENDED:
            self.abort(self.reason)
            return
        self._client.loop_start()

    def _let_go(self) -> None:
        """Know nothing of each other any more, so that its files are closed with its thread."""
        client = self._client
        client.on_connect = client.on_disconnect = client.on_publish = client.on_message = None

    def _end(self, reason: str) -> None:
        if self.state is not State.ENDED:
            self.reason, self.state = reason, State.ENDED
            self._signal.set()

    # What follows is called by paho-mqtt, in its thread.

    def _on_connect(
        self, client: Client, data: Any, flags: ConnectFlags, code: ReasonCode, more: object
    ) -> None:
        if code.is_failure:
            whose = (
                f"user {self._broker.user!r}" if self._broker.user else "a client without a user"
            )
            self._end(f"it refuses {whose}: {_with_hint(code)}")
        elif self.state is State.CONNECTING:
            if self._wanted is not None:
                client.subscribe(self._wanted, qos=1)
            self.state = State.CONNECTED
            self._signal.set()

    def _on_disconnect(
        self, client: Client, data: Any, flags: DisconnectFlags, code: ReasonCode, more: object
    ) -> None:
        lost = str(code) == _LOST
        self._end("the connection was lost" if lost else f"it ended: {_with_hint(code)}")

    def _on_publish(
        self, client: Client, data: Any, number: int, code: ReasonCode, more: object
    ) -> None:
        self._confirmed.append((number, str(code) if code.is_failure else ""))
        self._signal.set()

    def _on_message(self, client: Client, data: Any, message: MQTTMessage) -> None:
        # What the broker has kept was asked for at some other time.
        if not message.retain:
            self._received.append(message.payload.decode(errors="replace"))
            self._signal.set()


def _with_hint(code: ReasonCode) -> str:
    hint = _HINTS.get(str(code))
    return f"{code}; {hint}" if hint else str(code)


def _why(error: Exception) -> str:
    text = str(error) or type(error).__name__
    if isinstance(error, ConnectionRefusedError):
        return "nothing listens there; is the broker running?"
    if isinstance(error, TimeoutError):
        return "it does not answer"
    return text
