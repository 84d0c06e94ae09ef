"""Whether both engines give the same posteriors and events, over words and audio without words.

`python -m studies.engines --data DIR [--model NAME]`. Runs a model in ONNX Runtime and in PyTorch
over the words of the validation speakers, clean and 10 dB above noise, and all recordings that
thresholds are chosen with; prints the largest difference of posteriors, and each event that only
one of them gave.
"""

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tqdm import tqdm

import kws
from bench.command import run_program
from kws.config.paths import DEFAULT_MODEL
from kws.log import set_up_logging
from kws.printing import parse, print_line
from kws.spotting.detection import Detection
from train.measure.evaluation_set import CONDITIONS, EvaluationSet, Group
from train.measure.tracks import posteriors_of

CONDITION_NAMES = ("clean", "10 dB")
TOLERANCE = 1e-4


@dataclass
class Comparison:
    """What both engines gave for a group of streams.

    Attributes:
        words: that are spoken in it.
        seconds: of audio.
        events: that both gave alike.
        posterior: largest difference of a posterior.
        confidence: largest difference of the confidence of events that both gave.
        differences: events that only one gave, as text.
    """

    words: int = 0
    seconds: float = 0.0
    events: int = 0
    posterior: float = 0.0
    confidence: float = 0.0
    differences: tuple[str, ...] = ()


def compare(models: Sequence[kws.KeywordModel], group: Group) -> Comparison:
    """Run both models over a group."""
    result = Comparison()
    for segment in group.segments:
        stream = segment.build(models[0].sample_rate)
        first, second = (posteriors_of(model, stream.samples) for model in models)
        result.words += len(stream.truth)
        result.seconds += stream.recorded
        if len(first):
            result.posterior = max(result.posterior, float(np.abs(first - second).max()))
        events = [
            {(each.keyword, round(each.t, 3)): each for each in kws.Spotter(model).decide(track)}
            for model, track in zip(models, (first, second), strict=True)
        ]
        both = events[0].keys() & events[1].keys()
        result.events += len(both)
        for key in both:
            difference = abs(events[0][key].confidence - events[1][key].confidence)
            result.confidence = max(result.confidence, difference)
        result.differences += tuple(_only_one(stream.name, *events))
    return result


def _only_one(
    name: str, onnx: dict[tuple[str, float], Detection], torch: dict[tuple[str, float], Detection]
) -> Iterator[str]:
    for engine, own, other in (("onnx", onnx, torch), ("torch", torch, onnx)):
        for keyword, t in sorted(own.keys() - other.keys()):
            confidence = own[keyword, t].confidence
            yield f"only {engine}: {name}, {t} s: {keyword}, {confidence:.6f}"


def main() -> int:
    """Compare and print; 1 where the engines differ by more than the tolerance."""
    parser = argparse.ArgumentParser(prog="python -m studies.engines", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, metavar="DIR")
    parser.add_argument("--model", default=DEFAULT_MODEL, metavar="NAME")
    options = parse(parser)
    set_up_logging("warning", "text")
    models = [kws.load_model(options.model, engine) for engine in ("onnx", "torch")]
    chosen = tuple(each for each in CONDITIONS if each.name in CONDITION_NAMES)
    data = EvaluationSet(
        options.data,
        models[0].classes,
        models[0].sample_rate,
        calibrate=True,
        conditions=chosen,
    )
    groups = [each for each in data.groups() if each.calibrates or each.name in CONDITION_NAMES]
    print_line(
        f"{'group':20} {'words':>6} {'hours':>6} {'events':>7} {'posterior':>10} {'confidence':>11}"
    )
    worst, differences = 0.0, 0
    for group in tqdm(groups, unit="group", leave=False, disable=None):
        found = compare(models, group)
        print_line(
            f"{group.name:20} {found.words:6} {found.seconds / 3600:6.2f} {found.events:7} "
            f"{found.posterior:10.1e} {found.confidence:11.1e}"
        )
        for line in found.differences:
            print_line(f"  {line}")
        worst, differences = max(worst, found.posterior), differences + len(found.differences)
    print_line(
        f"{options.model}: posteriors differ by at most {worst:.1e}; {differences} events differ"
    )
    return int(worst > TOLERANCE or differences > 0)


if __name__ == "__main__":
    run_program(main)
