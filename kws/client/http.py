"""Requests of plain HTTP to a daemon."""

import json
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Any
from urllib.parse import urlsplit

from kws.config.token import TOKEN_VARIABLE
from kws.errors import ConfigError, ServerError

_TIMEOUT_S = 10.0
_CONNECTIONS = {"http": HTTPConnection, "https": HTTPSConnection}


@dataclass(frozen=True)
class Daemon:
    """A daemon's plain HTTP.

    Attributes:
        url: where it is, as "http://127.0.0.1:8000"; behind a proxy with its path.
        token: the secret; empty for none. It is in no message.

    Raises:
        ConfigError: the URL is none of HTTP, or the token has characters that no header can carry.
    """

    url: str
    token: str = field(default="", repr=False)

    def __post_init__(self) -> None:
        try:
            parts = urlsplit(self.url)
            known = parts.scheme in _CONNECTIONS and parts.hostname and parts.port != 0
        except ValueError:
            known = False
        if not known:
            raise ConfigError(f"{self.url}: should be http://HOST:PORT")
        if not self.token.isprintable() or any(ord(each) > 0xFF for each in self.token):
            raise ConfigError(
                "the token has characters that an HTTP header cannot carry; choose one of "
                "letters, digits and signs"
            )

    def get(self, path: str) -> Any:
        """The JSON at a path. Raises ServerError."""
        return self._request("GET", path, None)

    def post(self, path: str, content: dict[str, Any] | None = None) -> Any:
        """The JSON that answers a POST, with or without a body. Raises ServerError."""
        return self._request("POST", path, content)

    def _request(self, method: str, path: str, content: dict[str, Any] | None) -> Any:
        """The JSON of a response.

        Raises:
            ServerError: the daemon cannot be reached, refuses, or is none.
        """
        parts = urlsplit(self.url)
        assert parts.hostname is not None
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        body = None if content is None else json.dumps(content)
        connection = _CONNECTIONS[parts.scheme](parts.hostname, parts.port, timeout=_TIMEOUT_S)
        try:
            connection.request(method, parts.path.rstrip("/") + path, body, headers)
            response = connection.getresponse()
            text = response.read().decode()
        except (OSError, HTTPException, UnicodeError) as error:
            reason = str(error) or type(error).__name__
            raise ServerError(f"{self.url}: {reason}; is kws running there?") from error
        finally:
            connection.close()
        if response.status != 200:
            raise ServerError(f"{self.url}: {self._reason(response.status, text)}")
        try:
            return json.loads(text)
        except ValueError as error:
            raise ServerError(f"{self.url}: what answers there is not kws") from error

    def _reason(self, status: int, text: str) -> str:
        if status in (401, 403) and "token" in text and "wrong or missing" in text:
            problem = "the token is wrong" if self.token else "the daemon wants a token"
            return f"{problem}: set {TOKEN_VARIABLE} or --token-file"
        try:
            reason = str(json.loads(text)["reason"])
        except (ValueError, KeyError, TypeError):
            reason = text.strip().split("\n")[0]
        return reason or f"refused with HTTP {status}"
