"""Commands that measure a model: `evaluate`, `stream` and `report`."""

import argparse
from pathlib import Path

from kws.spotting.model_file import load_model
from train.commands.options import Commands, add_measured, print_accuracy
from train.measure.calibrate import STRAY_SHARE, TARGET
from train.measure.evaluate import evaluate_folder
from train.measure.stream import StreamConfig, measure_streams, write_json
from train.measure.stream_table import table
from train.reporting.report import ReportConfig, report


def add_measuring(commands: Commands) -> None:
    """Add the commands to a parser."""
    _add_evaluate(commands)
    _add_stream(commands)
    _add_report(commands)


def _add_evaluate(commands: Commands) -> None:
    command = commands.add_parser(
        "evaluate", help="print how many clips of a side of the split are decided right, as JSON"
    )
    add_measured(command, workers=False)
    command.set_defaults(run=_evaluate)


def _evaluate(options: argparse.Namespace) -> None:
    words = options.data / "speech_commands"
    folder = words if words.is_dir() else options.data
    print_accuracy(evaluate_folder(load_model(options.model), folder, options.split))


def _add_stream(commands: Commands) -> None:
    command = commands.add_parser(
        "stream", help="measure misses and false alarms per hour in streams; calibrate thresholds"
    )
    add_measured(command)
    command.add_argument(
        "--calibrate",
        action="store_true",
        help="choose thresholds and write them into the model file, with the operating curve",
    )
    command.add_argument(
        "--output",
        type=Path,
        metavar="FILE",
        help="with --calibrate: the file to write; default: the model's own",
    )
    command.add_argument(
        "--false-alarms-per-hour",
        dest="target",
        type=float,
        default=TARGET,
        metavar="N",
        help="with --calibrate: at most so many, all keywords together; default: %(default)s",
    )
    command.add_argument(
        "--stray-share",
        type=float,
        default=STRAY_SHARE,
        metavar="SHARE",
        help="and at most so many of the other words, each alone; default: %(default)s",
    )
    command.add_argument("--json", type=Path, metavar="FILE", help="write all figures there")
    command.set_defaults(run=_stream)


def _stream(options: argparse.Namespace) -> None:
    names = ("data", "model", "split", "calibrate", "output", "target", "stray_share", "workers")
    measured = measure_streams(StreamConfig(**{name: getattr(options, name) for name in names}))
    print(table(measured))
    if options.json:
        write_json(measured, options.json)


def _add_report(commands: Commands) -> None:
    command = commands.add_parser(
        "report", help="write a page about a model: figures, curves, the worst to listen to"
    )
    add_measured(command)
    command.add_argument(
        "--output", type=Path, required=True, metavar="DIR", help="folder for the page"
    )
    command.set_defaults(run=_report)


def _report(options: argparse.Namespace) -> None:
    names = ("model", "data", "output", "split", "workers")
    report(ReportConfig(**{name: getattr(options, name) for name in names}))
