"""`train stream`: misses and false alarms in streams, and thresholds."""

import argparse

from kws.config.paths import path_of
from kws.config.schema import AUTO
from kws.printing import print_lines
from train.commands.options import Commands, add_measured
from train.measure.calibrate import STRAY_SHARE, TARGET
from train.measure.stream import StreamConfig, measure_streams, write_json
from train.measure.stream_table import table


def add_stream(commands: Commands) -> None:
    """Add the command to a parser."""
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
        type=path_of,
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
    command.add_argument(
        "--verifier",
        default=AUTO,
        metavar="NAME",
        help="with --calibrate: calibrate the model together with this verifier; none: measure or "
        "calibrate it alone; default: the one that it was calibrated with, if any",
    )
    command.add_argument(
        "--lookahead",
        dest="lookahead_s",
        type=float,
        metavar="SECONDS",
        help="measure with another lookahead of the verifier than the default",
    )
    command.add_argument(
        "--noise",
        dest="more_noise",
        type=path_of,
        metavar="DIR",
        help="noise that is measured alone too, as made by train synthesize --noise-hours",
    )
    command.add_argument("--json", type=path_of, metavar="FILE", help="write all figures there")
    command.set_defaults(run=_stream)


def _stream(options: argparse.Namespace) -> None:
    names = (
        *("data", "model", "split", "calibrate", "output", "target", "stray_share", "workers"),
        *("verifier", "lookahead_s", "more_noise"),
    )
    measured = measure_streams(StreamConfig(**{name: getattr(options, name) for name in names}))
    if options.json:
        write_json(measured, options.json)
    print_lines(table(measured))
