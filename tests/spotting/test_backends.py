"""ONNX Runtime and PyTorch: the same posteriors and events of every bundled model."""

import subprocess
import sys

import numpy as np
import pytest

from kws.config.paths import bundled_models
from kws.spotting.backends.onnx import OnnxBackend
from kws.spotting.backends.torch import TorchBackend
from kws.spotting.detection import Detection
from kws.spotting.load import load_model
from kws.spotting.spotter import Spotter
from kws.typing import Samples
from tests.support.speech import demo

# A module whose value in sys.modules is None cannot be imported, nor found.
HIDE_TORCH = "import sys; sys.modules['torch'] = None\n"


def noise() -> Samples:
    random = np.random.default_rng(5)
    levels = np.repeat(10 ** random.uniform(-4, -0.5, 50), 3_200)
    return (levels * random.normal(size=len(levels))).astype(np.float32)


def spotted(spotter: Spotter, samples: Samples) -> list[Detection]:
    blocks = np.array_split(samples, 37)
    return [detection for block in blocks for detection in spotter.push(block)]


@pytest.mark.parametrize("name", bundled_models())
def test_both_give_the_same_events(name: str) -> None:
    onnx, torch = load_model(name, "onnx"), load_model(name, "torch")
    assert isinstance(onnx.backend, OnnxBackend)
    assert isinstance(torch.backend, TorchBackend)
    assert onnx.parameters == torch.parameters
    for samples in (demo(), noise()):
        windows = Spotter(onnx).windows(samples)
        np.testing.assert_allclose(
            onnx.posteriors(windows), torch.posteriors(windows), atol=1e-4, rtol=0
        )
        events, expected = (spotted(Spotter(model), samples) for model in (onnx, torch))
        assert [(each.keyword, each.t) for each in events] == [
            (each.keyword, each.t) for each in expected
        ]
    assert spotted(Spotter(onnx), demo())


def test_onnx_runtime_is_what_runs_by_default() -> None:
    assert isinstance(load_model().backend, OnnxBackend)


def test_torch_that_is_not_installed_is_named() -> None:
    code = (
        "from kws.errors import ConfigError\n"
        "from kws.spotting.load import load_model\n"
        "load_model()\n"
        "try:\n    load_model(engine='torch')\n"
        "except ConfigError as error:\n    print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", HIDE_TORCH + code], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("model.engine: torch is not installed. To install it: ")
