"""Commands that make a model file: `fit` and `export`."""

import argparse
import logging
from dataclasses import replace
from pathlib import Path
from typing import get_args

from kws.spotting.model_file import Context
from train.commands.options import Commands, print_accuracy
from train.config import FitConfig
from train.export import ExportConfig, export
from train.fitting.fit import fit
from train.presets import with_overrides, with_preset

log = logging.getLogger(__name__)


def add_making(commands: Commands) -> None:
    """Add the commands to a parser."""
    _add_fit(commands)
    _add_export(commands)


def _add_fit(commands: Commands) -> None:
    command = commands.add_parser(
        "fit",
        help="train a model",
        epilog="Several processes: torchrun --nproc-per-node N -m train fit",
    )
    command.add_argument(
        "--data",
        type=Path,
        required=True,
        metavar="DIR",
        help="holds speech_commands/<word>/*.wav, or <word>/*.wav itself, and, where there are "
        "any, negatives/training (speech without the keywords) and noise/training",
    )
    command.add_argument("--output", type=Path, required=True, metavar="FILE", help="model file")
    command.add_argument("--preset", metavar="NAME", help="of train/presets, or a YAML file")
    _add_set(command, "anything that a preset can, as augmentation.room_probability=0")
    command.add_argument(
        "--synthetic",
        type=Path,
        action="append",
        default=[],
        metavar="DIR",
        help="further <word>/*.wav, as made by synthesize; may be repeated",
    )
    command.add_argument(
        "--features", type=Path, metavar="FILE.npy", help="further clips, as log-mel images"
    )
    command.add_argument(
        "--keywords", metavar="WORD,...", help="the classes; all words, if nothing says which"
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
        "--teacher", metavar="MODEL", help="learn from what a bundled model, or a file's, says too"
    )
    command.add_argument("--epochs", type=int, metavar="N")
    command.add_argument("--seed", type=int, metavar="N")
    command.add_argument("--workers", type=int, metavar="N", help="processes that read recordings")
    command.add_argument(
        "--resume", action="store_true", help="go on from the checkpoint beside the output"
    )
    command.add_argument(
        "--restart",
        action="store_true",
        help="start anew although the checkpoint beside the output is of an unfinished training",
    )
    command.set_defaults(run=_fit, resumable=True)


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
    if options.preset:
        config = with_preset(config, options.preset)
    config = with_overrides(config, options.overrides)
    given = {
        name: getattr(options, name)
        for name in ("epochs", "seed", "workers", "context", "features", "initial", "teacher")
        if getattr(options, name) is not None
    }
    if options.keywords:
        given["keywords"] = tuple(options.keywords.split(","))
    if accuracy := fit(replace(config, **given)):
        print_accuracy(accuracy)


def _if_there(folder: Path) -> tuple[Path, ...]:
    if folder.is_dir():
        return (folder,)
    log.warning("%s: no such folder; training without", folder)
    return ()


def _add_export(commands: Commands) -> None:
    command = commands.add_parser("export", help="make a model file of a bare model_state_dict.pt")
    command.add_argument("weights", type=Path, metavar="WEIGHTS", help="the bare weights")
    command.add_argument("output", type=Path, metavar="OUTPUT", help="model file to write")
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
    _add_set(command, "anything else, as network.width=8 of a BCResNet")
    command.set_defaults(run=_export)


def _export(options: argparse.Namespace) -> None:
    classes = tuple(word.strip() for word in options.classes.split(","))
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


def _add_set(command: argparse.ArgumentParser, what: str) -> None:
    command.add_argument(
        "--set",
        dest="overrides",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help=f"set {what}; may be repeated",
    )
