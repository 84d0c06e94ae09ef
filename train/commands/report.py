"""`train report`: a page about a model."""

import argparse

from kws.config.paths import path_of
from train.commands.options import Commands, add_measured
from train.reporting.report import ReportConfig, report


def add_report(commands: Commands) -> None:
    """Add the command to a parser."""
    command = commands.add_parser(
        "report",
        help="write a page about a model: figures, curves, and the worst errors with their audio",
    )
    add_measured(command)
    command.add_argument(
        "--output", type=path_of, required=True, metavar="DIR", help="folder for the page"
    )
    command.set_defaults(run=_report)


def _report(options: argparse.Namespace) -> None:
    names = ("model", "data", "output", "split", "workers")
    report(ReportConfig(**{name: getattr(options, name) for name in names}))
