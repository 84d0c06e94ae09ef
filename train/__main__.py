"""`python -m train COMMAND`: make a model from recordings, and measure it."""

import argparse
import logging
import sys
from collections.abc import Sequence

import torch

from kws.errors import KwsError
from kws.log import set_up_logging
from train.commands.making import add_making
from train.commands.measuring import add_measuring
from train.commands.recordings import add_recordings

log = logging.getLogger(__name__)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code."""
    parser = argparse.ArgumentParser(prog="python -m train", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    add_recordings(commands)
    add_making(commands)
    add_measuring(commands)
    options = parser.parse_args(arguments)
    set_up_logging("info", "text")
    # Small networks gain nothing from more, and the other cores are for other processes.
    torch.set_num_threads(1)
    try:
        options.run(options)
    except KwsError as error:
        log.error("%s", error)
        return error.exit_code
    except KeyboardInterrupt:
        log.error("interrupted%s", _way_on(options))
        return 130
    return 0


def _way_on(options: argparse.Namespace) -> str:
    if not getattr(options, "resumable", False):
        return ""
    if hasattr(options, "resume"):
        return "; --resume goes on from the last checkpoint"
    return "; the same command goes on where it stopped"


if __name__ == "__main__":
    sys.exit(main())
