"""What the broker keeps for who comes later: that the daemon is there, and what it listens for."""

import logging

from kws.integrations.mqtt.discovery import Discovery
from kws.integrations.mqtt.outbox import Outbox
from kws.integrations.mqtt.topics import Topics
from kws.protocol.events import VERSION, Body, Reloaded, StreamStarted, encode
from kws.protocol.replies import Hello

log = logging.getLogger(__name__)

ONLINE, OFFLINE = "online", "offline"
_MOST_STREAMS = 100
"""Streams that become entities: senders choose names, and what is retained stays for ever."""


class Presence:
    """Keeps the states of a daemon in its outbox as they are.

    Args:
        topics: of the daemon.
        outbox: sends them.
        discovery: of Home Assistant; None: it is off.
        version: of kws.

    Attributes:
        has_left: whether it is about to go.
    """

    def __init__(
        self, topics: Topics, outbox: Outbox, discovery: Discovery | None, version: str
    ) -> None:
        self._topics, self._outbox, self._discovery = topics, outbox, discovery
        self._version = version
        self._keywords: tuple[str, ...] = ()
        self._streams: dict[str, None] = {}
        self._full = self.has_left = False

    def begin(self, hello: Hello, *, mutes: bool) -> None:
        """It is there.

        Args:
            hello: what the daemon is.
            mutes: whether it can be muted.
        """
        self._outbox.set_state(self._topics.availability, ONLINE)
        if self._discovery is not None:
            self._discover(self._discovery.of_all(mutes=mutes))
        self._change(hello.model, hello.keywords, hello.thresholds)
        for source in hello.sources:
            # What an earlier run has left says nothing of this one.
            self._outbox.forget(self._topics.status(source.stream))
            # Without a source of its own the daemon has a name for it, and no sound.
            if source.kind != "network":
                self._show(source.stream)

    def follow(self, body: Body) -> None:
        """Something has happened."""
        match body:
            case Reloaded():
                self._change(body.model, body.keywords, body.thresholds)
            case StreamStarted():
                self._show(body.stream)

    def leave(self) -> None:
        """It is about to go."""
        self.has_left = True
        self._outbox.set_state(self._topics.availability, OFFLINE)

    def _change(self, model: str, keywords: tuple[str, ...], thresholds: dict[str, float]) -> None:
        state = {
            "v": VERSION,
            "version": self._version,
            "model": model,
            "keywords": keywords,
            "thresholds": thresholds,
        }
        self._outbox.set_state(self._topics.state, encode(state))
        gone = set(self._keywords) - set(keywords)
        self._keywords = keywords
        if self._discovery is not None:
            for topic in self._discovery.of_keywords(gone):
                self._outbox.set_state(topic, "")
            self._discover(self._discovery.of_keywords(keywords))
            for stream in self._streams:
                self._discover(self._discovery.of_stream(stream, keywords))

    def _show(self, stream: str) -> None:
        if self._discovery is None or stream in self._streams:
            return
        if len(self._streams) >= _MOST_STREAMS:
            if not self._full:
                log.warning(
                    "mqtt: %d streams have become entities of Home Assistant; further ones do not",
                    _MOST_STREAMS,
                )
            self._full = True
            return
        self._streams[stream] = None
        self._discover(self._discovery.of_stream(stream, self._keywords))

    def _discover(self, entities: dict[str, dict[str, object]]) -> None:
        for topic, config in entities.items():
            self._outbox.set_state(topic, encode(config))
