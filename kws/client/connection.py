"""The connection of a client to a daemon: its URL and token, why it ends, when to try again."""

import logging
from dataclasses import dataclass, field
from typing import Any

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus, InvalidURI
from websockets.sync.client import ClientConnection as BlockingConnection
from websockets.sync.client import connect as connect_blocking
from websockets.uri import parse_uri

from kws.config.token import TOKEN_VARIABLE
from kws.errors import ConfigError, ServerError
from kws.protocol.codes import FINAL, WRONG_TOKEN

log = logging.getLogger(__name__)

_PAUSES_S = (0.5, 1.0, 2.0, 5.0, 10.0)
FAILURES = (ConnectionClosed, InvalidHandshake, InvalidURI, OSError)
"""What a connection that cannot be made, or that ends, raises."""


@dataclass(frozen=True)
class Endpoint:
    """One websocket of a daemon.

    Attributes:
        url: where it is, as "ws://127.0.0.1:8000/events".
        path: the path that the URL should have, for messages.
        token: the secret, sent as a bearer token (RFC 6750); empty for none. It is in no message.

    Raises:
        ConfigError: the URL is none of a websocket, or the token has characters that no HTTP header
            can carry.
    """

    url: str
    path: str
    token: str = field(default="", repr=False)

    def __post_init__(self) -> None:
        try:
            parse_uri(self.url)
        except (InvalidURI, ValueError) as error:
            raise ConfigError(self._wanted()) from error
        if not self.token.isprintable() or any(ord(each) > 0xFF for each in self.token):
            raise ConfigError(
                "the token has characters that an HTTP header cannot carry; choose one of "
                "letters, digits and signs"
            )

    def connect(self) -> connect:
        """Connect, as an asynchronous context manager; raises one of `FAILURES`."""
        return connect(self.url, **self._options())

    def connect_blocking(self) -> BlockingConnection:
        """Connect, as a context manager; raises one of `FAILURES`."""
        connection: BlockingConnection = connect_blocking(self.url, **self._options())
        return connection

    def reason(self, error: Exception) -> str:
        """Why a connection could not be made, or ended, where trying again may help.

        Args:
            error: one of `FAILURES`.

        Raises:
            ServerError: the daemon refuses this client, and would again.
        """
        if isinstance(error, ConnectionClosed):
            reason = error.rcvd.reason if error.rcvd else "the connection broke"
            if error.rcvd and error.rcvd.code == WRONG_TOKEN:
                problem = "the token is wrong" if self.token else "the daemon wants a token"
                raise ServerError(
                    f"{self.url}: {problem}: set {TOKEN_VARIABLE} or --token-file"
                ) from error
            if error.rcvd and error.rcvd.code in FINAL:
                raise ServerError(f"{self.url}: {reason}") from error
            return f"{self.url}: {reason}"
        if isinstance(error, InvalidStatus):
            status = error.response.status_code
            if status < 500:
                raise ServerError(self._wanted(f"refused with HTTP {status}; ")) from error
            return f"{self.url}: refused with HTTP {status}"
        if isinstance(error, InvalidURI):
            raise ServerError(self._wanted()) from error
        return f"{self.url}: {error}; is kws running there?"

    def _wanted(self, problem: str = "") -> str:
        return f"{self.url}: {problem}should be ws://HOST:PORT{self.path}"

    def _options(self) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        return {"additional_headers": headers, "compression": None, "proxy": None}


class BackOff:
    """Pauses between attempts to connect: longer with each in a row that failed."""

    def __init__(self) -> None:
        self._failures = 0

    def pause_s(self, reason: str, *, connected: bool) -> float:
        """Seconds to wait before the next attempt; logged.

        Args:
            reason: why there is no connection.
            connected: whether there was one since the last call.
        """
        self._failures = 0 if connected else self._failures + 1
        pause = _PAUSES_S[min(self._failures, len(_PAUSES_S) - 1)]
        log.warning("%s; trying again in %g s", reason, pause)
        return pause
