"""`train export`: makes a model file of bare weights."""

import argparse

from kws.config.paths import path_of
from kws.config.values import items
from train.commands.options import Commands, add_set
from train.export import ExportConfig, export
from train.presets import with_overrides


def add_export(commands: Commands) -> None:
    """Add the command to a parser."""
    command = commands.add_parser("export", help="make a model file of a bare model_state_dict.pt")
    command.add_argument("weights", type=path_of, metavar="WEIGHTS", help="the bare weights")
    command.add_argument("output", type=path_of, metavar="OUTPUT", help="model file to write")
    command.add_argument(
        "--classes",
        required=True,
        metavar="WORD,...",
        help="the keywords, in the order of the network's outputs",
    )
    command.add_argument("--name", default="", help="of the vocabulary; the output's by default")
    command.add_argument(
        "--mean",
        type=float,
        default=0.0,
        metavar="M",
        help="ln power that was subtracted from every band in training; default: %(default)s",
    )
    command.add_argument(
        "--scale",
        type=float,
        default=1.0,
        metavar="S",
        help="ln power that every band was then divided by; default: %(default)s",
    )
    command.add_argument(
        "--architecture",
        default=ExportConfig.architecture,
        metavar="NAME",
        help="of the network; default: %(default)s",
    )
    add_set(command, "anything else, as network.width=8 of a BCResNet")
    command.set_defaults(run=_export)


def _export(options: argparse.Namespace) -> None:
    classes = tuple(items(options.classes))
    config = ExportConfig(
        weights=options.weights,
        output=options.output,
        classes=classes,
        name=options.name,
        mean=options.mean,
        scale=options.scale,
        architecture=options.architecture,
    )
    export(with_overrides(config, options.overrides))
