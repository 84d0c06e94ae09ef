"""`kws scan`: the keywords in recordings."""

import argparse
import contextlib
import hashlib
import logging
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import msgspec

from kws.audio.folder import recordings_in
from kws.cli.options import add_config_arguments, channel, naming_the_file, read_config
from kws.cli.scan_output import FORMATS, FileOutput, Output, StandardOutput
from kws.config.paths import find_model, path_of
from kws.config.schema import Config
from kws.errors import AudioFileError, ConfigError

if TYPE_CHECKING:
    from tqdm import tqdm

    from kws.spotting.detection import Detection
    from kws.spotting.model import KeywordModel

log = logging.getLogger(__name__)

_BAR = "{percentage:3.0f}% |{bar}| {n:.0f} of {total:.0f} s of audio, {remaining} left"
STDIN = Path("-")
"""Standard input; a file of this name has its folder's name before it."""
_DEVICES = (Path("/dev"), Path("/proc"))
_WORTH_PROCESSES = 10_000_000
"""Bytes of recordings from which processes of their own are worth their start."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's arguments."""
    add_config_arguments(parser)
    parser.add_argument(
        "paths",
        nargs="+",
        type=_path,
        metavar="PATH",
        help="recording of any rate and channels, a folder with such, or - for standard input",
    )
    parser.add_argument(
        "--glob",
        dest="patterns",
        action="append",
        default=[],
        metavar="PATTERN",
        help="of a folder, take the files that match, as '*.flac'; may be repeated",
    )
    parser.add_argument(
        "--channel",
        type=channel,
        metavar="N",
        help="process this channel only, 0 or more; default: the mean of all (audio.channel)",
    )
    parser.add_argument("--model", metavar="MODEL", help="bundled model's name, or a model file")
    parser.add_argument(
        "--format",
        choices=tuple(FORMATS),
        default="jsonl",
        help="jsonl: an object a line; csv: a table; audacity: a label track (for one file)",
    )
    parser.add_argument(
        "--jobs",
        type=_positive,
        default=_cores(),
        metavar="N",
        help="recordings to process at the same time; default: one a processor (%(default)s)",
    )
    parser.add_argument(
        "--output", type=path_of, metavar="FILE", help="write there instead of standard output"
    )
    parser.add_argument(
        "--resume",
        action="store_true",
        help="continue a scan that was interrupted, after what is done (needs --output)",
    )


def run(options: argparse.Namespace) -> int:
    """Run the command; one bad file does not stop the others."""
    paths = list(recordings(options.paths, options.patterns))
    empty = [path for path in paths if path.is_dir()]
    for folder in empty:
        which = f" that match --glob {' '.join(options.patterns)}" if options.patterns else ""
        log.error("%s: there are no recordings%s in this folder", folder, which)
    paths = [path for path in paths if path not in empty]
    if options.format == "audacity" and len(paths) > 1:
        raise ConfigError(
            "--format audacity: a label track belongs to one file; give one at a time"
        )
    if options.resume and options.output is None:
        raise ConfigError("--resume: name the file of the scan that was interrupted: --output FILE")
    overrides: list[tuple[str, object]] = []
    if options.model is not None:
        overrides.append(("model.path", options.model))
    if options.channel is not None:
        overrides.append(("audio.channel", options.channel))
    config = read_config(options, *overrides)

    from tqdm import tqdm

    from kws.engine.build import make_spotter, warn_of_other_hop
    from kws.spotting.load import load_model

    model = load_model(config.model.path, config.model.engine, config.model.verifier)
    with naming_the_file(options):
        warn_of_other_hop(make_spotter(config, model))
    with contextlib.closing(_output(options, config)) as output:
        done = [path for path in paths if output.is_done(path)]
        errors = [error for path in done if (error := output.error_of(path))]
        for error in errors:
            log.error("%s", error)
        finished = set(done)
        paths = [path for path in paths if path not in finished]
        jobs = min(options.jobs, len(paths)) if _bytes_of(paths) > _WORTH_PROCESSES else 1
        # What is open in this process is in no other.
        jobs = 1 if any(map(_is_stream, paths)) else jobs
        with tqdm(total=0, bar_format=_BAR, disable=None, leave=False) as bar:
            if not bar.disable:
                bar.reset(_duration(paths))
            results = _Results(output, bar, model.header.name)
            if jobs > 1:
                _scan_together(paths, config, jobs, results, bar)
            else:
                _scan_in_turn(paths, config, model, results, bar)
    return AudioFileError.exit_code if results.failed or errors or empty else 0


def recordings(paths: Iterable[Path], patterns: Sequence[str] = ()) -> Iterator[Path]:
    """Files as they are named, and the recordings in folders; one that has none is given itself.

    Args:
        paths: of files and folders.
        patterns: see `kws.audio.folder.recordings_in`.
    """
    for path in paths:
        found = recordings_in(path, patterns) if path.is_dir() else []
        yield from found or [path]


def _output(options: argparse.Namespace, config: Config) -> Output:
    if options.output is None:
        return StandardOutput(options.format)
    model = hashlib.sha256(find_model(config.model.path).read_bytes()).hexdigest()
    sections = ("hop_s", config.model.hop_s), ("detection", config.detection)
    others = ("trigger", config.trigger), ("keywords", config.keywords)
    settings: dict[str, Any] = msgspec.to_builtins(dict((*sections, *others)))
    return FileOutput(
        options.output,
        options.format,
        {"model": model, "settings": settings},
        resume=options.resume,
    )


class _Results:
    """Writes what recordings give.

    Args:
        output: takes detections.
        bar: shows the seconds that were processed.
        model: name of the model.

    Attributes:
        failed: whether some recording could not be read to its end.
    """

    def __init__(self, output: Output, bar: "tqdm[Any]", model: str) -> None:
        self.failed = False
        self._output, self._bar, self._model = output, bar, model

    def write(self, path: Path, detection: "Detection") -> None:
        """Write a detection."""
        from kws.engine.output import detected

        with self._bar.external_write_mode():
            self._output.write(path, detected("", detection, self._model))

    def finish(self, path: Path, error: str | None) -> None:
        """Note that a recording is done; `error`: why it could not be read to its end."""
        if error is not None:
            self.failed = True
            with self._bar.external_write_mode():
                log.error("%s", error)
        self._output.finish(path, error)


def _scan_in_turn(
    paths: Sequence[Path],
    config: Config,
    model: "KeywordModel",
    results: _Results,
    bar: "tqdm[Any]",
) -> None:
    from kws.audio.decode import STDIN_NAME, open_audio
    from kws.engine.scan import scan_reader
    from kws.typing import AudioFormat, PcmFormat

    audio = config.audio
    raw = PcmFormat(AudioFormat(audio.stdin_rate, audio.stdin_channels), audio.stdin_format)
    for path in paths:
        message = None
        try:
            if path == STDIN:
                stdin = _stdin()
                reader = open_audio(stdin, raw=raw, channel=audio.channel, name=STDIN_NAME)
            else:
                reader = open_audio(path, channel=audio.channel)
            for detection in scan_reader(reader, model, config, progress=bar.update):
                results.write(path, detection)
        except AudioFileError as error:
            message = str(error)
        results.finish(path, message)


def _scan_together(
    paths: Sequence[Path], config: Config, jobs: int, results: _Results, bar: "tqdm[Any]"
) -> None:
    from kws.engine.scan_files import scan_files

    with contextlib.closing(scan_files(paths, config, jobs)) as scanned:
        for file in scanned:
            for detection in file.detections:
                results.write(file.path, detection)
            results.finish(file.path, file.error)
            bar.update(file.seconds)


def _bytes_of(paths: Sequence[Path]) -> int:
    total = 0
    for path in paths:
        with contextlib.suppress(OSError):
            total += path.stat().st_size
    return total


def _duration(paths: Sequence[Path]) -> float:
    """Seconds of all recordings that can be read together."""
    from kws.audio.decode import open_audio

    total = 0.0
    for path in paths:
        if not _is_stream(path):
            with (
                contextlib.suppress(AudioFileError),
                contextlib.closing(open_audio(path)) as reader,
            ):
                total += (reader.frames or 0) / reader.format.sample_rate
    return total


def _is_stream(path: Path) -> bool:
    """Whether it is standard input or a pipe, which can be read once and in this process only."""
    return path == STDIN or path.is_fifo() or not {*path.parents}.isdisjoint(_DEVICES)


def _stdin() -> BinaryIO:
    if sys.stdin is None:
        raise AudioFileError("standard input is closed; pipe a recording into kws")
    return sys.stdin.buffer


def _cores() -> int:
    """Processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _positive(text: str) -> int:
    try:
        number = int(text)
    except ValueError:
        number = 0
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text}: should be a whole number, 1 or more")
    return number


def _path(text: str) -> Path:
    named = path_of(text)
    # "./-" names a file, which its path alone does not show.
    return named.absolute() if named == STDIN and text != "-" else named
