"""The recogniser, where it is installed."""

import shutil
from importlib.util import find_spec

import numpy as np
import pytest

from kws.errors import ConfigError
from train.data.recogniser import SAMPLE_RATE, Moonshine
from train.data.voices import Voice, speak

INSTALLED = all(find_spec(name) for name in ("moonshine_voice", "moonshine_onnx", "onnxruntime"))


@pytest.mark.skipif(INSTALLED, reason="Moonshine is installed")
def test_without_the_packages_the_error_names_what_to_install() -> None:
    with pytest.raises(ConfigError, match="pip install"):
        Moonshine()


@pytest.mark.skipif(
    not INSTALLED or shutil.which("flite") is None, reason="Moonshine or flite is not installed"
)
def test_the_spoken_word_is_likelier_than_others() -> None:
    moonshine = Moonshine()
    samples = np.pad(speak("stop", Voice("flite", "slt"), SAMPLE_RATE), SAMPLE_RATE // 10)
    scores = moonshine.scores(samples, ["Stop.", "Go.", "Up."])
    assert max(scores) == scores[0]
    assert all(score <= 0 for score in scores)
