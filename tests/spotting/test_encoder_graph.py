"""The graph of a verifier gives what its network gives in torch."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from kws.spotting.backends.onnx import OnnxVerifier, session_options
from kws.spotting.backends.torch import parameter_count, weights_of
from kws.spotting.encoder_graph import EncoderSize, quantise
from kws.spotting.onnx_format import OPERATORS
from kws.spotting.verifier_file import VerifierFile, VerifierHeader
from tests.spotting.verifiers import untrained_verifier
from train.teacher.network import TeacherNetwork
from train.teacher.whisper import WhisperEncoder

RANDOM = np.random.default_rng(6)
WINDOW = 24_000


def network(width: int, blocks: int, keywords: int) -> TeacherNetwork:
    """Weights from a seed that int8 holds exactly: nothing but the graph makes a difference."""
    torch.manual_seed(8)
    made = TeacherNetwork(WhisperEncoder(width, blocks, positions=300), keywords)
    made.eval().requires_grad_(False)
    torch.nn.init.normal_(made.encoder.positions, std=0.1)
    for parameter in made.parameters():
        if parameter.dim() > 1:
            numbers = torch.randint(-127, 128, parameter.shape).float()
            numbers.flatten(1)[:, 0] = 127
            parameter.copy_(numbers * parameter.std() / 64)
        else:
            parameter.add_(torch.randn(parameter.shape) * 0.1)
    made.head.value.weight *= 4
    return made


def file_of(made: TeacherNetwork, keywords: int, window: int = WINDOW) -> VerifierFile:
    header = VerifierHeader(
        name="random",
        architecture="WhisperEncoder",
        arguments={"width": made.encoder.width, "blocks": made.blocks, "head_width": 192},
        classes=tuple(f"word {number}" for number in range(keywords)),
        window_samples=window,
    )
    return VerifierFile.of(header, weights_of(made))


def sound(count: int, samples: int = WINDOW) -> np.ndarray:
    levels = 10 ** RANDOM.uniform(-3, -0.5, (count, 1)) * RANDOM.uniform(0, 1, samples)
    return (levels * RANDOM.normal(size=(count, samples))).astype(np.float32)


def expected(made: TeacherNetwork, windows: np.ndarray) -> np.ndarray:
    posteriors: np.ndarray = made(torch.from_numpy(windows)).softmax(1)[:, 1:].numpy()
    return posteriors


@pytest.mark.parametrize(
    ("width", "blocks", "keywords", "window"),
    [(64, 1, 1, WINDOW), (128, 2, 4, WINDOW), (192, 3, 10, 16_000), (64, 2, 34, 32_000)],
)
def test_posteriors_are_those_of_the_network(
    width: int, blocks: int, keywords: int, window: int
) -> None:
    made = network(width, blocks, keywords)
    file = file_of(made, keywords, window)
    assert file.parameters == parameter_count(made)
    windows = sound(5, window)
    scores = OnnxVerifier(file).scores(windows)
    assert scores.shape == (5, keywords)
    assert scores.dtype == np.float32
    np.testing.assert_allclose(scores, expected(made, windows), atol=1e-4, rtol=0)
    # Who tells no windows apart tests nothing.
    assert scores.std(0).max() > 1e-3


def test_any_number_of_windows_will_do_and_each_gives_what_it_gives_alone() -> None:
    verifier = OnnxVerifier(untrained_verifier())
    windows = sound(9)
    scores = verifier.scores(windows)
    assert verifier.scores(windows[:0]).shape == (0, 4)
    alone = np.concatenate([verifier.scores(each[None]) for each in windows])
    np.testing.assert_allclose(scores, alone, atol=1e-5, rtol=0)


def test_int8_is_off_by_half_a_step_at_most() -> None:
    size = EncoderSize(classes=4, frames=75, width=64, blocks=1, head_width=8)
    weights = {
        name: RANDOM.normal(0, 10 ** RANDOM.uniform(-3, 1), each).astype(np.float32)
        for name, each in size.shapes().items()
    }
    stored = quantise(weights, size)
    assert {name: (each.dtype, each.shape) for name, each in stored.items()} == size.stored()
    for name, array in weights.items():
        if stored[name].dtype == np.float32:
            assert np.array_equal(stored[name], array)
            continue
        scale = stored[f"{name}_scale"]
        assert np.abs(stored[name] * scale - array).max() <= scale.max() * 0.501
        assert np.abs(stored[name]).max() == 127


@pytest.mark.parametrize("value", [0.0, 1e-44])
def test_weights_of_nothing_stay_so(value: float) -> None:
    size = EncoderSize(classes=1, frames=50, width=64, blocks=1, head_width=8)
    weights = {name: np.full(shape, value, np.float32) for name, shape in size.shapes().items()}
    for name, each in quantise(weights, size).items():
        assert np.isfinite(each).all()
        assert name.endswith("_scale") or np.abs(each).max() < 1e-40


def test_positions_are_as_many_as_there_are_frames() -> None:
    size = EncoderSize(classes=1, frames=50, width=64, blocks=1, head_width=8)
    weights = {name: np.ones(shape, np.float32) for name, shape in size.shapes().items()}
    positions = np.arange(1500 * 64, dtype=np.float32).reshape(1500, 64)
    stored = quantise({**weights, "encoder.positions": positions}, size)
    assert np.array_equal(stored["encoder.positions"], positions[:50])
    with pytest.raises(ValueError, match=r"encoder.positions has the shape \(49, 64\)"):
        quantise({**weights, "encoder.positions": positions[:49]}, size)


def test_weights_of_another_network_are_refused() -> None:
    size = EncoderSize(classes=1, frames=50, width=64, blocks=1, head_width=8)
    weights = {name: np.ones(shape, np.float32) for name, shape in size.shapes().items()}
    with pytest.raises(ValueError, match=r"head\.value\.bias has the shape"):
        quantise({**weights, "head.value.bias": np.ones(3, np.float32)}, size)
    with pytest.raises(ValueError, match="other is missing or too much"):
        quantise({**weights, "other": np.ones(3, np.float32)}, size)
    del weights["encoder.norm.bias"]
    with pytest.raises(ValueError, match=r"encoder.norm.bias is missing"):
        quantise(weights, size)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"width": 0}, "width"),
        ({"width": 100}, "width must be a multiple of 64 up to 1280"),
        ({"width": 64 * 10**6}, "width"),
        ({"blocks": 0}, "blocks must be from 1 to 32"),
        ({"blocks": 10**9}, "blocks"),
        ({"head_width": 0}, "head_width from 1"),
        ({"head_width": 10**9}, "head_width from 1"),
    ],
)
def test_sizes_have_limits(wrong: Mapping[str, int], message: str) -> None:
    size = EncoderSize(classes=4, frames=75, width=64, blocks=1, head_width=8)
    with pytest.raises(ValueError, match=message):
        replace(size, **wrong)


def test_the_graph_is_valid_onnx_and_holds_int8() -> None:
    file = untrained_verifier()
    onnx.checker.check_model(file.encoded, full_check=True)
    graph = onnx.ModelProto.FromString(file.encoded).graph
    assert {each.op_type for each in graph.node} <= OPERATORS
    kinds = {each.name: each.data_type for each in graph.initializer}
    assert kinds["encoder.blocks.1.feed_in.weight"] == onnx.TensorProto.INT8
    assert kinds["encoder.positions"] == onnx.TensorProto.FLOAT


def test_weights_become_float32_once_when_the_graph_is_loaded(tmp_path: Path) -> None:
    options = session_options()
    options.optimized_model_filepath = str(tmp_path / "optimised.onnx")
    options.log_severity_level = 4  # it warns that such a file is for this machine only
    providers = ["CPUExecutionProvider"]
    onnxruntime.InferenceSession(untrained_verifier().encoded, options, providers=providers)
    graph = onnx.load(tmp_path / "optimised.onnx").graph
    assert "MatMul" in {each.op_type for each in graph.node}
    assert "Cast" not in {each.op_type for each in graph.node}
    assert onnx.TensorProto.INT8 not in {each.data_type for each in graph.initializer}
