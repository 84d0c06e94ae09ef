"""`train teacher`: tunes a pretrained encoder to the keywords, and lets it label recordings."""

import argparse
import json
import logging
from dataclasses import asdict

from kws.config.paths import path_of
from kws.printing import print_line
from train.commands.options import Commands, add_set
from train.presets import with_overrides
from train.teacher.config import read_teacher_preset
from train.teacher.export import export_teacher, teacher_of
from train.teacher.fit import TeacherTraining
from train.teacher.material import find_material
from train.teacher.measure import TeacherMeasure
from train.teacher.proposed import with_proposed
from train.teacher.targets import write_targets
from train.teacher.teacher_file import read_teacher, untrained_teacher
from train.teacher.whisper import LICENCE, SOURCE, pretrained_encoder

log = logging.getLogger(__name__)


def add_teacher(commands: Commands) -> None:
    """Add the command and its parts to a parser."""
    command = commands.add_parser("teacher", help="make a teacher that smaller models learn from")
    parts = command.add_subparsers(required=True, metavar="PART")
    fit = parts.add_parser("fit", help="tune the encoder of Whisper tiny.en to the keywords")
    _add_data(fit)
    fit.add_argument(
        "--output", type=path_of, required=True, metavar="FILE", help="teacher to write"
    )
    fit.add_argument(
        "--preset",
        default="commands-10",
        metavar="NAME",
        help="of train/teacher/presets, or a YAML file; default: %(default)s",
    )
    fit.add_argument(
        "--initial",
        type=path_of,
        metavar="FILE",
        help="a teacher of the same keywords to continue from, or a verifier, NAME.onnx, with more "
        "recordings perhaps",
    )
    add_set(fit, "anything that a preset can, as mixture.near=0.3")
    fit.set_defaults(run=_fit, way_on="the same command continues from the last checkpoint")
    targets = parts.add_parser(
        "targets", help="write the teacher's logits for all recordings that may be trained on"
    )
    _add_data(targets)
    _add_teacher(targets)
    targets.add_argument(
        "--output", type=path_of, required=True, metavar="DIR", help="of the targets"
    )
    targets.set_defaults(run=_targets, way_on="the same command continues with the next collection")
    measure = parts.add_parser(
        "measure", help="print a teacher's figures on validation speakers, and its history, as JSON"
    )
    _add_data(measure)
    _add_teacher(measure)
    measure.set_defaults(run=_measure)
    export = parts.add_parser(
        "export", help="make the file of a verifier of a teacher, its weights quantised"
    )
    _add_teacher(export)
    export.add_argument(
        "--output", type=path_of, required=True, metavar="FILE", help="verifier to write, NAME.onnx"
    )
    export.set_defaults(run=_export)


def _add_teacher(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--teacher",
        type=path_of,
        required=True,
        metavar="FILE",
        help="as written by fit, or its checkpoint",
    )


def _add_data(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--data",
        type=path_of,
        action="append",
        required=True,
        metavar="DIR",
        help="holds index.csv beside the recordings that it lists; may be repeated",
    )


def _fit(options: argparse.Namespace) -> None:
    config = with_overrides(read_teacher_preset(options.preset), options.overrides)
    config.check()
    material = with_proposed(find_material(options.data, config.keywords), config)
    if options.initial:
        read = teacher_of if options.initial.suffix == ".onnx" else read_teacher
        initial = read(options.initial)
    else:
        source = {SOURCE: LICENCE}
        initial = untrained_teacher(pretrained_encoder(), config.keywords, source, config.seed)
    TeacherTraining(config, material, initial, options.output).run()


def _targets(options: argparse.Namespace) -> None:
    teacher = read_teacher(options.teacher)
    material = find_material(options.data, teacher.keywords)
    count = write_targets(teacher, material.training, options.output)
    log.info("%s: targets of %d recordings", options.output, count)


def _measure(options: argparse.Namespace) -> None:
    teacher = read_teacher(options.teacher)
    material = find_material(options.data, teacher.keywords)
    nothing_kept = TeacherMeasure(
        *(material, teacher.keywords, teacher.network), blocks=0, folder=options.teacher.parent
    )
    figures = nothing_kept.figures(teacher.network)
    for line in teacher.history:
        print_line(json.dumps(line))
    print_line(json.dumps({"now": asdict(figures)}))


def _export(options: argparse.Namespace) -> None:
    file = export_teacher(options.teacher, options.output)
    log.info(
        "wrote %s: a verifier of %s, with %d weights and biases in %.1f MB",
        *(options.output, ", ".join(file.header.classes)),
        *(file.parameters, len(file.encoded) / 1e6),
    )
