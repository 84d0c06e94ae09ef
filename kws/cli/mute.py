"""`kws mute`: close the microphone of a running daemon."""

import argparse
import math
import os

from kws.cli.options import add_token_argument, default_url
from kws.config.token import find_token
from kws.printing import print_line


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's arguments."""
    parser.add_argument(
        "--seconds",
        type=_seconds,
        metavar="S",
        help="unmute after so long; default: stay muted until `kws unmute`",
    )
    add_daemon_arguments(parser)


def add_daemon_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of every command that makes a request of HTTP."""
    url = default_url("", scheme="http")
    parser.add_argument("--url", default=url, help=f"of the daemon; default: {url}")
    add_token_argument(parser)


def run(options: argparse.Namespace) -> int:
    """Run the command."""
    content = {} if options.seconds is None else {"seconds": options.seconds}
    return post(options, "/mute", content)


def post(options: argparse.Namespace, path: str, content: dict[str, float]) -> int:
    """Post to the daemon, and print what it answers. Raises ServerError."""
    from kws.client.http import Daemon
    from kws.protocol.events import encode

    daemon = Daemon(options.url, find_token(options.token_file, os.environ))
    print_line(encode(daemon.post(path, content or None)))
    return 0


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0 < seconds <= 86_400:
        raise argparse.ArgumentTypeError(f"{text}: should be a number above 0, up to 86400")
    return seconds
