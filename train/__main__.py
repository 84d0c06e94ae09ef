"""`python -m train COMMAND`: make a model from recordings, and measure it."""

import argparse
import logging
import sys
from collections.abc import Sequence

import torch

from kws.errors import KwsError
from kws.log import set_up_logging
from train.commands.download import add_download
from train.commands.evaluate import add_evaluate
from train.commands.export import add_export
from train.commands.fit import add_fit
from train.commands.report import add_report
from train.commands.stream import add_stream
from train.commands.synthesize import add_synthesize
from train.commands.teacher import add_teacher

log = logging.getLogger(__name__)

_COMMANDS = (
    *(add_download, add_synthesize, add_fit, add_export),
    *(add_evaluate, add_stream, add_report, add_teacher),
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code."""
    parser = argparse.ArgumentParser(prog="python -m train", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for add in _COMMANDS:
        add(commands)
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
        way_on = getattr(options, "way_on", "")
        log.error("interrupted%s", f"; {way_on}" if way_on else "")
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
