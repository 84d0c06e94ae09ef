"""How many words are missed, at how many false alarms, beside pocketsphinx's keyword mode.

`python -m bench.accuracy_rivals --data DIR [--model NAME]... [--minutes N] [--json FILE]`;
`bench/README.md` says what each figure is.
"""

import argparse
import json
import sys
import textwrap
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import torch
from tqdm import tqdm

from bench.cost import live
from bench.keyphrases import SAMPLE_RATE, Feed, KeyphraseSearch, Thresholds
from bench.rival_points import Point, Scanned, points, with_alarms, with_misses, worthwhile
from kws.errors import ConfigError, KwsError
from kws.log import set_up_logging
from kws.spotting.model_file import DEFAULT_MODEL, KeywordModel, load_model
from kws.spotting.spotter import Detection
from train.data.clips import Split
from train.measure.hearing import detect, track
from train.measure.heldout import CALIBRATING, CONDITIONS, Group, HeldOut
from train.measure.pieces import Piece, WordPiece
from train.measure.scoring import Tally, judge, tallies, together
from train.measure.stream_table import figures
from train.measure.streams import PAUSE_S, Stream, Word

WIDTH = 100
MINUTES = 45.0
SEED = 1
_WORD_S = sum(PAUSE_S) / 2 + 0.5
"""Seconds that a word takes in a stream, about."""

Use = Literal[
    "calibration words", "calibration audio", "clean", "10 dB", "other words", "evaluation audio"
]
"""What sound is heard for; thresholds are chosen on the first two, the others are reported."""
ALARMS, MISSES = "pocketsphinx: alarms", "pocketsphinx: misses"
PER_HOUR = (2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0)
"""False alarms per hour at which pocketsphinx's curve is printed."""
_FEEDS: dict[Feed, str] = {
    "speech": "what its voice activity detector passes",
    "all": "all sound in blocks of 0.1 s",
}
CALIBRATION: tuple[Use, ...] = ("calibration words", "calibration audio")
USES: tuple[Use, ...] = get_args(Use)
CPU_USES: tuple[Use, ...] = ("clean", "evaluation audio")
"""Words between pauses, and speech; what listens to speech only spends less in pauses."""


@dataclass(frozen=True)
class Material:
    """What all rivals hear.

    Attributes:
        pieces: for each use, a part of what there is, drawn.
        shares: for each use, about what share of the sound that is, 0 to 1.
    """

    pieces: dict[Use, tuple[Piece, ...]]
    shares: dict[Use, float]

    def streams(self, use: Use, rival: str) -> Iterator[Stream]:
        """The sound, made when it is wanted; with a bar on a terminal.

        Args:
            use: what for.
            rival: who hears it, for people.

        Raises:
            AudioFileError: a recording cannot be read or has another sample rate.
        """
        bar = tqdm(self.pieces[use], desc=f"{rival}: {use}", leave=False, disable=None)
        return (piece.build(SAMPLE_RATE) for piece in bar)


@dataclass(frozen=True)
class Outcome:
    """What a rival said to the sound of one use.

    Attributes:
        keywords: counts of each keyword.
        spoken: words that were said, keywords or not.
    """

    keywords: dict[str, Tally]
    spoken: int

    @property
    def total(self) -> Tally:
        """Counts of all keywords."""
        return together(self.keywords.values())


@dataclass(frozen=True)
class Row:
    """A rival at its thresholds.

    Attributes:
        name: for people.
        thresholds: of each keyword; log10 where they are pocketsphinx's.
        outcomes: for each use.
        cpu_ms: for some uses, CPU milliseconds per second of sound.
        expected: what was expected when the thresholds were chosen, where that was estimated.
    """

    name: str
    thresholds: Thresholds
    outcomes: dict[Use, Outcome]
    cpu_ms: dict[Use, float]
    expected: Point | None = None


@dataclass(frozen=True)
class Comparison:
    """A model and pocketsphinx at two settings.

    Attributes:
        keywords: what is listened for.
        split: side of the clips that are reported.
        calibrated: whether the model's thresholds were chosen on calibration audio.
        shares: for each use, what share of the sound there is was heard.
        rows: the model, pocketsphinx with as many false alarms, pocketsphinx with as few misses.
        curve: what pocketsphinx is expected to cost on the sound for calibration.
    """

    keywords: tuple[str, ...]
    split: Split
    calibrated: bool
    shares: dict[Use, float]
    rows: tuple[Row, ...]
    curve: tuple[Point, ...]


def material(
    data: Path, keywords: tuple[str, ...], split: Split, minutes: float, seed: int = SEED
) -> Material:
    """Draw what is heard.

    Args:
        data: folder as for `train.measure.heldout.HeldOut`.
        keywords: the words that count.
        split: side of the clips that are reported; thresholds are chosen with "validation".
        minutes: of sound for each use.
        seed: of everything drawn.

    Raises:
        ConfigError: clips of the keywords, or audio without them, are missing.
        AudioFileError: a recording cannot be read.
    """
    conditions = tuple(each for each in CONDITIONS if each.name in CALIBRATING)
    groups = HeldOut(data, keywords, SAMPLE_RATE, split, True, conditions, seed).groups()
    found: dict[Use, list[Group]] = {
        "calibration words": [each for each in groups if each.calibrates and each.kind == "words"],
        "calibration audio": [
            each for each in groups if each.calibrates and each.kind == "negative"
        ],
        **{
            use: [
                each
                for each in groups
                if each.reports and each.kind == "words" and each.name == use
            ]
            for use in ("clean", "10 dB")
        },
        "other words": [each for each in groups if each.kind == "other words"],
        "evaluation audio": [
            each for each in groups if each.kind == "negative" and not each.calibrates
        ],
    }
    missing = [use for use, some in found.items() if not some]
    if missing:
        raise ConfigError(f"--data {data}: nothing in it to hear for: {', '.join(missing)}")
    drawn = {use: part(some, 60 * minutes, seed) for use, some in found.items()}
    return Material(
        {use: pieces for use, (pieces, _) in drawn.items()},
        {use: share for use, (_, share) in drawn.items()},
    )


def part(groups: Sequence[Group], seconds: float, seed: int) -> tuple[tuple[Piece, ...], float]:
    """Pieces of all groups, drawn until there are so many seconds of sound.

    Returns:
        Pieces in their order, and about what share of all sound they are.
    """
    pieces = [piece for group in groups for piece in group.pieces]
    lengths = [_seconds(piece) for piece in pieces]
    drawn: list[int] = []
    for index in np.random.default_rng(seed).permutation(len(pieces)).tolist():
        if sum(lengths[each] for each in drawn) >= seconds:
            break
        drawn.append(index)
    share = sum(lengths[each] for each in drawn) / sum(lengths)
    return tuple(pieces[index] for index in sorted(drawn)), share


def _seconds(piece: Piece) -> float:
    """How long a piece is, about."""
    if isinstance(piece, WordPiece):
        return _WORD_S * len(piece.clips)
    return sum(excerpt.end - excerpt.start for excerpt in piece.excerpts) / SAMPLE_RATE


def _said(stream: Stream, keywords: Sequence[str]) -> tuple[Word, ...]:
    return tuple(word for word in stream.truth if word.keyword in keywords)


def _outcome(
    streams: Iterator[Stream],
    keywords: Sequence[str],
    hear: Callable[[Stream], Sequence[Detection]],
) -> Outcome:
    verdicts, hours, spoken = [], 0.0, 0
    for stream in streams:
        verdicts.append(judge(hear(stream), _said(stream, keywords)))
        hours += stream.recorded / 3600
        spoken += len(stream.truth)
    return Outcome(tallies(verdicts, keywords, hours), spoken)


def hear_with_model(model: KeywordModel, sound: Material) -> Row:
    """What a model with its own trigger settings says."""
    name, trigger = model.header.name, model.header.trigger

    def hear(stream: Stream) -> Sequence[Detection]:
        return detect(model, track(model, stream), trigger)

    outcomes = {use: _outcome(sound.streams(use, name), model.classes, hear) for use in USES}
    cpu_ms: dict[Use, float] = {}
    for use in CPU_USES:
        stream = next(sound.streams(use, name))
        spent, _ = live(stream, model)
        cpu_ms[use] = 1000 * spent / stream.duration
    thresholds = {keyword: trigger[keyword].threshold for keyword in model.classes}
    return Row(name, thresholds, outcomes, cpu_ms)


def hear_with_pocketsphinx(
    name: str, sound: Material, point: Point, keywords: Sequence[str]
) -> Row:
    """What pocketsphinx says with thresholds that were chosen for it.

    Raises:
        ConfigError: it is not installed, or its dictionary lacks a keyword.
    """
    outcomes: dict[Use, Outcome] = {}
    cpu_ms: dict[Use, float] = {}
    for use in USES:
        # It adapts to what it hears: each use is a program that was started for it.
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
    for feed in _FEEDS:
        said, unsaid = (scanned(sound, use, keywords, feed) for use in CALIBRATION)
        found += points(said, unsaid, keywords, feed)
    return worthwhile(found)


def compare(
    models: Sequence[KeywordModel], data: Path, split: Split, minutes: float
) -> list[Comparison]:
    """Let models and pocketsphinx hear the same.

    Args:
        models: heard at their own trigger settings.
        data: folder as for `train.measure.heldout.HeldOut`.
        split: side of the clips that are reported.
        minutes: of sound for each use.

    Raises:
        ConfigError: pocketsphinx is not installed or lacks a keyword, a model is for another
            sample rate, or data are missing.
        AudioFileError: a recording cannot be read or has another sample rate.
    """
    for model in models:
        # What cannot be is said before anything is heard.
        KeyphraseSearch(model.classes)
        if model.sample_rate != SAMPLE_RATE:
            raise ConfigError(
                f"model {model.header.name!r} hears {model.sample_rate} Hz, but pocketsphinx "
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
        own = hear_with_model(model, sound)
        said, unsaid = (own.outcomes[use].total for use in CALIBRATION)
        alarms = with_alarms(choice, max(1, unsaid.false_alarms))
        misses = with_misses(choice, said.misses)
        rows = (
            own,
            hear_with_pocketsphinx(ALARMS, sound, alarms, keywords),
            hear_with_pocketsphinx(MISSES, sound, misses, keywords),
        )
        calibrated = model.header.calibration is not None
        compared.append(Comparison(keywords, split, calibrated, sound.shares, rows, tuple(choice)))
    return compared


def table(comparison: Comparison) -> str:
    """A comparison for people, at most 100 columns wide."""
    rows = [
        ("", "missed, %", "(95 %)", "alarms/h", "(95 % <)", "other", "CPU", "ms/s"),
        ("", "clean", "10 dB", "calibration", "evaluation", "words", "clean", "eval."),
        *(
            (
                row.name,
                *(_missed(row.outcomes[use].total) for use in ("clean", "10 dB")),
                *(
                    _alarms(row.outcomes[use].total)
                    for use in ("calibration audio", "evaluation audio")
                ),
                str(row.outcomes["other words"].total.false_alarms),
                *(f"{row.cpu_ms[use]:.1f}" for use in CPU_USES),
            )
            for row in comparison.rows
        ),
    ]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        "  ".join(
            f"{cell:>{width}}" if index else f"{cell:<{width}}"
            for index, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
    notes = [
        line
        for note in _notes(comparison)
        for line in textwrap.wrap(note, WIDTH, initial_indent="- ", subsequent_indent="  ")
    ]
    return "\n".join([*lines, "", *notes])


def _missed(tally: Tally) -> str:
    if not tally.words:
        return "-"
    rate, low, high = (100 * share for share in (tally.misses / tally.words, *tally.miss_interval))
    digits = 0 if rate >= 10 else 1
    return f"{rate:.1f} ({low:.{digits}f}–{high:.{digits}f})"


def _alarms(tally: Tally) -> str:
    return f"{_rate(tally.false_alarms / tally.hours)} ({_rate(tally.false_alarm_bound)})"


def _rate(rate: float) -> str:
    return f"{rate:.{2 if rate < 10 else 1 if rate < 100 else 0}f}"


def _notes(comparison: Comparison) -> Iterator[str]:
    own, alarms, misses = comparison.rows
    heard = ", ".join(
        f"{60 * outcome.total.hours:.0f} min of {use}"
        + (f" ({outcome.total.words} keywords)" if outcome.total.words else "")
        + (f" ({outcome.spoken} words)" if use == "other words" else "")
        + (
            ""
            if comparison.shares[use] > 0.995
            else f", {100 * comparison.shares[use]:.0f} % of it"
        )
        for use, outcome in own.outcomes.items()
    )
    yield f"Listened for: {', '.join(comparison.keywords)}. Heard: {heard}."
    yield (
        f"Thresholds were chosen on calibration words (validation clips) and audio; clean, 10 dB "
        f"and other words are {comparison.split} clips."
    )
    if not comparison.calibrated:
        yield f"{own.name} is not calibrated: its thresholds are as the file has them."
    said, unsaid = (own.outcomes[use].total for use in CALIBRATION)
    yield (
        f"{own.name} missed {_missed(said)} % of the calibration words, with "
        f"{_counted(unsaid.false_alarms)} in the calibration audio."
    )
    yield (
        f"{alarms.name}: the fewest misses with {max(1, unsaid.false_alarms)} or fewer false "
        f"alarms in the calibration audio. {_chosen(alarms)}"
    )
    yield (
        f"{misses.name}: the fewest false alarms with as few misses as the model in the "
        f"calibration words{_if_not_reached(misses, said)}. {_chosen(misses)}"
    )
    swept = ", ".join(
        f"{_missed(point.said)} % at {_rate(most)}"
        for most in PER_HOUR
        for point in [with_alarms(comparison.curve, int(most * unsaid.hours))]
        if most * unsaid.hours >= 1
    )
    yield (
        "pocketsphinx, thresholds swept: of the calibration words it would miss, by false alarms "
        f"per hour of calibration audio: {swept}."
    )


def _if_not_reached(row: Row, wanted: Tally) -> str:
    point = row.expected
    if point is None or point.said.misses <= wanted.misses:
        return ""
    return ", which no thresholds reach: the fewest misses"


def _chosen(row: Row) -> str:
    """Which thresholds, what was expected of them, and what came of it."""
    levels = ", ".join(f"{keyword} {_power(level)}" for keyword, level in row.thresholds.items())
    said, unsaid = (row.outcomes[use].total for use in CALIBRATION)
    assert row.expected is not None
    before, sound = row.expected, _FEEDS[row.expected.feed]
    return (
        f"Fed with {sound}; thresholds {levels}; estimated: {_missed(before.said)} % missed and "
        f"{_counted(before.unsaid.false_alarms)}; heard live: {_missed(said)} % and "
        f"{_counted(unsaid.false_alarms)}."
    )


def _counted(alarms: int) -> str:
    return f"{alarms} false alarm{'' if alarms == 1 else 's'}"


def _power(exponent: float) -> str:
    return f"{10**exponent:.0e}".replace("e+00", "")


def as_json(comparison: Comparison) -> dict[str, Any]:
    """A comparison for programs: plain values."""
    return {
        "keywords": list(comparison.keywords),
        "split": comparison.split,
        "calibrated": comparison.calibrated,
        "shares": {use: round(share, 4) for use, share in comparison.shares.items()},
        "rivals": [
            {
                "name": row.name,
                "thresholds": dict(row.thresholds),
                "feed": row.expected.feed if row.expected else None,
                "cpu_ms_per_s": {use: round(spent, 2) for use, spent in row.cpu_ms.items()},
                "uses": {
                    use: {
                        "spoken": outcome.spoken,
                        **figures(outcome.total),
                        "keywords": {
                            keyword: figures(tally) for keyword, tally in outcome.keywords.items()
                        },
                    }
                    for use, outcome in row.outcomes.items()
                },
            }
            for row in comparison.rows
        ],
        "curve": [
            {
                "feed": point.feed,
                "thresholds": dict(point.thresholds),
                "said": figures(point.said),
                "unsaid": figures(point.unsaid),
            }
            for point in comparison.curve
        ],
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Hear, print, and say with the exit code whether it could be done."""
    parser = argparse.ArgumentParser(prog="python -m bench.accuracy_rivals", description=__doc__)
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
        type=float,
        default=MINUTES,
        metavar="N",
        help=f"of sound for each of {len(USES)} uses, drawn; default: {MINUTES:g}",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures here too")
    options = parser.parse_args(arguments)
    if not 1 <= options.minutes <= 6000:
        parser.error(f"--minutes {options.minutes:g}: should be from 1 to 6000")
    set_up_logging("info", "text")
    torch.set_num_threads(1)
    try:
        models = [load_model(name) for name in options.model or [DEFAULT_MODEL]]
        compared = compare(models, options.data, options.split, options.minutes)
        if options.json:
            _write(options.json, compared)
    except KwsError as error:
        print(f"bench.accuracy_rivals: {error}", file=sys.stderr)
        return 2
    print("\n\n".join(map(table, compared)))
    return 0


def _write(path: Path, compared: Sequence[Comparison]) -> None:
    try:
        text = json.dumps([as_json(each) for each in compared], ensure_ascii=False, indent=1)
        path.write_text(text + "\n")
    except OSError as error:
        raise ConfigError(f"{path}: cannot be written: {error.strerror}") from error


if __name__ == "__main__":
    raise SystemExit(main())
