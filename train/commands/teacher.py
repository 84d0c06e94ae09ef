"""`train teacher`: tunes a pretrained encoder to the keywords, and lets it label recordings."""

import argparse
from pathlib import Path

from train.commands.options import Commands, add_set
from train.presets import with_overrides
from train.teacher.config import read_teacher_preset
from train.teacher.fit import TeacherTraining
from train.teacher.material import find_material
from train.teacher.whisper import pretrained_encoder


def add_teacher(commands: Commands) -> None:
    """Add the command and its parts to a parser."""
    command = commands.add_parser("teacher", help="make a teacher that smaller models learn from")
    parts = command.add_subparsers(required=True, metavar="PART")
    fit = parts.add_parser("fit", help="tune the encoder of Whisper tiny.en to the keywords")
    _add_data(fit)
    fit.add_argument("--output", type=Path, required=True, metavar="FILE", help="teacher to write")
    fit.add_argument(
        "--preset",
        default="commands-10",
        metavar="NAME",
        help="of train/teacher/presets, or a YAML file; default: %(default)s",
    )
    add_set(fit, "anything that a preset can, as mixture.near=0.3")
    fit.set_defaults(run=_fit, way_on="the same command goes on from the last checkpoint")


def _add_data(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--data",
        type=Path,
        action="append",
        required=True,
        metavar="DIR",
        help="holds index.csv beside the recordings that it lists; may be repeated",
    )


def _fit(options: argparse.Namespace) -> None:
    config = with_overrides(read_teacher_preset(options.preset), options.overrides)
    config.check()
    material = find_material(options.data, config.keywords)
    training = TeacherTraining(config, material, pretrained_encoder(), options.output)
    training.run()
