"""Accuracy and cost of each architecture, for users who have to choose.

`python -m studies.architectures --data DIR [--model NAME]... [--plot FILE.png]`.
Clips are counted as `train evaluate` does, streams as `train stream` does.
"""

import argparse
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from bench.command import run_program
from bench.cost import live
from bench.process import Process
from bench.recordings import clips
from kws.config.paths import find_model
from kws.config.schema import NO_VERIFIER
from kws.errors import ConfigError
from kws.printing import parse, print_lines
from kws.spotting.load import load_model
from kws.spotting.model import KeywordModel
from train.data.clips import Split
from train.measure.evaluate import evaluate_folder
from train.measure.evaluation_set import CONDITIONS, EvaluationSet
from train.measure.scoring import Tally, together
from train.measure.stream_report import make_report
from train.measure.tracks import TrackedGroup
from train.measure.workers import ModelSource, track_groups

MODELS = ("commands-10", "commands-10-bc")
RATES = (0.5, 1.0)
"""False alarms per hour of calibration audio that thresholds are asked for."""
CONDITION_NAMES = ("clean", "10 dB")
MINUTES = 10.0
SPLIT: Split = "validation"
_SEED = 1
_WORKERS = 2
_SETTLING_S = 8.0


@dataclass(frozen=True)
class AtRate:
    """Misses and false alarms of a model at thresholds for a rate of false alarms.

    Attributes:
        asked: false alarms per hour of calibration audio, which has stray words in it; the least
            that the calibration can show where that is more than was wanted.
        missed: share of the words in streams, by condition, 0 to 1.
        false_alarms: in the evaluation audio; `hours` of it.
        below: 95 % bound of that rate, per hour.
    """

    asked: float
    missed: dict[str, float]
    false_alarms: int
    hours: float
    below: float


@dataclass(frozen=True)
class Row:
    """A model.

    Attributes:
        name: its name.
        architecture: of the network.
        parameters: weights and biases.
        file_mb: size of its file, 10^6 bytes.
        keywords_right: share of the validation clips of keywords, 0 to 1.
        others_rejected: share of the other validation clips.
        default: at the thresholds in the file.
        at: at those for each of `RATES`.
        cpu_ms: CPU milliseconds per second of audio, live path, one thread.
        memory_mb: resident memory of `kws run` with it.
    """

    name: str
    architecture: str
    parameters: int
    file_mb: float
    keywords_right: float | None
    others_rejected: float | None
    default: AtRate
    at: tuple[AtRate, ...]
    cpu_ms: float
    memory_mb: float


def measure(name: str, data: Path, minutes: float) -> Row:
    """All figures of a model.

    Raises:
        KwsError: model or recordings cannot be used, or the model is not calibrated.
    """
    model = load_model(name, verifier=NO_VERIFIER)
    curve = model.header.calibration
    if curve is None:
        raise ConfigError(f"model {name!r} is not calibrated: python -m train stream --calibrate")
    words = data / "speech_commands"
    evaluated = evaluate_folder(model, words, SPLIT)
    stream = clips(words, model.classes, model.sample_rate, 60 * minutes)
    spent, _ = live(stream, model)
    with Process("--set", f"model.path={json.dumps(str(find_model(name)))}") as process:
        time.sleep(_SETTLING_S)
        memory = process.resident_bytes() / 1e6
    rates = [max(rate, curve.least) for rate in RATES]
    groups = track(name, model, data)
    return Row(
        name=model.header.name,
        architecture=model.header.architecture,
        parameters=model.parameters,
        file_mb=find_model(name).stat().st_size / 1e6,
        keywords_right=evaluated.keyword_accuracy,
        others_rejected=evaluated.rejection,
        default=counted(model, groups, 0.0),
        at=tuple(counted(_at(model, rate), groups, rate) for rate in rates),
        cpu_ms=1000 * spent / stream.duration,
        memory_mb=memory,
    )


def _at(model: KeywordModel, rate: float) -> KeywordModel:
    return replace(model, header=replace(model.header, trigger=model.trigger_at(rate)))


def track(name: str, model: KeywordModel, data: Path) -> list[TrackedGroup]:
    """Posteriors of the streams of `train stream`, which any thresholds can be tried on.

    Raises:
        KwsError: the recordings cannot be used.
    """
    conditions = tuple(each for each in CONDITIONS if each.name in CONDITION_NAMES)
    streams = EvaluationSet(
        data,
        model.classes,
        model.sample_rate,
        SPLIT,
        calibrate=False,
        conditions=conditions,
        seed=_SEED,
    )
    return track_groups(ModelSource(find_model(name)), streams.groups(), _WORKERS)


def counted(model: KeywordModel, groups: Sequence[TrackedGroup], asked: float) -> AtRate:
    """Misses and false alarms at a model's thresholds, as `train stream` counts."""
    report = make_report(model, groups, SPLIT)
    words = {each.name: each.total for each in report.of_kind("words")}
    unsaid: Tally = together(report.without_keywords(calibrates=False).values())
    return AtRate(
        asked=asked,
        missed={name: words[name].miss_rate or 0.0 for name in CONDITION_NAMES},
        false_alarms=unsaid.false_alarms,
        hours=unsaid.hours,
        below=unsaid.false_alarm_bound,
    )


def table(rows: Sequence[Row]) -> str:
    """The figures as a table in Markdown, a column a model."""

    def percent(share: float | None) -> str:
        return "-" if share is None else f"{100 * share:.1f} %"

    def missed(at: AtRate) -> str:
        return " / ".join(percent(at.missed[name]) for name in CONDITION_NAMES)

    def alarms(at: AtRate) -> str:
        return f"{at.false_alarms / at.hours:.1f} (below {at.below:.1f})"

    lines = [
        ("", *(f"`{row.name}`" for row in rows)),
        ("---", *("---" for _ in rows)),
        ("architecture", *(row.architecture for row in rows)),
        ("parameters", *(f"{row.parameters:,}" for row in rows)),
        ("file", *(f"{row.file_mb:.2f} MB" for row in rows)),
        ("CPU per second of audio", *(f"{row.cpu_ms:.1f} ms" for row in rows)),
        ("resident memory of `kws run`", *(f"{row.memory_mb:.0f} MB" for row in rows)),
        ("validation clips of keywords right", *(percent(row.keywords_right) for row in rows)),
        ("other validation clips rejected", *(percent(row.others_rejected) for row in rows)),
        ("missed, clean / 10 dB, as shipped", *(missed(row.default) for row in rows)),
        ("false alarms/h, evaluation audio", *(alarms(row.default) for row in rows)),
    ]
    for index, rate in enumerate(RATES):
        lines += [
            (
                f"missed at {rate:g} false alarms/h of calibration audio, or the least it can show",
                *(f"{missed(row.at[index])} at {row.at[index].asked:.2g}" for row in rows),
            ),
            ("false alarms/h, evaluation audio", *(alarms(row.at[index]) for row in rows)),
        ]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def plot(rows: Sequence[Row], path: Path) -> None:
    """Misses against cost, as a picture.

    Raises:
        ConfigError: it cannot be written.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6, 4), layout="constrained")
    axes = figure.subplots()
    for name, marker in zip(CONDITION_NAMES, "os", strict=True):
        axes.plot(
            [row.cpu_ms for row in rows],
            [100 * row.at[-1].missed[name] for row in rows],
            marker,
            label=f"{name}",
        )
    for row in rows:
        axes.annotate(
            f"{row.name}\n{row.architecture}",
            (row.cpu_ms, 100 * row.at[-1].missed[CONDITION_NAMES[0]]),
            xytext=(6, 4),
            textcoords="offset points",
        )
    axes.set(
        xlabel="CPU, ms per second of audio",
        ylabel=f"words missed, % (at {RATES[-1]:g} false alarms/h)",
        xlim=(0, 1.6 * max(row.cpu_ms for row in rows)),
        ylim=(0, None),
    )
    axes.grid(alpha=0.3)
    axes.legend()
    try:
        figure.savefig(path, dpi=144)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be written: {error.strerror}") from error


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m studies.architectures", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, metavar="DIR", help="as for train")
    parser.add_argument("--model", action="append", metavar="NAME", help="a name or file; repeats")
    parser.add_argument("--minutes", type=float, default=MINUTES, help="of audio for the CPU time")
    parser.add_argument("--plot", type=Path, metavar="FILE.png", help="draw misses against cost")
    options = parse(parser)
    torch.set_num_threads(1)
    rows = [measure(name, options.data, options.minutes) for name in options.model or MODELS]
    if options.plot:
        plot(rows, options.plot)
    print_lines(table(rows))


if __name__ == "__main__":
    run_program(main)
