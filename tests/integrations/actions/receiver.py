"""A web server that gets webhooks."""

import threading
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self


class Receiver:
    """Answers with some statuses, one after the other, the last one for ever.

    Args:
        statuses: to answer with; 0: not at all, until the end.

    Attributes:
        requests: path, headers and body of each.
    """

    def __init__(self, statuses: Sequence[int] = (200,)) -> None:
        self.requests: list[tuple[str, dict[str, str], bytes]] = []
        self._ending = threading.Event()
        receiver, waiting = self, list(statuses)

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.requests.append((self.path, dict(self.headers), body))
                status = waiting.pop(0) if len(waiting) > 1 else waiting[0]
                if not status:
                    receiver._ending.wait()
                    return
                self.send_response(status)
                self.send_header("Location", "/elsewhere")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever)

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self._server.server_port}/hook?a=b"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._ending.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
