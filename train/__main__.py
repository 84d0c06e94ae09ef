"""`python -m train COMMAND`: make a model from recordings, and measure it."""

import argparse
import logging
import sys
from collections.abc import Sequence

from kws.errors import ConfigError, KwsError
from kws.log import set_up_logging
from kws.printing import parse, report, set_up_output

log = logging.getLogger(__name__)

_LIBRARIES = ("torch", "jinja2", "markupsafe", "matplotlib", "pooch", "requests")
"""What the extra `train` installs."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code."""
    set_up_logging("info", "text")
    set_up_output()
    options = argparse.Namespace()
    try:
        options = parse(_parser(), arguments)
        options.run(options)
    except KwsError as error:
        return report(error)
    except KeyboardInterrupt:
        way_on = getattr(options, "way_on", "")
        log.error("interrupted%s", f"; {way_on}" if way_on else "")
        return 130
    except ModuleNotFoundError as error:
        if error.name not in _LIBRARIES:
            raise
        return report(
            ConfigError(
                f"{error.name} is not installed: pip install '.[train]' (on Linux before that, for "
                "the CPU: pip install torch --index-url https://download.pytorch.org/whl/cpu)"
            )
        )
    return 0


def _parser() -> argparse.ArgumentParser:
    """The command line.

    Raises:
        ModuleNotFoundError: a library that training needs is not installed.
    """
    import torch

    from train.commands.download import add_download
    from train.commands.evaluate import add_evaluate
    from train.commands.export import add_export
    from train.commands.fit import add_fit
    from train.commands.report import add_report
    from train.commands.stream import add_stream
    from train.commands.synthesize import add_synthesize
    from train.commands.teacher import add_teacher

    # Small networks gain nothing from more, and the other cores are for other processes.
    torch.set_num_threads(1)
    parser = argparse.ArgumentParser(prog="python -m train", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for add in (
        *(add_download, add_synthesize, add_fit, add_export),
        *(add_evaluate, add_stream, add_report, add_teacher),
    ):
        add(commands)
    return parser


if __name__ == "__main__":
    sys.exit(main())
