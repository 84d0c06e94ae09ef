"""Sends a detection to a webhook: a POST with the event as JSON, signed where there is a secret."""

import asyncio
import hashlib
import hmac
import http.client
import ssl
import threading
import time
from contextlib import suppress
from http import HTTPStatus
from importlib.metadata import version
from urllib.parse import urlsplit

from kws.integrations.actions.errors import ActionError
from kws.integrations.actions.rules import Webhook
from kws.protocol.events import Event

TIME_HEADER, SIGNATURE_HEADER = "X-Kws-Time", "X-Kws-Signature"
_TRY_AGAIN = frozenset((HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS))


def signature(secret: str, seconds: int, body: bytes) -> str:
    """HMAC-SHA256 (RFC 2104) of the time, a dot and the body, as "sha256=HEX".

    Args:
        secret: the key.
        seconds: the time of sending, since 1970, as `TIME_HEADER` has it: a receiver refuses what
            is old, so that nobody can send it again.
        body: what is sent.
    """
    signed = f"{seconds}.".encode() + body
    return "sha256=" + hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()


async def send(webhook: Webhook, event: Event, seconds: float) -> None:
    """Send it once.

    Args:
        webhook: where to.
        event: the detection.
        seconds: that it may take.

    Raises:
        ActionError: it cannot be reached, takes too long, or answers with an error.
    """
    post = _Post(webhook, event, seconds)
    try:
        async with asyncio.timeout(seconds):
            status = await asyncio.to_thread(post.run)
    except TimeoutError:
        raise ActionError(f"has not answered within {seconds:g} s", again=True) from None
    except (OSError, http.client.HTTPException) as error:
        reason = f"cannot be reached: {str(error) or type(error).__name__}"
        raise ActionError(reason, again=True) from error
    finally:
        post.abort()
    if not 200 <= status < 300:  # a redirection is not followed: the event is for this address
        again = status >= 500 or status in _TRY_AGAIN
        raise ActionError(f"answered with {status}", again=again)


class _Post:
    """One request, which another thread can abort."""

    def __init__(self, webhook: Webhook, event: Event, seconds: float) -> None:
        self._url = urlsplit(webhook.url)
        self._body = event.to_json().encode()
        now = int(time.time())
        self._headers = {
            "Content-Type": "application/json",
            "User-Agent": f"kws/{version('kws')}",
            "Idempotency-Key": event.id,
        }
        if webhook.secret:
            self._headers[TIME_HEADER] = f"{now}"
            self._headers[SIGNATURE_HEADER] = signature(webhook.secret, now, self._body)
        host = self._url.hostname or ""
        if self._url.scheme == "https":
            context = ssl.create_default_context()
            self._connection: http.client.HTTPConnection = http.client.HTTPSConnection(
                host, self._url.port, timeout=seconds, context=context
            )
        else:
            self._connection = http.client.HTTPConnection(host, self._url.port, timeout=seconds)
        self._lock = threading.Lock()
        self._aborted = False

    def run(self) -> int:
        """The status of the answer. For a thread of its own."""
        path = f"{self._url.path or '/'}{f'?{self._url.query}' if self._url.query else ''}"
        self._connection.connect()
        with self._lock:
            if self._aborted:
                self._connection.close()
                raise ConnectionAbortedError("too late")
        self._connection.request("POST", path, self._body, self._headers)
        return self._connection.getresponse().status

    def abort(self) -> None:
        """End what `run` waits for: a server may answer a byte at a time for ever."""
        with self._lock:
            self._aborted = True
            if (line := self._connection.sock) is not None:
                with suppress(OSError):
                    line.shutdown(2)
            self._connection.close()
