"""What several commands share."""

import argparse
import json
from dataclasses import asdict
from typing import TYPE_CHECKING

from kws.config.paths import DEFAULT_MODEL, path_of
from kws.printing import print_line
from train.measure.evaluate import ClipAccuracy

if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]
else:
    Commands = object


def add_measured(command: argparse.ArgumentParser, *, workers: bool = True) -> None:
    """Add which model is measured, and on what."""
    command.add_argument(
        "--data",
        type=path_of,
        required=True,
        metavar="DIR",
        help="as for fit, with negatives/calibration, negatives/evaluation and noise/evaluation "
        "where there are any",
    )
    command.add_argument("--model", default=DEFAULT_MODEL, help="bundled model's name, or a file")
    command.add_argument("--split", choices=("validation", "testing"), default="validation")
    if workers:
        command.add_argument(
            "--workers",
            type=processes,
            default=2,
            metavar="N",
            help="processes that run the model; default: %(default)s",
        )


def processes(text: str) -> int:
    """A number of processes, 0 or more.

    Raises:
        ValueError: it is none.
    """
    number = int(text)
    if number < 0:
        raise ValueError
    return number


def print_accuracy(accuracy: ClipAccuracy) -> None:
    """Print it as JSON."""
    shares = {"keyword_accuracy": accuracy.keyword_accuracy, "rejection": accuracy.rejection}
    rounded = {name: share and round(share, 4) for name, share in shares.items()}
    print_line(json.dumps({**rounded, **asdict(accuracy)}))


def add_set(command: argparse.ArgumentParser, what: str) -> None:
    """Add `--set KEY=VALUE`."""
    command.add_argument(
        "--set",
        dest="overrides",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help=f"set {what}; may be repeated",
    )
