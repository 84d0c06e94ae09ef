"""Standard output of a command, and how a command ends that cannot go on."""

import argparse
import io
import logging
import os
import sys
from collections.abc import Sequence
from typing import TextIO

from kws.errors import ClosedOutputError, KwsError, OutputError
from kws.text import escaped

log = logging.getLogger(__name__)


def set_up_output() -> None:
    """Write UTF-8 whatever the locale is, and names of files that are no text as they are."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(encoding="utf-8", errors="surrogateescape")


def print_text(text: str, output: TextIO | None = None) -> None:
    """Write text at once, as it is.

    Args:
        text: with its line ends.
        output: where to; None: standard output.

    Raises:
        ClosedOutputError: nobody reads the output any more.
        OutputError: it cannot be written, as on a full disk.
    """
    target = sys.stdout if output is None else output
    try:
        target.write(text)
        target.flush()
    except BrokenPipeError as error:
        raise ClosedOutputError(f"standard output: {error.strerror}") from error
    except OSError as error:
        raise OutputError(f"standard output: {error.strerror}") from error


def print_line(text: str, output: TextIO | None = None) -> None:
    """Write a line at once, escaped; arguments and errors are those of `print_text`."""
    print_text(escaped(text) + "\n", output)


def parse(
    parser: argparse.ArgumentParser, arguments: Sequence[str] | None = None
) -> argparse.Namespace:
    """The arguments of a command line.

    Args:
        parser: of the program.
        arguments: without the program's name; None: those of the process.

    Raises:
        OutputError: the help or the version cannot be printed.
        SystemExit: it was printed, or the arguments are not valid.
    """
    try:
        return parser.parse_args(arguments)
    except SystemExit:
        # argparse ignores errors of its output, and has not flushed it.
        print_text("")
        raise


def report(error: KwsError) -> int:
    """Log an error that a user can correct; the exit code.

    Where the reader of standard output has ended there is nothing to log.
    """
    if isinstance(error, OutputError):
        # Python would try again to write the rest at its end, and print an error of its own.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    if not isinstance(error, ClosedOutputError):
        for line in str(error).splitlines():
            log.error("%s", line)
    return error.exit_code
