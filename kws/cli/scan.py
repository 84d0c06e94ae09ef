"""`kws scan`: the keywords in recordings."""

import argparse
import contextlib
import csv
import logging
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from kws.cli.options import add_config_arguments, naming_the_file, read_config
from kws.errors import AudioFileError, ConfigError
from kws.protocol.events import Detected, scan_line

if TYPE_CHECKING:
    from kws.spotting.spotter import Detection

log = logging.getLogger(__name__)

_BAR = "{percentage:3.0f}% |{bar}| {n:.0f} of {total:.0f} s of audio, {remaining} left"

Writer = Callable[[str, Detected], None]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's arguments."""
    add_config_arguments(parser)
    parser.add_argument(
        "files", nargs="+", type=Path, metavar="FILE", help="recording; any format, rate, channels"
    )
    parser.add_argument("--model", metavar="MODEL", help="bundled model's name, or a model file")
    parser.add_argument(
        "--format",
        choices=("jsonl", "csv", "audacity"),
        default="jsonl",
        help="jsonl: an object a line; csv: a table; audacity: a label track (for one file)",
    )


def run(options: argparse.Namespace) -> int:
    """Run the command; one bad file does not stop the others."""
    if options.format == "audacity" and len(options.files) > 1:
        raise ConfigError(
            "--format audacity: a label track belongs to one file; give one at a time"
        )
    overrides = [] if options.model is None else [("model.path", options.model)]
    config = read_config(options, *overrides)

    # A file's name need not be text; it comes out as it went in.
    sys.stdout.reconfigure(errors="surrogateescape")  # type: ignore[union-attr]

    import torch
    from tqdm import tqdm

    from kws.engine.build import make_spotter, warn_of_other_hop
    from kws.engine.scan import scan
    from kws.spotting.model_file import load_model

    torch.set_num_threads(1)
    model = load_model(config.model.path)
    with naming_the_file(options):
        warn_of_other_hop(make_spotter(config, model))
    write = _writer(options.format)
    code = 0
    with tqdm(total=_duration(options.files), bar_format=_BAR, disable=None, leave=False) as bar:
        for path in options.files:
            try:
                for detection in scan(path, model, config, progress=bar.update):
                    with bar.external_write_mode():
                        write(str(path), _detected(detection, model.header.name))
            except AudioFileError as error:
                with bar.external_write_mode():
                    log.error("%s", error)
                code = error.exit_code
    return code


def _detected(detection: "Detection", model: str) -> Detected:
    return Detected("", detection.t, detection.keyword, detection.confidence, model)


def _duration(paths: list[Path]) -> float:
    """Seconds of all recordings that can be read together."""
    import soundfile

    total = 0.0
    for path in paths:
        with contextlib.suppress(soundfile.LibsndfileError, OSError):
            total += soundfile.info(os.fsencode(path)).duration
    return total


def _writer(name: str) -> Writer:
    if name == "csv":
        table = csv.writer(sys.stdout, lineterminator="\n")
        table.writerow(("file", "t", "keyword", "confidence"))

        def write_row(file: str, detected: Detected) -> None:
            fields = detected.fields()
            table.writerow((file, fields["t"], fields["keyword"], fields["confidence"]))
            sys.stdout.flush()

        return write_row
    if name == "audacity":
        return _write_label
    return _write_json


def _write_label(_: str, detected: Detected) -> None:
    t = f"{detected.t:.3f}"
    print(f"{t}\t{t}\t{detected.keyword} {detected.confidence:.2f}", flush=True)


def _write_json(file: str, detected: Detected) -> None:
    print(scan_line(file, detected), flush=True)
