"""What each step of the training buys, measured on streams.

`python -m studies.training_steps --data DIR --work DIR [--synthetic DIR] [--features FILE.npy]`.
Misses and rejections are of validation clips and of streams as in `train stream`; false alarms per
hour are of the audio that thresholds were chosen on, and of the evaluation audio.
"""

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from bench.command import run_program
from kws.printing import parse, print_line
from kws.spotting.load import load_model
from train.config import FitConfig
from train.fitting.fit import fit
from train.measure.evaluate import evaluate_folder
from train.measure.evaluation_set import CONDITIONS
from train.measure.scoring import together
from train.measure.stream import StreamConfig, measure_streams
from train.measure.stream_report import StreamReport
from train.scenes.augment import NO_AUGMENTATION, Augmentation

KEYWORDS = ("yes", "no", "up", "down")
CONDITION_NAMES = ("clean", "10 dB")
EPOCHS, WINDOWS = 12, 16_000


@dataclass(frozen=True)
class Step:
    """What was measured after a step.

    Attributes:
        name: what the step added to the one before.
        keywords_right: share of the validation clips of keywords, 0 to 1.
        others_rejected: share of the other validation clips.
        missed: share of the words missed in streams, by condition.
        calibration: false alarms per hour in the long audio for calibration and stray words.
        evaluation: false alarms per hour in the audio for evaluation.
    """

    name: str
    keywords_right: float | None
    others_rejected: float | None
    missed: dict[str, float]
    calibration: float
    evaluation: float


def steps(options: argparse.Namespace) -> Iterator[tuple[str, FitConfig]]:
    """Settings of each training, every one with a step more than the one before."""
    data = options.data
    alone = FitConfig(
        words=data / "speech_commands",
        output=options.work / "alone.pt",
        keywords=KEYWORDS,
        context="anywhere",
        epochs=options.epochs,
        windows=options.windows,
        workers=1,
        restart=True,
        augmentation=NO_AUGMENTATION,
        views=1,
    )
    mixture = replace(alone.mixture, hard=0.0, company=0.0)
    alone = replace(alone, mixture=mixture)
    yield "SmallCNN alone", alone
    varied = replace(
        alone,
        output=options.work / "augmentation.pt",
        augmentation=Augmentation(),
        views=FitConfig.views,
        noise=(data / "noise" / "training",),
    )
    yield "+ augmentation", varied
    wide = replace(
        varied,
        output=options.work / "negatives.pt",
        speech=(data / "negatives" / "training",),
        synthetic=tuple(options.synthetic),
        features=options.features,
        features_high_hz=options.features_high_hz,
    )
    yield "+ wide negatives", wide
    hard = replace(
        wide,
        output=options.work / "hard.pt",
        mixture=replace(mixture, hard=0.12),
        hard_after=options.epochs // 3,
        hard_every=max(1, options.epochs // 4),
    )
    yield "+ hard negatives", hard
    anywhere = replace(
        hard,
        output=options.work / "anywhere.pt",
        mixture=replace(hard.mixture, company=FitConfig(Path(), Path()).mixture.company),
    )
    yield "+ context: anywhere", anywhere
    yield (
        "+ context: alone",
        replace(anywhere, output=options.work / "context.pt", context="alone"),
    )


def measure(name: str, config: FitConfig, data: Path) -> Step:
    """Train, if that is not done yet, and measure at calibrated thresholds.

    Raises:
        KwsError: as training and measuring do.
    """
    if not config.output.exists():
        fit(config)
    clips = evaluate_folder(load_model(config.output), config.words, "validation")
    report = measure_streams(
        StreamConfig(
            data,
            config.output,
            calibrate=True,
            output=config.output.with_suffix(".calibrated.pt"),
            conditions=tuple(each for each in CONDITIONS if each.name in CONDITION_NAMES),
        )
    )
    missed = {each.name: each.total.miss_rate or 0.0 for each in report.of_kind("words")}
    return Step(
        name,
        clips.keyword_accuracy,
        clips.rejection,
        missed,
        _rate(report, calibrates=True),
        _rate(report, calibrates=False),
    )


def _rate(report: StreamReport, *, calibrates: bool) -> float:
    tally = together(report.without_keywords(calibrates=calibrates).values())
    return tally.false_alarms / tally.hours if tally.hours else float("nan")


def table(measured: Sequence[Step]) -> str:
    """The figures, a line a step."""
    lines = [
        f"{'step':22} {'keywords':>9} {'others':>9} {'missed':>8} {'missed':>8} {'alarms/h':>9} "
        f"{'alarms/h':>9}",
        f"{'':22} {'right':>9} {'rejected':>9} {'clean':>8} {'10 dB':>8} {'calibr.':>9} "
        f"{'evaluat.':>9}",
    ]
    for step in measured:
        shares = (step.keywords_right, step.others_rejected)
        lines.append(
            f"{step.name:22} "
            + " ".join(f"{'-' if each is None else f'{100 * each:.1f} %':>9}" for each in shares)
            + " "
            + " ".join(f"{100 * step.missed[name]:>6.1f} %" for name in CONDITION_NAMES)
            + f" {step.calibration:>9.2f} {step.evaluation:>9.2f}"
        )
    return "\n".join(lines)


def main() -> None:
    """Train and measure all steps; those whose model is in the work folder are only measured."""
    parser = argparse.ArgumentParser(prog="python -m studies.training_steps", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, metavar="DIR", help="as for train fit")
    parser.add_argument("--work", type=Path, required=True, metavar="DIR", help="for the models")
    parser.add_argument("--synthetic", type=Path, action="append", default=[], metavar="DIR")
    parser.add_argument("--features", type=Path, metavar="FILE.npy")
    parser.add_argument("--features-high-hz", type=float, default=4_000.0, metavar="HZ")
    parser.add_argument("--epochs", type=int, default=EPOCHS)
    parser.add_argument("--windows", type=int, default=WINDOWS, help="in an epoch")
    options = parse(parser)
    torch.set_num_threads(1)
    print_line(table([measure(name, config, options.data) for name, config in steps(options)]))


if __name__ == "__main__":
    run_program(main)
