"""A whole training on a small data set: it learns, it can be resumed, and it is seeded."""

from dataclasses import replace
from pathlib import Path
from unittest.mock import DEFAULT, Mock

import pytest
import torch

from kws.errors import ConfigError
from kws.spotting.model_file import load_model
from train.__main__ import main
from train.evaluate import evaluate_folder
from train.fit import FitConfig, fit


def config(data: Path, output: Path) -> FitConfig:
    return FitConfig(
        words=data / "speech_commands",
        output=output,
        keywords=("low", "high"),
        speech=(data / "negatives" / "training",),
        epochs=2,
        windows=256,
        batch=32,
        workers=0,
        licence="CC0",
        sources=("tones",),
    )


@pytest.fixture(scope="module")
def trained(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = tmp_path_factory.mktemp("model") / "tones.pt"
    fit(replace(config(data, output), epochs=6))
    return output


def weights(path: Path) -> dict[str, torch.Tensor]:
    return load_model(path).network.state_dict()


def test_it_learns(data: Path, trained: Path) -> None:
    accuracy = evaluate_folder(load_model(trained), data / "speech_commands", "validation")
    assert (accuracy.keywords, accuracy.others) == (4, 2)
    assert accuracy.keyword_accuracy == 1.0
    assert accuracy.rejection == 1.0


def test_the_model_file_says_where_it_comes_from(trained: Path) -> None:
    header = load_model(trained).header
    assert header.classes == ("low", "high")
    assert header.name == "tones"
    assert (header.licence, header.sources) == ("CC0", ("tones",))
    assert header.training["epochs"] == 6
    assert header.measured["validation_clips"]["keywords"] == 4


def test_a_resumed_training_ends_where_a_whole_one_does(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, parts = config(data, tmp_path / "whole.pt"), config(data, tmp_path / "parts.pt")
    fit(whole)
    with monkeypatch.context() as patch:
        patch.setattr("train.fit.evaluate", Mock(side_effect=[DEFAULT, KeyboardInterrupt]))
        with pytest.raises(KeyboardInterrupt):
            fit(parts)
    assert not parts.output.exists()
    fit(replace(parts, resume=True))
    expected = weights(whole.output)
    for name, value in weights(parts.output).items():
        torch.testing.assert_close(value, expected[name], rtol=0, atol=0)


def test_a_checkpoint_of_another_training_is_refused(data: Path, trained: Path) -> None:
    with pytest.raises(ConfigError, match="made with other settings"):
        fit(replace(config(data, trained), resume=True, seed=7))
    with pytest.raises(ConfigError, match="no checkpoint to resume from"):
        fit(replace(config(data, trained.with_name("other.pt")), resume=True))


def test_a_keyword_without_recordings_is_named(data: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no training recordings of maybe"):
        fit(replace(config(data, tmp_path / "m.pt"), keywords=("low", "maybe")))


def test_the_command_line_prints_json(
    data: Path, trained: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["evaluate", "--data", str(data), "--model", str(trained)]) == 0
    assert capsys.readouterr().out.startswith('{"keyword_accuracy": 1.0, "rejection": 1.0')
    assert main(["evaluate", "--data", str(data / "missing")]) == 2
    assert main(["fit", "--data", str(data), "--output", "x.pt", "--preset", "nothing"]) == 2
