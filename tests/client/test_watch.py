"""A subscriber of a daemon's events: when it ends, and what it sends first."""

import errno
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Thread

import pytest
from websockets.sync.server import ServerConnection, serve

from kws.client.connection import Endpoint
from kws.client.listen import Listener
from kws.client.watch import Watcher
from kws.errors import OutputError, ServerError
from kws.protocol.codes import WRONG_TOKEN
from tests.support.limits import TIMEOUT, limit
from tests.support.outputs import FailingOutput

HELLO = {"type": "hello", "run": "r", "seq": 1, "keywords": ["yes"]}
EVENT = {"type": "detection", "run": "r", "seq": 1, "keyword": "yes"}


@contextmanager
def serving(handle: Callable[[ServerConnection], None]) -> Iterator[Endpoint]:
    """A daemon's `/events`, as far as a watcher needs it."""
    with serve(handle, "127.0.0.1", 0) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            port = server.socket.getsockname()[1]
            yield Endpoint(f"ws://127.0.0.1:{port}/events", "/events")
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "^standard output: No space left"),
        (BrokenPipeError(errno.EPIPE, "Broken pipe"), "^standard output: Broken pipe$"),
    ],
)
def test_an_output_that_cannot_be_written_is_no_lost_connection(
    error: OSError, message: str
) -> None:
    connections = []

    def handle(connection: ServerConnection) -> None:
        connections.append(connection)
        connection.send(json.dumps(HELLO))
        connection.send(json.dumps(EVENT))
        connection.recv(limit(TIMEOUT))

    with serving(handle) as endpoint, pytest.raises(OutputError, match=message):
        Watcher(Listener(endpoint), FailingOutput(error)).watch_through_breaks()
    assert len(connections) == 1


def test_a_daemon_that_waits_for_a_token_is_not_waited_for() -> None:
    def handle(connection: ServerConnection) -> None:
        # As a daemon does whose client brought no token: the first message may hold it.
        first = json.loads(connection.recv(limit(TIMEOUT)))
        assert first == {"keywords": ["yes"], "min_confidence": 0.5}
        connection.close(WRONG_TOKEN, "the token is wrong, or missing in the first message")

    with serving(handle) as endpoint:
        watcher = Watcher(Listener(endpoint, keywords=["yes"], min_confidence=0.5), sys.stdout)
        with pytest.raises(ServerError, match="the daemon wants a token: set KWS_TOKEN"):
            watcher.watch_through_breaks()
