"""Where the time of a hop goes, step by step, at once and in real time.

`python -m bench.hop [--model NAME] [--engine onnx|torch] [--seconds S] [--json]`; `bench/README.md`
describes each figure.
"""

import argparse
import json
import time

import numpy as np
import numpy.typing as npt

import kws
from bench.command import add_json, number, run_program
from bench.recordings import demo
from kws.audio.feed import Feed
from kws.audio.reader import Reader
from kws.printing import parse, print_line
from kws.typing import AudioFormat

STEPS = ("read", "front end", "network", "trigger")
_WARM_UP_HOPS = 50
_CANDIDATES = 100


def measure(model: kws.KeywordModel, seconds: float, *, in_real_time: bool) -> dict[str, float]:
    """Microseconds of CPU that each step of a hop takes in one thread, medians.

    Args:
        model: what detects.
        seconds: of audio.
        in_real_time: wait for each hop, as a daemon does; else one comes after the other.
    """
    samples = demo().samples
    spotter = kws.Spotter(model)
    hop = round(spotter.hop_s * model.sample_rate)
    feed = Feed(AudioFormat(model.sample_rate, 1), time.monotonic)
    reader = Reader(feed, model.sample_rate, block_s=spotter.hop_s, limit_s=4.0)
    times: list[npt.NDArray[np.int64]] = []
    due = time.monotonic()
    for index in range(_WARM_UP_HOPS + round(seconds / spotter.hop_s)):
        at = index * hop % (len(samples) - hop)
        feed.write(samples[at : at + hop, None])
        if in_real_time and index >= _WARM_UP_HOPS:
            due = max(due + spotter.hop_s, time.monotonic())
            time.sleep(max(0.0, due - time.monotonic()))
        marks = [time.thread_time_ns()]
        block = reader.take()
        assert block is not None
        marks.append(time.thread_time_ns())
        windows = spotter.windows(block.samples)
        marks.append(time.thread_time_ns())
        posteriors = model.posteriors(windows)
        marks.append(time.thread_time_ns())
        spotter.propose(posteriors)
        marks.append(time.thread_time_ns())
        if index >= _WARM_UP_HOPS:
            times.append(np.diff(marks))
    medians = np.median(np.array(times), axis=0) / 1e3
    return dict(zip(STEPS, medians.tolist(), strict=True))


def measure_candidate(model: kws.KeywordModel, candidates: int) -> dict[str, float]:
    """Microseconds of CPU that the verifier takes for a candidate, and the network for a window, in
    one thread, medians; nothing without a verifier.

    Args:
        model: what detects.
        candidates: how many.
    """
    if model.verifier is None:
        return {}
    samples, length = demo().samples, model.verifier.window_samples
    windows = kws.Spotter(model).windows(samples[: 2 * model.sample_rate])[:1]
    took: list[tuple[int, int]] = []
    for index in range(candidates):
        at = index * model.sample_rate % (len(samples) - length)
        begun = time.thread_time_ns()
        model.verifier.scores(samples[None, at : at + length])
        between = time.thread_time_ns()
        model.posteriors(windows)
        took.append((between - begun, time.thread_time_ns() - between))
    verifier, window = (np.median(np.array(took), axis=0) / 1e3).tolist()
    return {"candidate": verifier, "window": window, "ratio": verifier / window}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m bench.hop", description=__doc__)
    parser.add_argument("--model", default="commands-10", metavar="NAME")
    parser.add_argument("--engine", choices=("onnx", "torch"), default="onnx")
    parser.add_argument(
        "--seconds", type=number(1, 3600), default=20.0, metavar="S", help="default: 20"
    )
    add_json(parser)
    options = parse(parser)
    model = kws.load_model(options.model, options.engine)
    at_once = measure(model, options.seconds, in_real_time=False)
    in_real_time = measure(model, options.seconds, in_real_time=True)
    candidate = measure_candidate(model, _CANDIDATES)
    if options.json:
        figures = {"at_once_us": at_once, "in_real_time_us": in_real_time, "verifier": candidate}
        print_line(json.dumps(figures))
        return
    print_line(f"{options.model}, {options.engine}: CPU microseconds of a hop, medians")
    print_line(f"{'':10} {'at once':>8} {'in real time':>13}")
    for step in STEPS:
        print_line(f"{step:10} {at_once[step]:8.0f} {in_real_time[step]:13.0f}")
    print_line(f"{'together':10} {sum(at_once.values()):8.0f} {sum(in_real_time.values()):13.0f}")
    if candidate:
        print_line(
            f"verifier, a candidate: {candidate['candidate']:.0f}, as much as "
            f"{candidate['ratio']:.0f} windows of the network beside it"
        )


if __name__ == "__main__":
    run_program(main, one_thread=True)
