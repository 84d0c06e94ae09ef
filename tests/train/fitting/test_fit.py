"""A whole training on a small data set: it learns, it is seeded, and it can be stopped."""

import itertools
import logging
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from kws.errors import AudioFileError, ConfigError
from kws.spotting.load import load_model
from tests.train.trainings import tiny_config
from train.__main__ import main
from train.config import FitConfig
from train.data.dataset_files import DatasetFiles, find_dataset_files
from train.fitting.checkpoint import read_checkpoint
from train.fitting.fit import fit
from train.measure.evaluate import evaluate_folder
from train.network import network_of
from train.scenes.augment import Augmentation
from train.scenes.batches import Batches
from train.scenes.dataset import Drawn

STEPS = 4
"""Batches of an epoch of a short training; so many are drawn for the statistics before."""


def short_config(data: Path, output: Path, **others: Any) -> FitConfig:
    """A training that need not learn."""
    return tiny_config(data, output, windows=32 * STEPS, **others)


def weights(path: Path) -> dict[str, torch.Tensor]:
    return network_of(load_model(path, "torch")).state_dict()


def assert_same_weights(first: Path, second: Path) -> None:
    expected = weights(second)
    for name, value in weights(first).items():
        assert torch.equal(value, expected[name]), name


def history(path: Path) -> list[dict[str, Any]]:
    """Figures of the epochs, without how long they took."""
    records = load_model(path).header.training["history"]
    return [{**record, "seconds": None} for record in records]


@pytest.fixture(scope="module")
def trained(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = tmp_path_factory.mktemp("model") / "tones.onnx"
    fit(tiny_config(data, output, epochs=6))
    return output


@pytest.fixture(scope="module")
def whole(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A short training that nobody disturbed."""
    output = tmp_path_factory.mktemp("model") / "whole.onnx"
    fit(short_config(data, output))
    return output


def test_it_learns(data: Path, trained: Path) -> None:
    accuracy = evaluate_folder(load_model(trained), data / "speech_commands", "validation")
    assert (accuracy.keywords, accuracy.others) == (4, 2)
    assert accuracy.keyword_accuracy == 1.0
    assert accuracy.rejection == 1.0


def test_the_model_file_names_its_sources(trained: Path) -> None:
    header = load_model(trained).header
    assert header.classes == ("low", "high")
    assert header.name == "tones"
    assert header.context == "alone"
    assert (header.licence, header.sources) == ("CC0", ("tones",))
    assert header.training["epochs"] == 6
    assert header.training["augmentation"]["mixup"] == 0
    assert header.training["data"]["recorded"].startswith("24 ")
    assert header.measured["validation_clips"]["keywords"] == 4


def test_the_model_file_has_the_history_of_its_epochs(trained: Path) -> None:
    records = load_model(trained).header.training["history"]
    assert [record["epoch"] for record in records] == [1, 2, 3, 4, 5, 6]
    assert records[-1]["loss"] < records[0]["loss"]
    assert records[-1]["accuracy"] > records[0]["accuracy"]
    assert records[-1]["validation_accuracy"] == records[-1]["validation_rejection"] == 1.0
    assert records[-1]["learning_rate"] < 1e-5
    assert all(record["seconds"] > 0 for record in records)


def test_no_time_is_counted_in_two_epochs(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ticks = itertools.count()
    clock = SimpleNamespace(monotonic=lambda: float(next(ticks)))
    monkeypatch.setattr("train.fitting.training.time", clock)
    output = tmp_path / "model.onnx"
    fit(short_config(data, output, checkpoint_s=1e6))
    records = load_model(output).header.training["history"]
    assert 0 < sum(record["seconds"] for record in records) < next(ticks)


@pytest.mark.parametrize(("workers", "resume"), [(0, True), (2, False)])
def test_the_same_seed_gives_the_same_model(
    data: Path,
    whole: Path,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    workers: int,
    resume: bool,
) -> None:
    """Whatever draws its batches, and also if it was to be resumed and there is no checkpoint."""
    caplog.set_level(logging.INFO)
    again = tmp_path / "new" / "again.onnx"
    fit(short_config(data, again, workers=workers, resume=resume))
    assert ("no checkpoint to resume from; starting at the beginning" in caplog.text) is resume
    assert_same_weights(again, whole)
    assert history(again) == history(whole)


def stopped_after(
    monkeypatch: pytest.MonkeyPatch, data: Path, output: Path, count: int, **settings: Any
) -> None:
    """Interrupt a training when it asks for another batch."""
    left = iter(range(count))

    real = Batches.of

    def interrupted(*arguments: Any, **named: Any) -> Iterator[Drawn]:
        for drawn in real(*arguments, **named):
            if next(left, None) is None:
                raise KeyboardInterrupt
            yield drawn

    with monkeypatch.context() as patch:
        patch.setattr(Batches, "of", interrupted)
        with pytest.raises(KeyboardInterrupt):
            fit(short_config(data, output, **settings))
    assert not output.exists()


# In the first epoch, between the two, and in the second, which begins with hard negatives.
@pytest.mark.parametrize("count", [STEPS + 1, 2 * STEPS, 2 * STEPS + 1, 3 * STEPS - 1])
def test_a_stopped_training_ends_where_an_undisturbed_one_does(
    data: Path, whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    output = tmp_path / "parts.onnx"
    stopped_after(monkeypatch, data, output, count, checkpoint_s=0.0)
    state = read_checkpoint(output.with_name("parts.onnx.checkpoint"))["standing"]
    assert STEPS * state["epoch"] + state["step"] == count - STEPS
    fit(short_config(data, output, resume=True))
    assert_same_weights(output, whole)
    assert history(output) == history(whole)


def test_mixup_is_seeded_and_continues_after_a_stop(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = {"augmentation": Augmentation(mixup=0.3), "epochs": 1}
    fit(short_config(data, tmp_path / "mixed.onnx", **settings))
    output = tmp_path / "parts.onnx"
    stopped_after(monkeypatch, data, output, STEPS + 2, checkpoint_s=0.0, **settings)
    fit(short_config(data, output, resume=True, **settings))
    assert_same_weights(output, tmp_path / "mixed.onnx")


def test_an_unfinished_training_is_not_thrown_away(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    output = tmp_path / "model.onnx"
    config = short_config(data, output, epochs=1)
    stopped_after(monkeypatch, data, output, STEPS + 1, epochs=1, checkpoint_s=0.0)
    before = config.checkpoint.read_bytes()
    with pytest.raises(
        ConfigError, match="was stopped in epoch 1 of 1; continue with --resume, or"
    ):
        fit(config)
    assert config.checkpoint.read_bytes() == before
    fit(replace(config, restart=True))
    assert output.exists()
    # A finished one may be done again.
    fit(config)
    assert "of a finished training; starting over in its place" in caplog.text


def test_a_checkpoint_of_another_training_is_refused_with_what_differs(
    data: Path, trained: Path
) -> None:
    config = tiny_config(data, trained, epochs=6, resume=True)
    other = replace(config, seed=7, augmentation=Augmentation(mask_bands=4))
    with pytest.raises(ConfigError) as caught:
        fit(other)
    assert "seed was 1 and is 7; augmentation.mask_bands was 5 and is 4" in str(caught.value)
    with pytest.raises(ConfigError, match=r"data\.speech was 1 .* and is 0"):
        fit(replace(config, speech=()))


def test_recordings_that_are_gone_are_named(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = shutil.copytree(data, tmp_path / "data")
    output = tmp_path / "model.onnx"
    stopped_after(monkeypatch, copy, output, 2 * STEPS + 1, checkpoint_s=0.0)
    moved = copy.rename(tmp_path / "moved")
    with pytest.raises(ConfigError, match=r"made with recordings that are gone, such as .*\.wav"):
        fit(short_config(moved, output, resume=True))


def test_a_damaged_checkpoint_is_named(data: Path, tmp_path: Path) -> None:
    config = tiny_config(data, tmp_path / "model.onnx", resume=True)
    config.checkpoint.write_bytes(b"PK")
    with pytest.raises(ConfigError, match=r"model\.onnx\.checkpoint: is damaged"):
        fit(config)


def test_unreadable_recordings_are_named_until_they_are_too_many(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = shutil.copytree(data, tmp_path / "data")

    def then_damaged(config: FitConfig) -> DatasetFiles:
        found = find_dataset_files(config)
        for path in (copy / "speech_commands" / "low").iterdir():
            path.write_bytes(b"")
        return found

    monkeypatch.setattr("train.fitting.fit.find_dataset_files", then_damaged)
    with pytest.raises(AudioFileError, match="of 32 recordings cannot be used, more than 1%"):
        fit(tiny_config(copy, tmp_path / "model.onnx"))


def test_the_command_line_trains_and_evaluates(
    data: Path, trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "model.onnx"
    small = ["--set", "windows=32", "--set", "batch=32", "--epochs", "1", "--workers", "0"]
    arguments = ["--data", str(data), "--output", str(output), *small]
    assert main(["fit", *arguments, "--context", "anywhere"]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith('{"keyword_accuracy": ')
    header = load_model(output).header
    assert header.classes == ("high", "low", "other")
    assert header.context == "anywhere"
    assert main(["evaluate", "--data", str(data), "--model", str(trained)]) == 0
    assert capsys.readouterr().out.startswith('{"keyword_accuracy": 1.0, "rejection": 1.0')
    assert main(["evaluate", "--data", str(data / "missing")]) == 2
    assert main(["fit", *arguments, "--preset", "nothing"]) == 2
    assert main(["fit", *arguments, "--set", "augmentation.rooms=1"]) == 2
    assert main(["fit", *arguments, "--keywords", "low,maybe"]) == 2
