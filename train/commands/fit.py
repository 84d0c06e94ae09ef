"""`train fit`: trains a model file."""

import argparse
import logging
from pathlib import Path
from typing import get_args

from kws.config.paths import path_of
from kws.config.values import items
from kws.spotting.header import Context
from train.commands.options import Commands, add_set, print_accuracy
from train.config import FitConfig
from train.fitting.fit import fit, fit_stages
from train.presets import changed, stages_of, with_overrides

log = logging.getLogger(__name__)


def add_fit(commands: Commands) -> None:
    """Add the command to a parser."""
    command = commands.add_parser(
        "fit",
        help="train a model",
        epilog="Several processes: torchrun --nproc-per-node N -m train fit",
    )
    command.add_argument(
        "--data",
        type=path_of,
        required=True,
        metavar="DIR",
        help="holds speech_commands/<word>/*.wav, or <word>/*.wav itself, and, where there are "
        "any, negatives/training (speech without the keywords) and noise/training",
    )
    command.add_argument("--output", type=path_of, required=True, metavar="FILE", help="model file")
    command.add_argument(
        "--preset",
        metavar="NAME",
        help="of train/presets, or a YAML file; one with stages continues where it was stopped",
    )
    add_set(command, "a key of presets (in all stages), as augmentation.room_probability=0")
    command.add_argument(
        "--synthetic",
        type=path_of,
        action="append",
        default=[],
        metavar="DIR",
        help="further <word>/*.wav, as made by synthesize; may be repeated",
    )
    command.add_argument(
        "--features", type=path_of, metavar="FILE.npy", help="further clips, as log-mel images"
    )
    command.add_argument(
        "--keywords",
        metavar="WORD,...",
        help="the classes; default: those of the preset, else all words",
    )
    command.add_argument(
        "--context",
        choices=get_args(Context),
        help="detect keywords between pauses only (alone), or inside running speech too (anywhere)",
    )
    command.add_argument(
        "--initial",
        metavar="MODEL",
        help="start from the weights of a bundled model, of a file, or of a training's .checkpoint",
    )
    command.add_argument(
        "--teacher",
        metavar="MODEL",
        help="train with the posteriors of a bundled model, or a file, too",
    )
    command.add_argument("--epochs", type=int, metavar="N")
    command.add_argument("--seed", type=int, metavar="N")
    command.add_argument("--workers", type=int, metavar="N", help="processes that read recordings")
    command.add_argument(
        "--resume", action="store_true", help="continue from the checkpoint beside the output"
    )
    command.add_argument(
        "--restart",
        action="store_true",
        help="start over although the checkpoint beside the output is of an unfinished training",
    )
    command.set_defaults(run=_fit, way_on="--resume continues from the last checkpoint")


def _fit(options: argparse.Namespace) -> None:
    words = options.data / "speech_commands"
    config = FitConfig(
        words=words if words.is_dir() else options.data,
        output=options.output,
        synthetic=tuple(options.synthetic),
        speech=_if_there(options.data / "negatives" / "training"),
        noise=_if_there(options.data / "noise" / "training"),
        resume=options.resume,
        restart=options.restart,
    )
    names = ("epochs", "seed", "workers", "context", "initial", "teacher")
    given = {name: getattr(options, name) for name in names if getattr(options, name) is not None}
    if options.features:
        given["features"] = str(options.features)
    if options.keywords:
        given["keywords"] = items(options.keywords)
    if options.preset:
        stages = stages_of(config, options.preset, options.overrides, given)
    else:
        stages = [changed(with_overrides(config, options.overrides), given, "command line")]
    if len(stages) > 1:
        options.way_on = "the same command continues in the stage where it stopped"
    if accuracy := fit_stages(stages) if len(stages) > 1 else fit(stages[0]):
        print_accuracy(accuracy)


def _if_there(folder: Path) -> tuple[Path, ...]:
    if folder.is_dir():
        return (folder,)
    log.warning("%s: no such folder; training without", folder)
    return ()
