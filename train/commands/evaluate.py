"""`train evaluate`: accuracy on clips."""

import argparse

from kws.spotting.load import load_model
from train.commands.options import Commands, add_measured, print_accuracy
from train.measure.evaluate import evaluate_folder


def add_evaluate(commands: Commands) -> None:
    """Add the command to a parser."""
    command = commands.add_parser(
        "evaluate", help="print how many clips of a split are classified correctly, as JSON"
    )
    add_measured(command, workers=False)
    command.set_defaults(run=_evaluate)


def _evaluate(options: argparse.Namespace) -> None:
    words = options.data / "speech_commands"
    folder = words if words.is_dir() else options.data
    print_accuracy(evaluate_folder(load_model(options.model), folder, options.split))
