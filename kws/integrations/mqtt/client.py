"""The integration: a thread between the daemon's events and a broker."""

import asyncio
import logging
import threading
from dataclasses import asdict
from importlib.metadata import version
from typing import TYPE_CHECKING

from kws.config.schema import MqttConfig
from kws.engine.waiting import LoopEvent
from kws.integrations.inbox import Inbox
from kws.integrations.mqtt.archive import Archive
from kws.integrations.mqtt.broker import Broker, daemon_id
from kws.integrations.mqtt.discovery import Discovery
from kws.integrations.mqtt.mute_switch import MuteSwitch
from kws.integrations.mqtt.outbox import Outbox
from kws.integrations.mqtt.presence import Presence
from kws.integrations.mqtt.topics import Topics
from kws.integrations.outage import STEADY_S, Outage
from kws.serving.description import Description
from kws.serving.hub import Hub
from kws.typing import Clock, IntegrationStatus, Muting

if TYPE_CHECKING:
    from kws.integrations.mqtt.link import Link

log = logging.getLogger(__name__)

CONNECT_S, CONFIRM_S = 10.0, 5.0
"""The broker may take so long to let kws in, and to confirm a message."""
_TICK_S = 1.0
_SAME_ID = (
    "where that goes on, another client has the same client id: give each daemon an "
    "integrations.mqtt.id of its own"
)


class Mqtt:
    """Events to a broker of MQTT.

    All of it happens in one thread, which waits for nothing but news: of the hub, of the
    connection, or of the time.

    Args:
        config: its settings.
        broker: to connect to.
        hub: whose events.
        description: of the daemon.
        archive: keeps events while the broker is away; None: there is none.
        muting: of the daemon; None: it cannot mute.
        clock: seconds, monotonic.
    """

    def __init__(
        self,
        config: MqttConfig,
        broker: Broker,
        *,
        hub: Hub,
        description: Description,
        archive: Archive | None,
        muting: Muting | None,
        clock: Clock,
    ) -> None:
        self._broker, self._clock = broker, clock
        self._description, self._archive, self._muting = description, archive, muting
        self._woken = threading.Event()
        self._inbox = Inbox(hub, self._woken, clock)
        topics = Topics(config.topic, daemon_id(config))
        self._topics = topics
        self._outbox = Outbox(topics, config.expire_s, clock, archive)
        release, prefix = version("kws"), config.discovery_prefix
        discovery = Discovery(prefix, topics, release) if config.discovery else None
        self._presence = Presence(topics, self._outbox, discovery, release)
        self._outage = Outage("mqtt", broker.peer, clock)
        self._switch: MuteSwitch | None = None
        self._link: Link | None = None
        self._link_since = self._next_attempt = self._confirmed_at = 0.0
        self._connected, self._reason = False, ""
        self._refusals = set[str]()
        self._stopping = False
        self._finished: LoopEvent | None = None

    def status(self) -> IntegrationStatus:
        """How it is now."""
        counts = asdict(self._outbox.counts)
        counts["missed"] += self._inbox.missed
        waiting = self._outbox.waiting
        if self._archive is None:
            del counts["archived"], counts["replayed"]
        else:
            counts["lost"], waiting = self._archive.lost, self._archive.waiting
        reason = "" if self._connected else self._reason
        return IntegrationStatus(
            "mqtt", self._broker.peer, self._connected, reason, counts, waiting
        )

    async def start(self) -> None:
        """Begin to connect."""
        finished = self._finished = LoopEvent()
        if self._muting is not None:
            self._switch = MuteSwitch(self._muting, asyncio.get_running_loop())
        self._presence.begin(self._description.hello(0), mutes=self._switch is not None)

        def run() -> None:
            try:
                self._run()
            except Exception:
                log.exception(
                    "mqtt: it has failed, and is off until kws restarts; please report it"
                )
                self._connected, self._reason = False, "it has failed; see the log"
            finally:
                finished.set()

        threading.Thread(target=run, name="mqtt", daemon=True).start()

    async def stop(self) -> None:
        """End, with the last events, where the broker takes them."""
        if self._finished is None:
            return
        self._stopping = True
        self._woken.set()
        await self._finished.wait()

    def _run(self) -> None:
        if self._archive is not None:
            self._archive.open()
        try:
            while not self._is_over():
                self._woken.wait(self._pause_s())
                self._woken.clear()
                self._take_events()
                if self._stopping and self._outbox.idle:
                    self._presence.leave()
                self._tend_link()
                self._outbox.drop_expired()
            if self._link is not None:
                self._link.close()
        finally:
            self._link, self._connected = None, False
            if self._archive is not None:
                self._archive.close()

    def _pause_s(self) -> float:
        """How long to wait where there is no news."""
        if self._link is not None:
            return _TICK_S
        return min(_TICK_S, max(0.0, self._next_attempt - self._clock()))

    def _is_over(self) -> bool:
        """Whether there is nothing left to be done for a stop."""
        if not self._stopping:
            return False
        if not self._connected:
            # A recording may be shorter than it takes to connect.
            return self._link is None and self._reason != ""
        return self._presence.has_left and self._outbox.idle

    def _take_events(self) -> None:
        for arrival in self._inbox.take():
            self._outbox.add(arrival)
            self._presence.follow(arrival.event.body)
        if self._switch is not None:
            self._outbox.set_state(self._topics.mute, self._switch.state)

    def _tend_link(self) -> None:
        from kws.integrations.mqtt.link import Link, State

        now = self._clock()
        if self._link is None:
            if now >= self._next_attempt:
                wanted = None if self._switch is None else self._topics.set_mute
                self._link_since = now
                self._link = Link(self._broker, self._topics.availability, wanted, self._woken)
            return
        link = self._link
        for answer in link.take_confirmed():
            self._confirmed_at = now
            if answer.refused:
                self._tell_refusal(answer.message.topic, answer.refused)
            self._outbox.confirmed(answer.message, refused=bool(answer.refused))
        if link.state is State.CONNECTING and now - self._link_since > CONNECT_S:
            link.abort("it does not answer")
        if link.state is State.CONNECTED:
            if not self._connected:
                self._begin(now)
            self._send(link, now)
        if link.state is State.ENDED:
            link.abort(link.reason)
            self._end(link.reason, now)

    def _begin(self, now: float) -> None:
        self._connected, self._confirmed_at = True, now
        self._outbox.begin()
        self._outage.over()

    def _end(self, reason: str, now: float) -> None:
        if self._connected and now - self._link_since < STEADY_S:
            # Brokers end the older of two connections of one id, and few of them say why.
            reason = f"{reason}, just after it was made; {_SAME_ID}"
        self._reason, self._connected, self._link = reason, False, None
        self._outbox.end()
        self._next_attempt = now + self._outage.failed(reason)

    def _send(self, link: "Link", now: float) -> None:
        if self._switch is not None:
            for wish in link.take_received():
                self._switch.ask(wish)
        if not self._outbox.under_way:
            self._confirmed_at = now
        elif now - self._confirmed_at > CONFIRM_S:
            link.abort("it takes messages and does not confirm them")
            return
        while (message := self._outbox.next()) is not None:
            link.publish(message)

    def _tell_refusal(self, topic: str, why: str) -> None:
        if why not in self._refusals:
            log.warning("mqtt: the broker does not take messages on %s: %s", topic, why)
            self._refusals.add(why)
