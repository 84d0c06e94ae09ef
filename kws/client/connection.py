"""What goes wrong between a client of ours and a daemon, in words."""

from websockets.exceptions import ConnectionClosed, InvalidStatus, InvalidURI

from kws.errors import ServerError
from kws.protocol.codes import FINAL

_PAUSES_S = (0.5, 1.0, 2.0, 5.0, 10.0)


def pause_after(failures: int) -> float:
    """Seconds to wait before connecting again, after so many attempts in vain."""
    return _PAUSES_S[min(failures, len(_PAUSES_S) - 1)]


def problem(url: str, path: str, error: Exception) -> str:
    """Why a connection could not be made, or ended, where trying again may help.

    Args:
        url: that was asked.
        path: that it should have.
        error: what came of it.

    Raises:
        ServerError: the daemon refuses us, and would again.
    """
    if isinstance(error, ConnectionClosed):
        reason = error.rcvd.reason if error.rcvd else "the connection broke"
        if error.rcvd and error.rcvd.code in FINAL:
            raise ServerError(f"{url}: {reason}") from error
        return f"{url}: {reason}"
    if isinstance(error, InvalidStatus):
        status = error.response.status_code
        if status < 500:
            raise ServerError(
                f"{url}: refused with HTTP {status}; should be ws://HOST:PORT{path}"
            ) from error
        return f"{url}: refused with HTTP {status}"
    if isinstance(error, InvalidURI):
        raise ServerError(f"{url}: should be ws://HOST:PORT{path}") from error
    return f"{url}: {error}; is kws running there?"
