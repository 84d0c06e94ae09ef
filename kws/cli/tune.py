"""`kws tune`: record a room's scores, and choose thresholds by them."""

import argparse
import asyncio
import logging
import math
import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING

from kws.cli.options import add_token_argument, default_url
from kws.config.paths import path_of
from kws.config.token import find_token
from kws.errors import ConfigError
from kws.printing import print_line

if TYPE_CHECKING:
    from kws.tuning.recording import Recording

log = logging.getLogger(__name__)

_RATE = 0.5


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's arguments."""
    parser.add_argument(
        "file", nargs="?", type=path_of, metavar="FILE", help="a recording of scores, to choose by"
    )
    parser.add_argument(
        "--false-alarms-per-hour",
        type=_positive,
        metavar="R",
        help=f"choose thresholds for at most so many, all keywords together; default: {_RATE:g}",
    )
    parser.add_argument(
        "--said",
        type=_said,
        metavar="WORD=N,...",
        help="how often keywords were really said meanwhile, as yes=3,no=2",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    recording = parser.add_argument_group("to record (scores only, never audio)")
    recording.add_argument(
        "--record",
        type=path_of,
        metavar="FILE",
        help="record the scores of a running daemon; an earlier recording is continued",
    )
    url = default_url("")
    recording.add_argument("--url", metavar="URL", help=f"of the daemon; default: {url}")
    recording.add_argument(
        "--stream", metavar="NAME", help="stream to record; default: the daemon's own"
    )
    recording.add_argument(
        "--hours", type=_positive, metavar="H", help="end once FILE has so many hours"
    )
    add_token_argument(parser)


def run(options: argparse.Namespace) -> int:
    """Run the command: record until a signal arrives or there are enough hours, or choose."""
    if (options.file is None) is (options.record is None):
        raise ConfigError("kws tune: name one: --record FILE to record, or a FILE to choose by")
    recording = options.record is not None
    only_recording = ("url", "stream", "hours", "token_file")
    others = ("false_alarms_per_hour", "said", "json") if recording else only_recording
    if given := [name for name in others if getattr(options, name)]:
        names = ", ".join("--" + name.replace("_", "-") for name in given)
        raise ConfigError(f"kws tune: {names}: only {'without' if recording else 'with'} --record")
    if recording:
        asyncio.run(_record(options))
    else:
        _choose(options)
    return 0


async def _record(options: argparse.Namespace) -> None:
    from kws.client.record import ScoreRecorder
    from kws.client.recording_file import RecordingFile

    stopping = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    token = find_token(options.token_file, os.environ)
    with RecordingFile(options.record) as file:
        recorder = ScoreRecorder(
            options.url or default_url(""),
            token,
            file,
            stream=options.stream,
            hours=options.hours,
        )
        await recorder.run(stopping)


def _choose(options: argparse.Namespace) -> None:
    """Print what a recording shows; raises ConfigError where it does not show the rate."""
    from kws.tuning.choice import CannotChooseError, Choice, Chooser
    from kws.tuning.report import Report

    recording = _read(options.file)
    said: dict[str, int] = options.said or {}
    if unknown := set(said) - set(recording.begin.keywords):
        known = ", ".join(recording.begin.keywords)
        raise ConfigError(f"--said: no {', '.join(sorted(unknown))} here; there are: {known}")
    rate = options.false_alarms_per_hour or _RATE
    chooser = Chooser(recording, said)
    choice: Choice | None = None
    problem: CannotChooseError | None = None
    try:
        choice = chooser.choose(rate)
    except CannotChooseError as error:
        problem = error
    report = Report(recording, chooser, said, rate, choice)
    for line in (report.to_json(),) if options.json else report.lines():
        print_line(line)
    if problem is not None:
        raise ConfigError(f"{options.file}: {problem}") from problem


def _read(path: Path) -> "Recording":
    """Read a recording.

    Raises:
        ConfigError: it cannot be read, is none, or has no audio in it.
    """
    from kws.tuning.recording import NotARecordingError, read

    try:
        if path.exists() and not path.is_file():
            raise ConfigError(f"{path}: is no regular file")
        with path.open("rb") as file:
            recording = read(file)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from error
    except NotARecordingError as error:
        raise ConfigError(f"{path}: {error}; make one with: kws tune --record FILE") from error
    if recording.unreadable:
        log.warning("%s: %d lines cannot be read and are left out", path, recording.unreadable)
    if not recording.seconds:
        raise ConfigError(f"{path}: no audio was processed yet; record longer")
    return recording


def _positive(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 0 < number < math.inf:
        raise argparse.ArgumentTypeError(f"{text}: should be a number above 0")
    return number


def _said(text: str) -> dict[str, int]:
    said: dict[str, int] = {}
    for part in text.split(","):
        word, _, count = part.strip().rpartition("=")
        if not word or not (count.isascii() and count.isdigit()) or word in said:
            raise argparse.ArgumentTypeError(f"{text}: should be WORD=N,... as yes=3,no=2")
        said[word] = int(count)
    return said
