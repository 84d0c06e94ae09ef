"""From names to a model that is ready to run, with its verifier."""

from dataclasses import replace
from pathlib import Path

import pytest

from kws.errors import ConfigError, ModelError
from kws.spotting.load import load_model
from kws.spotting.model_file import save_model
from kws.spotting.spotter import Spotter
from kws.spotting.verifier_file import save_verifier
from tests.spotting.models import paired_file, untrained_file
from tests.spotting.verifiers import untrained_verifier

VERIFIER = untrained_verifier()


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A model's file, beside which its verifier lies."""
    path = tmp_path / "mine.onnx"
    save_model(paired_file("second", VERIFIER.weights_sha256), path)
    save_verifier(VERIFIER, tmp_path / "second.onnx")
    return path


def test_a_model_comes_with_the_verifier_it_was_calibrated_with(model: Path) -> None:
    loaded = load_model(model)
    assert loaded.verifier is not None
    assert loaded.verifier.parameters == VERIFIER.parameters
    spotter = Spotter(loaded)
    assert spotter.verification is not None
    assert spotter.verification.lookahead_s == 0.2
    assert spotter.trigger == loaded.trigger(verified=True)


def test_it_also_works_without(model: Path) -> None:
    loaded = load_model(model, verifier="none")
    assert loaded.verifier is None
    assert Spotter(loaded).trigger == loaded.header.trigger


def test_the_verifier_can_lie_elsewhere(model: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "folder" / "renamed.onnx"
    elsewhere.parent.mkdir()
    (tmp_path / "second.onnx").rename(elsewhere)
    assert load_model(model, verifier=str(elsewhere)).verifier is not None
    with pytest.raises(ModelError, match="'second' not found"):
        load_model(model)


def test_another_verifier_than_that_of_the_calibration_is_refused(
    model: Path, tmp_path: Path
) -> None:
    other = untrained_verifier(("yes", "no", "up", "down", "left"))
    save_verifier(other, tmp_path / "second.onnx")
    with pytest.raises(ConfigError, match=r"model\.verifier: .* is not the 'second' that"):
        load_model(model)


def test_a_verifier_needs_a_model_that_was_calibrated_with_it(tmp_path: Path) -> None:
    path = tmp_path / "plain.onnx"
    save_model(untrained_file(), path)
    assert load_model(path).verifier is None
    with pytest.raises(ConfigError, match="calibrated with no verifier"):
        load_model(path, verifier="second")


def test_settings_of_the_pair_are_of_the_models_keywords() -> None:
    file = paired_file()
    pair = file.header.pair
    assert pair is not None
    fewer = {keyword: each for keyword, each in pair.trigger.items() if keyword != "yes"}
    with pytest.raises(ValueError, match="exactly the keywords"):
        replace(pair, trigger=fewer)
    with pytest.raises(ValueError, match="exactly the classes"):
        replace(file.header, classes=("yes", "no", "up", "left"))
