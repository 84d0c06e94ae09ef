"""How many words are missed, at how many false alarms, beside pocketsphinx's keyword mode.

`python -m studies.accuracy_rivals --data DIR [--model NAME]... [--minutes N]`.
Both are fed the same streams, 45 minutes of each kind. pocketsphinx gets the best thresholds for
calibration sound, once with as many false alarms as the model has there, once with as few misses.
"""

import argparse
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import get_args

import torch

from bench.command import number, run_program
from bench.cost import live
from kws.config.paths import DEFAULT_MODEL
from kws.config.schema import NO_VERIFIER
from kws.errors import ConfigError
from kws.printing import parse, print_lines
from kws.spotting.detection import Detection
from kws.spotting.load import load_model
from kws.spotting.model import KeywordModel
from studies.rivals.comparison import Comparison, Outcome, Row
from studies.rivals.keyphrases import SAMPLE_RATE, Feed, KeyphraseSearch
from studies.rivals.material import CALIBRATION, CPU_USES, USES, Material, Use, material
from studies.rivals.points import Point, Scanned, points, with_alarms, with_misses, worthwhile
from studies.rivals.report import table
from train.data.clips import Split
from train.measure.labelled_streams import LabelledStream, Word
from train.measure.scoring import judge, tallies
from train.measure.tracks import detect, track

MINUTES = 45.0
ALARMS, MISSES = "pocketsphinx: alarms", "pocketsphinx: misses"


def _said(stream: LabelledStream, keywords: Sequence[str]) -> tuple[Word, ...]:
    return tuple(word for word in stream.truth if word.keyword in keywords)


def _outcome(
    streams: Iterator[LabelledStream],
    keywords: Sequence[str],
    run: Callable[[LabelledStream], Sequence[Detection]],
) -> Outcome:
    verdicts, hours, spoken = [], 0.0, 0
    for stream in streams:
        verdicts.append(judge(run(stream), _said(stream, keywords)))
        hours += stream.recorded / 3600
        spoken += len(stream.truth)
    return Outcome(tallies(verdicts, keywords, hours), spoken)


def detect_with_model(model: KeywordModel, sound: Material) -> Row:
    """What a model with its own trigger settings says."""
    name, trigger = model.header.name, model.header.trigger

    def run(stream: LabelledStream) -> Sequence[Detection]:
        return detect(model, track(model, stream), trigger)

    outcomes = {use: _outcome(sound.streams(use, name), model.classes, run) for use in USES}
    cpu_ms: dict[Use, float] = {}
    for use in CPU_USES:
        stream = next(sound.streams(use, name))
        spent, _ = live(stream, model)
        cpu_ms[use] = 1000 * spent / stream.duration
    thresholds = {keyword: trigger[keyword].threshold for keyword in model.classes}
    return Row(name, thresholds, outcomes, cpu_ms)


def detect_with_pocketsphinx(
    name: str, sound: Material, point: Point, keywords: Sequence[str]
) -> Row:
    """What pocketsphinx says with thresholds that were chosen for it.

    Raises:
        ConfigError: it is not installed, or its dictionary lacks a keyword.
    """
    outcomes: dict[Use, Outcome] = {}
    cpu_ms: dict[Use, float] = {}
    for use in USES:
        # It adapts to its audio: each use is a program that was started for it.
        search = KeyphraseSearch(keywords, point.thresholds, point.feed)
        outcomes[use] = _outcome(sound.streams(use, name), keywords, search.live)
        cpu_ms[use] = 1000 * search.cpu_s / search.heard_s
    return Row(name, point.thresholds, outcomes, cpu_ms, point)


def scanned(sound: Material, use: Use, keywords: Sequence[str], feed: Feed) -> tuple[Scanned, ...]:
    """All that pocketsphinx could say at any threshold.

    Raises:
        ConfigError: it is not installed, or its dictionary lacks a keyword.
    """
    search = KeyphraseSearch(keywords, feed=feed)
    return tuple(
        Scanned(search.candidates(stream), _said(stream, keywords), stream.recorded / 3600)
        for stream in sound.streams(use, "pocketsphinx, any threshold")
    )


def curve(sound: Material, keywords: Sequence[str]) -> list[Point]:
    """What pocketsphinx's best thresholds are expected to cost, ascending in false alarms.

    Raises:
        ConfigError: it is not installed, or its dictionary lacks a keyword.
        AudioFileError: a recording cannot be read or has another sample rate.
    """
    found: list[Point] = []
    for feed in get_args(Feed):
        said, unsaid = (scanned(sound, use, keywords, feed) for use in CALIBRATION)
        found += points(said, unsaid, keywords, feed)
    return worthwhile(found)


def compare(
    models: Sequence[KeywordModel], data: Path, split: Split, minutes: float
) -> list[Comparison]:
    """Run models and pocketsphinx on the same audio.

    Args:
        models: run at their own trigger settings.
        data: folder as for `train.measure.evaluation_set.EvaluationSet`.
        split: side of the clips that are reported.
        minutes: of sound for each use.

    Raises:
        ConfigError: pocketsphinx is not installed or lacks a keyword, a model is for another
            sample rate, or data are missing.
        AudioFileError: a recording cannot be read or has another sample rate.
    """
    for model in models:
        # Errors are reported before anything is measured.
        KeyphraseSearch(model.classes)
        if model.sample_rate != SAMPLE_RATE:
            raise ConfigError(
                f"model {model.header.name!r} takes {model.sample_rate} Hz, but pocketsphinx "
                f"{SAMPLE_RATE} Hz"
            )
    found: dict[tuple[str, ...], tuple[Material, list[Point]]] = {}
    compared = []
    for model in models:
        keywords = model.classes
        if keywords not in found:
            sound = material(data, keywords, split, minutes)
            found[keywords] = sound, curve(sound, keywords)
        sound, choice = found[keywords]
        own = detect_with_model(model, sound)
        said, unsaid = (own.outcomes[use].total for use in CALIBRATION)
        alarms = with_alarms(choice, max(1, unsaid.false_alarms))
        misses = with_misses(choice, said.misses)
        rows = (
            own,
            detect_with_pocketsphinx(ALARMS, sound, alarms, keywords),
            detect_with_pocketsphinx(MISSES, sound, misses, keywords),
        )
        calibrated = model.header.calibration is not None
        compared.append(Comparison(keywords, split, calibrated, sound.shares, rows, tuple(choice)))
    return compared


def main() -> None:
    """Run both, print, and tell with the exit code whether it could be done."""
    parser = argparse.ArgumentParser(prog="python -m studies.accuracy_rivals", description=__doc__)
    parser.add_argument(
        "--data",
        type=Path,
        required=True,
        metavar="DIR",
        help="holds speech_commands/<word>/*.wav, negatives/{calibration,evaluation}/<set>/*.wav "
        "and noise/{training,evaluation}, as for train",
    )
    parser.add_argument(
        "--model",
        action="append",
        metavar="NAME",
        help=f"bundled model's name, or a file; may be repeated; default: {DEFAULT_MODEL}",
    )
    parser.add_argument("--split", choices=("validation", "testing"), default="testing")
    parser.add_argument(
        "--minutes",
        type=number(1, 6000),
        default=MINUTES,
        metavar="N",
        help=f"of sound for each of {len(USES)} uses, drawn; default: {MINUTES:g}",
    )
    options = parse(parser)
    torch.set_num_threads(1)
    names = options.model or [DEFAULT_MODEL]
    models = [load_model(name, verifier=NO_VERIFIER) for name in names]
    compared = compare(models, options.data, options.split, options.minutes)
    print_lines("\n\n".join(map(table, compared)))


if __name__ == "__main__":
    run_program(main)
