"""Model files: what is written is what is read, and nothing foreign gets in."""

import pickle
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from kws.config.paths import bundled_models
from kws.errors import ModelError
from kws.spotting.header import ModelHeader
from kws.spotting.model import KeywordModel
from kws.spotting.model_file import load_model, save_model
from tests.spotting.models import EAGER, calibrated_model, untrained_model

Content = dict[str, Any]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "model.pt"
    save_model(untrained_model(), path)
    return path


def change(path: Path, edit: Callable[[Content], object]) -> None:
    content = torch.load(path, weights_only=True)
    edit(content)
    torch.save(content, path)


def test_what_is_written_is_read(path: Path) -> None:
    model, read = untrained_model(), load_model(path)
    assert read.header == model.header
    windows = torch.randn(40, 40, 98)
    torch.testing.assert_close(read.posteriors(windows), model.posteriors(windows))
    assert read.posteriors(windows).shape == (40, 4)
    assert read.posteriors(windows[:0]).shape == (0, 4)
    assert (read.sample_rate, read.window_samples, read.parameters) == (16_000, 16_000, 1_089_540)


def test_a_calibration_and_a_context_are_kept(path: Path) -> None:
    model = calibrated_model()
    model = KeywordModel(replace(model.header, context="alone"), model.network)
    save_model(model, path)
    header = load_model(path).header
    assert header == model.header
    assert header.calibration is not None
    assert header.calibration.at(3.0).thresholds == dict.fromkeys(model.classes, 0.5)


def test_a_file_without_them_loads(path: Path) -> None:
    def forget(content: Content) -> None:
        del content["header"]["calibration"], content["header"]["context"]

    change(path, forget)
    header = load_model(path).header
    assert (header.calibration, header.context) == (None, "anywhere")


def test_thresholds_for_a_spotter_by_their_false_alarms() -> None:
    model = calibrated_model()
    assert model.trigger_at(3.0)["no"] == replace(EAGER, threshold=0.5)
    assert model.trigger_at(30.0)["no"] == replace(EAGER, threshold=0.2, release=0.2)
    with pytest.raises(ValueError, match="cannot be shown"):
        model.trigger_at(0.4)
    with pytest.raises(ValueError, match="'untrained' is not calibrated; set thresholds"):
        untrained_model().trigger_at(3.0)


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda c: c["points"][0]["thresholds"].pop("yes"), "for exactly the classes"),
        (lambda c: c["points"][0]["thresholds"].update(maybe=0.5), "for exactly the classes"),
        (lambda c: c["points"][0]["thresholds"].update(yes=0.0), "above 0 and at most 1"),
        (lambda c: c.update(points=c["points"][::-1]), "must ascend"),
        (lambda c: c.update(points=[]), "at least one"),
        (lambda c: c["points"][0].update(miss_rate=2), "from 0 to 1"),
        (lambda c: c.update(hours=0), "above 0"),
        (lambda c: c.pop("hours"), "hours"),
    ],
)
def test_a_calibration_that_contradicts_itself_is_refused(
    path: Path, edit: Callable[[Content], object], message: str
) -> None:
    save_model(calibrated_model(), path)
    change(path, lambda content: edit(content["header"]["calibration"]))
    with pytest.raises(ModelError, match=f"bad header.*{message}"):
        load_model(path)


def test_every_bundled_model_loads() -> None:
    assert "yes-no-up-down" in bundled_models()
    for name, file in bundled_models().items():
        model = load_model(name)
        assert model.header.name == name == file.stem
        assert model.header.licence
        assert model.header.sources
        assert file.stat().st_size <= 4_400_000 * max(1, model.parameters / 1_089_540)


def test_the_default_model_is_the_published_one() -> None:
    model = load_model()
    assert model.classes == ("yes", "no", "up", "down")
    assert model.header.architecture == "SmallCNN"
    assert model.parameters == 1_089_540


def test_a_missing_model_names_the_bundled_ones(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"'nothing' not found.*bundled: .*yes-no-up-down"):
        load_model("nothing")
    with pytest.raises(ModelError, match="is a folder"):
        load_model(tmp_path)


@pytest.mark.parametrize("size", [0, 1, 100, 10_000, 3_000_000])
def test_a_file_that_is_cut_short_is_refused(path: Path, size: int) -> None:
    path.write_bytes(path.read_bytes()[:size])
    with pytest.raises(ModelError, match="damaged, cut short or not a model file"):
        load_model(path)


def test_a_file_of_another_program_is_refused(tmp_path: Path) -> None:
    foreign = tmp_path / "foreign.pt"
    foreign.write_text("no model at all")
    with pytest.raises(ModelError, match="not a model file"):
        load_model(foreign)
    torch.save({"epoch": 3, "weights": torch.zeros(2)}, foreign)
    with pytest.raises(ModelError, match="another program"):
        load_model(foreign)
    torch.save(untrained_model().network.state_dict(), foreign)
    with pytest.raises(ModelError, match="bare weights without their class list") as caught:
        load_model(foreign)
    # All that one has to type, but for the words.
    command = f"python -m train export --classes yes,no,up,down {foreign} OUTPUT.pt"
    assert command in str(caught.value)


class _Hostile:
    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (self.marker,))


@pytest.mark.parametrize(
    "write", [torch.save, lambda item, path: path.write_bytes(pickle.dumps(item))]
)
def test_a_hostile_file_is_refused_and_not_executed(
    tmp_path: Path, write: Callable[[object, Path], object]
) -> None:
    marker, hostile = tmp_path / "executed", tmp_path / "hostile.pt"
    write({"format": "kws-model", "header": _Hostile(marker)}, hostile)
    with pytest.raises(ModelError, match="nothing in it was executed"):
        load_model(hostile)
    assert not marker.exists()


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda c: c.update(version=99), "format version 99"),
        (lambda c: c.pop("header"), "bad header"),
        (lambda c: c["header"].update(classes=["yes"]), "bad header.*exactly the classes"),
        (lambda c: c["header"].update(classes=["a", "a"]), "different words"),
        (lambda c: c["header"].update(mean=[0.0]), "40 values"),
        (lambda c: c["header"].update(scale=[0.0] * 40), "scale above 0"),
        (lambda c: c["header"].update(architecture="Huge"), "not one of: SmallCNN"),
        (lambda c: c["header"]["front_end"].update(bands=0), "bad header"),
        (lambda c: c["header"]["front_end"].update(fft_length=10**10), "bad header.*65536"),
        (lambda c: c["header"]["front_end"].update(floor=float("nan")), "bad header.*floor"),
        (lambda c: c["header"].update(hop_s=float("nan")), "bad header.*hop_s"),
        (lambda c: c["header"].update(context="here"), "bad header.*context"),
        (lambda c: c["header"]["trigger"]["no"].update(smoothing_s=1e12), "smoothing_s must"),
        (lambda c: c["header"]["trigger"]["no"].update(patience_s=float("inf")), "patience_s"),
        (lambda c: c["header"]["arguments"].update(classes=5), "do not fit"),
        (lambda c: c["header"].update(arguments={"size": 1}), "do not fit"),
        (lambda c: c.pop("state_dict"), "do not fit"),
        (lambda c: c["state_dict"].popitem(), "do not fit"),
        (lambda c: c["state_dict"]["output.bias"].fill_(float("nan")), "not finite"),
    ],
)
def test_a_file_that_contradicts_itself_is_refused(
    path: Path, edit: Callable[[Content], object], message: str
) -> None:
    change(path, edit)
    with pytest.raises(ModelError, match=message):
        load_model(path)


def test_a_failed_write_leaves_the_old_file(path: Path) -> None:
    before = path.read_bytes()
    model = untrained_model()
    broken = KeywordModel(replace(model.header, training={"lambda": lambda: None}), model.network)
    with pytest.raises((TypeError, AttributeError, pickle.PicklingError)):
        save_model(broken, path)
    assert path.read_bytes() == before


def test_a_header_needs_settings_for_its_classes() -> None:
    header = untrained_model().header
    with pytest.raises(ValueError, match="exactly the classes"):
        replace(header, trigger={})
    with pytest.raises(ValueError, match="context must be one of: alone, anywhere"):
        replace(header, context="here")  # type: ignore[arg-type]
    assert isinstance(header, ModelHeader)
