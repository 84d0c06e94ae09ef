"""What the command lines of benches and studies share: options, figures as JSON, and their end."""

import argparse
import json
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from bench.checkout import Checkout
from bench.process import rerun_with_one_thread
from kws.errors import KwsError
from kws.log import set_up_logging
from kws.printing import print_line, report, set_up_output

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


def run_program(main: Callable[[], int | None], *, one_thread: bool = False) -> NoReturn:
    """Run a program to its end; an error that a user can correct is a line and an exit code.

    Args:
        main: parses the command line, measures and prints; returns an exit code, None for 0.
        one_thread: run it in a child whose libraries have one thread.
    """
    set_up_logging("info", "text")
    set_up_output()
    spec = sys.modules["__main__"].__spec__
    assert spec is not None
    code = rerun_with_one_thread(spec.name) if one_thread else None
    if code is None:
        try:
            code = main()
        except KwsError as error:
            code = report(error)
    sys.exit(code)


def number(low: float, high: float) -> Callable[[str], float]:
    """The type of an option that is a number from `low` to `high`."""

    def parse(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = float("nan")
        if not low <= value <= high:
            raise argparse.ArgumentTypeError(f"{text}: should be from {low:g} to {high:g}")
        return value

    return parse


def add_checkouts(parser: argparse.ArgumentParser) -> None:
    """Add `--daemon`: which checkouts are measured, in turns."""
    parser.add_argument(
        "--daemon",
        type=Checkout.parse,
        action="append",
        metavar="DIR[,KEY=VALUE]",
        help="a checkout, and settings for it; may be repeated: in turns; default: this one",
    )


def add_json(parser: argparse.ArgumentParser) -> None:
    """Add `--json`: print JSON."""
    parser.add_argument("--json", action="store_true", help="one JSON object instead of a table")


def add_json_file(parser: argparse.ArgumentParser) -> None:
    """Add `--json FILE`, for `write_rows`."""
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures there")


def write_rows(rows: Sequence["DataclassInstance"], file: Path | None) -> None:
    """Print the load of the machine, and write it with the rows to a file, if any."""
    load = os.getloadavg()[0]
    write_json({"load": load, "rows": [asdict(row) for row in rows]}, file)
    print_line(f"load: {load:.1f}")


def write_json(figures: dict[str, Any], file: Path | None) -> None:
    """Write figures to a file, if any."""
    if file is not None:
        file.write_text(json.dumps(figures, indent=2) + "\n")
