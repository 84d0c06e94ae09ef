"""`python -m train COMMAND`: make a model from recordings."""

import argparse
import json
import logging
import sys
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

import torch

from kws.errors import KwsError
from kws.log import set_up_logging
from kws.spotting.model_file import DEFAULT_MODEL, load_model
from train.evaluate import ClipAccuracy, evaluate_folder
from train.fit import FitConfig, fit
from train.presets import with_preset
from train.synthesize import SIMILAR_WORDS, synthesize

log = logging.getLogger(__name__)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code."""
    options = _parser().parse_args(arguments)
    set_up_logging("info", "text")
    # One thread trains and the other core varies recordings.
    torch.set_num_threads(1)
    try:
        options.run(options)
    except KwsError as error:
        log.error("%s", error)
        return error.exit_code
    except KeyboardInterrupt:
        resume = "; --resume goes on from the last whole epoch" if options.run is _fit else ""
        log.error("interrupted%s", resume)
        return 130
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m train", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    command = commands.add_parser("fit", help="train a model")
    command.add_argument(
        "--data",
        type=Path,
        required=True,
        metavar="DIR",
        help="holds speech_commands/<word>/*.wav and, where there are any, negatives/training "
        "(speech without the keywords) and noise/training",
    )
    command.add_argument("--output", type=Path, required=True, metavar="FILE", help="model file")
    command.add_argument("--preset", metavar="NAME", help="of train/presets, or a YAML file")
    command.add_argument(
        "--synthetic",
        type=Path,
        action="append",
        default=[],
        metavar="DIR",
        help="further <word>/*.wav, as made by synthesize; may be repeated",
    )
    command.add_argument("--keywords", metavar="WORD,...", help="the classes")
    command.add_argument("--epochs", type=int, metavar="N")
    command.add_argument("--seed", type=int, metavar="N")
    command.add_argument("--workers", type=int, metavar="N", help="processes that read recordings")
    command.add_argument(
        "--resume", action="store_true", help="go on from the checkpoint beside the output"
    )
    command.set_defaults(run=_fit)

    command = commands.add_parser(
        "evaluate", help="print how many clips of a side of the split are decided right, as JSON"
    )
    command.add_argument("--data", type=Path, required=True, metavar="DIR", help="as for fit")
    command.add_argument("--model", default=DEFAULT_MODEL, help="bundled model's name, or a file")
    command.add_argument("--split", choices=("validation", "testing"), default="validation")
    command.set_defaults(run=_evaluate)

    command = commands.add_parser(
        "synthesize", help="let speech synthesisers say the keywords and words like them"
    )
    command.add_argument("folder", type=Path, metavar="DIR", help="where to write <word>/*.wav")
    command.add_argument("--keywords", default="yes,no,up,down", metavar="WORD,...")
    command.set_defaults(run=_synthesize)
    return parser


def _fit(options: argparse.Namespace) -> None:
    config = FitConfig(
        words=options.data / "speech_commands",
        output=options.output,
        synthetic=tuple(options.synthetic),
        speech=_if_there(options.data / "negatives" / "training"),
        noise=_if_there(options.data / "noise" / "training"),
        resume=options.resume,
    )
    if options.preset:
        config = with_preset(config, options.preset)
    given = {
        name: getattr(options, name)
        for name in ("epochs", "seed", "workers")
        if getattr(options, name) is not None
    }
    if options.keywords:
        given["keywords"] = tuple(options.keywords.split(","))
    _print(fit(replace(config, **given)))


def _if_there(folder: Path) -> tuple[Path, ...]:
    if folder.is_dir():
        return (folder,)
    log.warning("%s: no such folder; training without", folder)
    return ()


def _evaluate(options: argparse.Namespace) -> None:
    model = load_model(options.model)
    _print(evaluate_folder(model, options.data / "speech_commands", options.split))


def _print(accuracy: ClipAccuracy) -> None:
    shares = {
        "keyword_accuracy": round(accuracy.keyword_accuracy, 4),
        "rejection": round(accuracy.rejection, 4),
    }
    print(json.dumps({**shares, **asdict(accuracy)}))


def _synthesize(options: argparse.Namespace) -> None:
    count = synthesize(options.folder, (*options.keywords.split(","), *SIMILAR_WORDS))
    log.info("wrote %d clips to %s", count, options.folder)


if __name__ == "__main__":
    sys.exit(main())
