"""`kws watch`: subscribe to a running daemon and print its events."""

import argparse
import os
import sys

from kws.cli.options import add_token_argument, default_url
from kws.config.token import find_token
from kws.protocol.codes import EVENTS_PATH


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's arguments."""
    url = default_url(EVENTS_PATH)
    parser.add_argument("url", nargs="?", default=url, help=f"default: {url}")
    parser.add_argument(
        "--keyword",
        dest="keywords",
        action="append",
        metavar="WORD",
        help="print detections of this keyword only; may be repeated",
    )
    parser.add_argument(
        "--min-confidence", type=_confidence, default=0.0, metavar="P", help="0 to 1; default: 0"
    )
    add_token_argument(parser)
    parser.add_argument(
        "--once", action="store_true", help="end with the daemon, instead of connecting again"
    )


def run(options: argparse.Namespace) -> int:
    """Run the command: print until interrupted, and catch up after each break."""
    from kws.client.connection import Endpoint
    from kws.client.listen import Listener
    from kws.client.watch import Watcher

    listener = Listener(
        Endpoint(options.url, EVENTS_PATH, find_token(options.token_file, os.environ)),
        keywords=options.keywords,
        min_confidence=options.min_confidence,
    )
    watcher = Watcher(listener, sys.stdout)
    if options.once:
        watcher.watch()
    else:
        watcher.watch_through_breaks()
    return 0


def _confidence(text: str) -> float:
    try:
        confidence = float(text)
    except ValueError:
        confidence = -1.0
    # False for what is not a number (NaN), too.
    if not 0 <= confidence <= 1:
        raise argparse.ArgumentTypeError(f"{text}: should be a number from 0 to 1")
    return confidence
