"""Standard output of a command, and what becomes of a line that it does not take."""

import sys
from typing import TextIO

from kws.errors import ClosedOutputError, OutputError
from kws.text import escaped


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
