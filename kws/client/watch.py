"""A subscriber of a daemon's events that misses none while connections end and begin."""

import json
import logging
import time
from collections.abc import Sequence
from typing import Any, TextIO

from kws.client.connection import FAILURES, BackOff, Endpoint
from kws.errors import ServerError
from kws.printing import print_line
from kws.protocol.events import encode

log = logging.getLogger(__name__)


class Watcher:
    """Subscribes to events, and after a break requests those that it missed.

    Args:
        endpoint: the daemon's `/events`.
        output: gets a line of JSON for each event.
        keywords: detections of these only; None for all.
        min_confidence: detections of at least this confidence.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        output: TextIO,
        *,
        keywords: Sequence[str] | None = None,
        min_confidence: float = 0.0,
    ) -> None:
        self._endpoint, self._output = endpoint, output
        self._filter: dict[str, Any] = {"min_confidence": min_confidence}
        if keywords is not None:
            self._filter["keywords"] = keywords
        self._run: str | None = None
        self._seq = 0
        self._connected = False

    def watch(self) -> None:
        """Write events until the connection ends.

        Raises:
            ServerError: there was no connection, or the daemon refuses this client.
            OutputError: an event cannot be written.
        """
        reason = self._watch()
        if not self._connected:
            raise ServerError(reason)

    def watch_through_breaks(self) -> None:
        """Write events for ever; connect again whenever the connection ends.

        Raises:
            ServerError: the daemon refuses this client, and would again.
            OutputError: an event cannot be written.
        """
        back_off = BackOff()
        while True:
            reason = self._watch()
            time.sleep(back_off.pause_s(reason, connected=self._connected))

    def _watch(self) -> str:
        """Write events until the connection ends; return why it did.

        Raises:
            ServerError: the daemon refuses this client, and would again.
            OutputError: an event cannot be written.
        """
        self._connected = False
        try:
            with self._endpoint.connect_blocking() as connection:
                again = self._run is not None
                if not again:
                    # At once: a daemon that needs a token waits for it until the first message.
                    connection.send(json.dumps(self._filter))
                hello = json.loads(connection.recv())
                keywords = ", ".join(hello["keywords"])
                after = self._after(hello)
                self._connected = True
                log.info("subscribed to %s: %s", self._endpoint.url, keywords)
                if again:
                    connection.send(json.dumps({**self._filter, "after": after}))
                while True:
                    self._take(connection.recv())
        except (ValueError, KeyError, TypeError) as error:
            raise ServerError(f"{self._endpoint.url}: what answers there is not kws") from error
        except FAILURES as error:
            return self._endpoint.reason(error)

    def _after(self, hello: dict[str, Any]) -> dict[str, Any]:
        """After which event this subscriber may have missed some; of a new one: the last."""
        if self._run is None:
            self._seq = hello["seq"] - 1
        elif self._run != hello["run"]:
            log.warning("the daemon was restarted; the last events of its earlier run are lost")
            self._seq = 0
        self._run = hello["run"]
        return {"run": self._run, "seq": self._seq}

    def _take(self, text: str | bytes) -> None:
        message = json.loads(text)
        if "seq" in message:
            print_line(encode(message), self._output)
            # An event that came before the reply can precede those that are sent again.
            self._seq = max(self._seq, message["seq"])
        elif not message.get("replay", {}).get("complete", True):
            log.warning("more was missed than the daemon keeps")
