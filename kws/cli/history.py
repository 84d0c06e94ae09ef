"""`kws history`: print the events that a daemon has kept."""

import argparse
import os
import sqlite3
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from kws.cli.moment import moment
from kws.cli.mute import add_daemon_arguments
from kws.cli.scan_output import csv_line
from kws.config.paths import path_of
from kws.config.token import find_token
from kws.errors import HistoryFileError, ServerError
from kws.printing import print_text
from kws.protocol.events import encode

_COLUMNS = (
    *("time", "type", "stream", "t", "keyword", "confidence", "score", "status", "reason"),
    *("not_a_word", "id"),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's arguments."""
    forms = "yesterday, today, 30m, 36h, 7d, or as 2026-11-22T12:00"
    parser.add_argument("--since", type=_moment, metavar="WHEN", help=f"not before: {forms}")
    parser.add_argument("--until", type=_moment, metavar="WHEN", help="before")
    parser.add_argument("--type", choices=("detection", "status"), help="default: both")
    parser.add_argument("--format", choices=("jsonl", "csv"), default="jsonl")
    parser.add_argument(
        "--file",
        type=path_of,
        metavar="FILE",
        help="read this history.sqlite, without a daemon",
    )
    add_daemon_arguments(parser)


def run(options: argparse.Namespace) -> int:
    """Run the command: print all that is wanted, the oldest first."""
    if options.format == "csv":
        print_text(csv_line(*_COLUMNS))
    line = _csv if options.format == "csv" else _json
    pages = _pages_of_file if options.file is not None else _pages_of_daemon
    for events in pages(options):
        print_text("".join(map(line, events)))
    return 0


def _pages_of_daemon(options: argparse.Namespace) -> Iterator[list[dict[str, Any]]]:
    """Raises ServerError."""
    from kws.client.http import Daemon

    daemon = Daemon(options.url, find_token(options.token_file, os.environ))
    asked = {"since": options.since, "until": options.until}
    query = {name: each.isoformat() for name, each in asked.items() if each is not None}
    if options.type is not None:
        query["type"] = options.type
    after: int | None = 0
    while after is not None:
        page = daemon.get(f"/history?{urlencode({**query, 'after': after})}")
        try:
            events, after = page["events"], page["next"]
        except (KeyError, TypeError) as error:
            raise ServerError(f"{options.url}: what answers there is not kws") from error
        yield events


def _pages_of_file(options: argparse.Namespace) -> Iterator[list[dict[str, Any]]]:
    """Raises HistoryFileError."""
    from kws.history.queries import Wanted, page

    asked = (options.since, options.until)
    since, until = (None if each is None else each.timestamp() for each in asked)
    after: int | None = 0
    while after is not None:
        try:
            found = page(options.file, Wanted(since, until, options.type, after))
        except sqlite3.Error as error:
            raise HistoryFileError(f"{options.file}: cannot be read: {error}") from error
        after = found.next
        yield found.events


def _json(event: Mapping[str, Any]) -> str:
    return encode(event) + "\n"


def _csv(event: Mapping[str, Any]) -> str:
    row = {**event, "not_a_word": int(event.get("not_a_word", False))}
    return csv_line(*(row.get(name, "") for name in _COLUMNS))


def _moment(text: str) -> datetime:
    try:
        return moment(text, datetime.now().astimezone())
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
