"""`kws watch`: subscribe to a running daemon and print its events."""

import argparse
import json
import logging
import os
import time
from pathlib import Path
from typing import Any

from kws.config.token import find_token
from kws.errors import ServerError

log = logging.getLogger(__name__)

DEFAULT_URL = "ws://127.0.0.1:8000/events"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's arguments."""
    parser.add_argument("url", nargs="?", default=DEFAULT_URL, help=f"default: {DEFAULT_URL}")
    parser.add_argument(
        "--keyword",
        dest="keywords",
        action="append",
        metavar="WORD",
        help="print detections of this keyword only; may be repeated",
    )
    parser.add_argument(
        "--min-confidence", type=float, default=0.0, metavar="P", help="0 to 1; default: 0"
    )
    parser.add_argument(
        "--token-file", type=Path, metavar="FILE", help="the daemon's token; or KWS_TOKEN"
    )
    parser.add_argument(
        "--once", action="store_true", help="end when the daemon does, instead of trying again"
    )


def run(options: argparse.Namespace) -> int:
    """Run the command: print until interrupted, and catch up after each break."""
    from kws.client.connection import pause_after

    watcher = _Watcher(options)
    failures = 0
    while True:
        problem = watcher.watch()
        if options.once:
            if not watcher.connected:
                raise ServerError(problem)
            return 0
        failures = 0 if watcher.connected else failures + 1
        pause = pause_after(failures)
        log.warning("%s; trying again in %g s", problem, pause)
        time.sleep(pause)


class _Watcher:
    """What has to be remembered from one connection to the next."""

    def __init__(self, options: argparse.Namespace) -> None:
        self._url: str = options.url
        self._filter = {"keywords": options.keywords, "min_confidence": options.min_confidence}
        self._token = find_token(options.token_file, os.environ)
        self._run: str | None = None
        self._seq = 0
        self.connected = False

    def watch(self) -> str:
        """Print events until the connection ends, and say why it did.

        Raises:
            ServerError: the daemon refuses us, and would again.
        """
        from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidURI
        from websockets.sync.client import connect

        from kws.client.connection import problem

        self.connected = False
        headers = {"Authorization": f"Bearer {self._token}"} if self._token else {}
        try:
            with connect(
                self._url, additional_headers=headers, compression=None, proxy=None
            ) as connection:
                hello = json.loads(connection.recv())
                self.connected = True
                log.info("subscribed to %s: %s", self._url, ", ".join(hello["keywords"]))
                connection.send(json.dumps(self._request(hello)))
                while True:
                    self._take(connection.recv())
        except (ValueError, KeyError, TypeError) as error:
            raise ServerError(f"{self._url}: what answers there is not kws") from error
        except BrokenPipeError:
            raise  # nobody reads our output any more
        except (ConnectionClosed, InvalidHandshake, InvalidURI, OSError) as error:
            return problem(self._url, "/events", error)

    def _request(self, hello: dict[str, Any]) -> dict[str, Any]:
        """Our filter, and what we missed since the last connection."""
        request = {name: value for name, value in self._filter.items() if value is not None}
        if self._run is None:
            self._seq = hello["seq"] - 1
        elif self._run != hello["run"]:
            log.warning("the daemon was started anew; what its last run said meanwhile is lost")
            self._seq = 0
            request["after"] = {"run": hello["run"], "seq": 0}
        else:
            request["after"] = {"run": self._run, "seq": self._seq}
        self._run = hello["run"]
        return request

    def _take(self, text: str | bytes) -> None:
        message = json.loads(text)
        if "seq" in message:
            print(text if isinstance(text, str) else text.decode(), flush=True)
            # What came while we were joining can precede what is sent again.
            self._seq = max(self._seq, message["seq"])
        elif not message.get("replay", {}).get("complete", True):
            log.warning("more was missed than the daemon keeps")
