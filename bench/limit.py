"""How far detection is from what this CPU could do at most.

`python -m bench.limit [--model NAME] [--hop S] [--rounds N] [--json]`; `bench/README.md` describes
each figure.
"""

import argparse
import json
import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from statistics import median

import numpy as np
import torch
from torch import Tensor, nn

import kws
from bench.command import add_json, run_program
from bench.recordings import demo
from kws.errors import ConfigError
from kws.printing import parse, print_line
from kws.spotting.networks.base import Network
from kws.spotting.networks.bc_resnet import BCResNet
from kws.spotting.networks.small_cnn import SmallCNN

SIZE = 1_024
"""Rows and columns of the matrices whose product gives the CPU's peak."""
_MATRIX_S = 0.5
"""Seconds that each measurement of a matrix product takes."""
_NETWORKS: dict[str, type[Network]] = {"SmallCNN": SmallCNN, "BCResNet": BCResNet}


@dataclass(frozen=True)
class Layer:
    """A convolution or a dense layer, for one window.

    Attributes:
        multiply_adds: for the whole window.
        columns: of its result along time; 0 of a dense layer.
        kernel: along time.
        stride: along time.
        padding: along time, on either side.
    """

    multiply_adds: int
    columns: int = 0
    kernel: int = 0
    stride: int = 0
    padding: int = 0


@dataclass(frozen=True)
class Arithmetic:
    """Multiply-adds of the network for one hop.

    Attributes:
        whole: with every window computed from its start.
        reused: with each column of a convolution computed once: columns that zero padding or
            another phase of the strides makes different count again.
        unpadded: as `reused`, if no padding and no phase made a column different.
        dense: of these, those of dense layers.
    """

    whole: float
    reused: float | None
    unpadded: float | None
    dense: float


def layers_of(network: nn.Module, bands: int, frames: int) -> list[Layer]:
    """The layers that multiply, in the order in which a window goes through them."""
    found: list[Layer] = []

    def note(layer: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        if isinstance(layer, nn.Conv2d):
            kernel, stride, padding = layer.kernel_size, layer.stride, layer.padding
            each = layer.in_channels // layer.groups * math.prod(kernel)
            assert not isinstance(padding, str)
            columns = output.shape[-1]
            count = output.numel() * each
            found.append(Layer(count, columns, kernel[1], stride[1], padding[1]))
        elif isinstance(layer, nn.Linear):
            found.append(Layer(layer.in_features * layer.out_features))

    hooks = [module.register_forward_hook(note) for module in network.modules()]
    with torch.inference_mode():
        network(torch.zeros(1, bands, frames))
    for hook in hooks:
        hook.remove()
    return found


def arithmetic(model: kws.KeywordModel, hop: int) -> Arithmetic:
    """Multiply-adds of a model for each hop of so many frames.

    Reuse is counted for a plain stack of convolutions in front of dense layers; other
    architectures have None there.
    """
    header = model.header
    network = _network(model)
    layers = layers_of(network, header.front_end.bands, header.window_frames)
    whole = sum(layer.multiply_adds for layer in layers)
    dense = sum(layer.multiply_adds for layer in layers if not layer.columns)
    convolutions = [layer for layer in layers if layer.columns]
    if header.architecture != "SmallCNN":
        return Arithmetic(whole, None, None, dense)
    reused = unpadded = float(dense)
    step = 1
    for layer, new in zip(convolutions, new_columns(convolutions, header.window_frames, hop)):  # noqa: B905
        step *= layer.stride
        reused += layer.multiply_adds * new / layer.columns
        unpadded += layer.multiply_adds * min(1.0, hop / step / layer.columns)
    return Arithmetic(whole, reused, unpadded, dense)


def new_columns(layers: Sequence[Layer], frames: int, hop: int) -> list[float]:
    """Columns of each convolution that no earlier window has computed, mean over the windows.

    Two columns are the same if they are made of the same columns of the layer before; frames are
    the same at the same place of the stream, and padding is a column of its own.

    Args:
        layers: a stack of convolutions.
        frames: of a window.
        hop: frames between two windows.
    """
    period = math.lcm(hop, math.prod(layer.stride for layer in layers)) // hop
    warm = frames // hop + 1 + period
    known: list[dict[tuple[int, ...], int]] = [{} for _ in layers]
    before = [0] * len(layers)
    for window in range(warm + period):
        if window == warm:
            before = [len(each) for each in known]
        row = list(range(window * hop, window * hop + frames))
        for layer, numbers in zip(layers, known, strict=True):
            row = [numbers.setdefault(each, len(numbers)) for each in _inputs(layer, row)]
    return [(len(each) - old) / period for each, old in zip(known, before, strict=True)]


def _inputs(layer: Layer, row: Sequence[int]) -> Iterator[tuple[int, ...]]:
    """What each column of a convolution is made of; -1 is padding."""
    padded = [-1] * layer.padding + list(row) + [-1] * layer.padding
    return (
        tuple(padded[at : at + layer.kernel])
        for at in range(0, layer.columns * layer.stride, layer.stride)
    )


@dataclass(frozen=True)
class Measured:
    """What was measured, one thread; medians over the rounds.

    Attributes:
        peak: multiply-adds per second of a float32 product of two square matrices.
        dense_peak: the same of a vector with the first dense layer's weights, which have to be
            read from cache or memory for each window.
        hop_s: CPU seconds of `kws.Spotter.push` for one hop of the demo: front end, network,
            trigger.
    """

    peak: float
    dense_peak: float
    hop_s: float


def measure(model: kws.KeywordModel, hop_s: float, rounds: int) -> Measured:
    """Measure in turns, in this process."""
    draw = np.random.default_rng(1)
    left, right = draw.standard_normal((2, SIZE, SIZE), np.float32)
    shape = _largest_dense(model)
    weights, vector = draw.standard_normal(shape, np.float32), np.ones(shape[1], np.float32)
    figures = []
    for _ in range(rounds):
        peak = SIZE**3 / _seconds_of(lambda: left @ right)
        dense_peak = weights.size / _seconds_of(lambda: weights @ vector)
        figures.append((peak, dense_peak, _hop_seconds(model, hop_s)))
    return Measured(*(median(column) for column in zip(*figures, strict=True)))


def _network(model: kws.KeywordModel) -> Network:
    """A network of the model's shape, with other weights."""
    return _NETWORKS[model.header.architecture](**model.header.arguments).eval()


def _largest_dense(model: kws.KeywordModel) -> tuple[int, int]:
    dense = [each for each in _network(model).modules() if isinstance(each, nn.Linear)]
    largest = max(dense, key=lambda each: each.in_features * each.out_features)
    return largest.out_features, largest.in_features


def _seconds_of(work: Callable[[], object]) -> float:
    """CPU seconds of one call, the least of several."""
    end = time.perf_counter() + _MATRIX_S
    least = math.inf
    while time.perf_counter() < end:
        begun = time.process_time()
        work()
        least = min(least, time.process_time() - begun)
    return least


def _hop_seconds(model: kws.KeywordModel, hop_s: float) -> float:
    stream = demo()
    spotter = kws.Spotter(model, hop_s=hop_s)
    step = round(hop_s * stream.sample_rate)
    blocks = [stream.samples[at : at + step] for at in range(0, len(stream.samples), step)]
    first = model.window_samples // step + 1
    for block in blocks[:first]:
        spotter.push(block)
    begun = time.process_time()
    for block in blocks[first:]:
        spotter.push(block)
    return (time.process_time() - begun) / len(blocks[first:])


def report(counts: Arithmetic, measured: Measured, hop_s: float) -> dict[str, float | None]:
    """All figures, and what follows from them."""

    def least_ms(multiply_adds: float | None) -> float | None:
        return None if multiply_adds is None else 1_000 * multiply_adds / measured.peak

    least = counts.whole if counts.reused is None else counts.reused
    return {
        **{f"multiply_adds_{name}": value for name, value in asdict(counts).items()},
        "peak_multiply_adds_per_s": measured.peak,
        "dense_multiply_adds_per_s": measured.dense_peak,
        "hop_s": hop_s,
        "measured_ms": 1_000 * measured.hop_s,
        "limit_whole_ms": least_ms(counts.whole),
        "limit_reused_ms": least_ms(counts.reused),
        "limit_dense_read_ms": 1_000 * counts.dense / measured.dense_peak,
        "times_limit_whole": measured.hop_s * measured.peak / counts.whole,
        "times_limit_least": measured.hop_s * measured.peak / least,
    }


def table(figures: dict[str, float | None]) -> str:
    """The figures, a line each."""
    return "\n".join(
        f"{name.replace('_', ' '):32} {'-' if value is None else f'{value:,.3f}':>22}"
        for name, value in figures.items()
    )


def main() -> None:
    """Measure in a process whose libraries have one thread, and print."""
    parser = argparse.ArgumentParser(prog="python -m bench.limit", description=__doc__)
    parser.add_argument("--model", default="commands-10", metavar="NAME", help="or a file")
    parser.add_argument("--hop", type=float, metavar="S", help="default: the model's own")
    parser.add_argument("--rounds", type=int, default=5, metavar="N", help="default: 5")
    add_json(parser)
    options = parse(parser)
    model = kws.load_model(options.model)
    hop_s = options.hop or model.header.hop_s
    hop = round(hop_s * model.sample_rate / model.header.front_end.hop_length)
    try:
        measured = measure(model, hop_s, options.rounds)
    except ValueError as error:
        raise ConfigError(f"--hop {hop_s:g}: {error}") from error
    figures = report(arithmetic(model, hop), measured, hop_s)
    print_line(json.dumps(figures) if options.json else table(figures))


if __name__ == "__main__":
    run_program(main, one_thread=True)
