"""Presets and settings on the command line."""

from dataclasses import fields, replace
from pathlib import Path
from typing import get_type_hints

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kws.errors import ConfigError
from train.config import FitConfig
from train.presets import FOLDER, changed, read_preset, stages_of, with_overrides
from train.scenes.augment import NO_AUGMENTATION, Augmentation

CONFIG = FitConfig(words=Path("words"), output=Path("model.onnx"))


def with_preset(config: FitConfig, preset: str) -> FitConfig:
    """The settings that all stages of a preset share."""
    found = read_preset(preset)
    return changed(config, found.settings, str(found.path))


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.yaml")), ids=lambda path: path.stem)
def test_every_preset_can_be_used(path: Path) -> None:
    config = with_preset(CONFIG, path.stem)
    for each in (config, *stages_of(CONFIG, path.stem, (), {})):
        each.check()
    assert config.words == CONFIG.words
    assert config.name == path.stem
    assert config.keywords
    assert config.licence
    assert config.sources


def test_the_words_yes_no_and_on_are_words() -> None:
    assert with_preset(CONFIG, "yes-no-up-down").keywords == ("yes", "no", "up", "down")
    assert "on" in with_preset(CONFIG, "commands-10").keywords


def test_the_vocabularies_of_speech_commands() -> None:
    most = with_preset(CONFIG, "speech-commands-34")
    every = with_preset(CONFIG, "speech-commands-35")
    assert len(most.keywords) == 34
    assert (most.batch, most.epochs) == (64, 10)
    assert every == replace(most, name="speech-commands-35", keywords=(*most.keywords, "on"))


def test_the_quick_one_is() -> None:
    quick = with_preset(CONFIG, "quick")
    assert (quick.batch, quick.epochs, quick.keywords) == (32, 3, ("yes", "no", "up", "down"))
    assert quick.initial == "commands-10"
    mixture = quick.mixture
    # Of Speech Commands alone there is no running speech.
    share = mixture.keywords / (mixture.keywords + mixture.words + mixture.noise)
    assert quick.epoch_scenes * share == pytest.approx(1_600)


def test_the_shipped_models_are_made_in_stages() -> None:
    ten = stages_of(CONFIG, "commands-10", (), {})
    assert [each.epochs for each in ten] == [64, 12, 15, 24]
    assert [each.initial for each in ten] == ["", *(f"model.stage{n}.onnx" for n in (1, 2, 3))]
    assert [each.output.name for each in ten] == [
        *(f"model.stage{n}.onnx" for n in (1, 2, 3)),
        "model.onnx",
    ]
    assert ten[3].augmentation == ten[2].augmentation != ten[1].augmentation
    small = stages_of(CONFIG, "commands-10-bc", (), {})
    assert [each.initial for each in small][1:] == [
        f"model.stage{n}.onnx.checkpoint" for n in (1, 2)
    ]
    four = stages_of(CONFIG, "yes-no-up-down", ["epochs=2"], {"seed": 5, "initial": "first.onnx"})
    assert [len(each.keywords) for each in four] == [10, 4, 4, 4, 4, 4]
    assert {(each.epochs, each.seed) for each in four} == {(2, 5)}
    assert (four[0].initial, four[1].initial) == ("first.onnx", "model.stage1.onnx")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("stages: []", "stages: should be a list of one stage or more"),
        ("stages:", "stages: should be a list of one stage or more"),
        ("stages: {epochs: 3}", "stages: should be a list of one stage or more"),
        ("stages: [3]", "stage 1: should hold settings by name"),
        ("stages: [{}, {epoch: 3}]", "stage 2: epoch: unknown key; allowed here: .*epochs"),
        ("stages: [{mixture: {noise: -1}}]", "stage 1: mixture.noise: got -1; allowed: a number"),
        ("stages: [{}, {output: a.onnx}]", "stage 2: output: not in a stage"),
        ("stages: [{initial: previous}]", "stage 1: initial: there is no stage before it"),
        ("stages: [{stages: []}]", "stage 1: stages: unknown key"),
    ],
)
def test_a_mistake_in_a_stage_is_named(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        stages_of(CONFIG, preset(tmp_path, text), (), {})


def preset(folder: Path, text: str) -> str:
    path = folder / "preset.yaml"
    path.write_text(text)
    return str(path)


def test_sections_are_merged_field_by_field(tmp_path: Path) -> None:
    text = "augmentation: {mixup: 0.2, snr_db: [5, 10]}\nfront_end: {high_hz: 4000}"
    config = with_preset(CONFIG, preset(tmp_path, text))
    config = with_overrides(config, ["augmentation.mixup=0.4", "epochs=2", "context=anywhere"])
    assert config.augmentation == replace(Augmentation(), mixup=0.4, snr_db=(5.0, 10.0))
    assert config.front_end.high_hz == 4_000
    assert (config.epochs, config.context) == (2, "anywhere")
    more = with_overrides(config, ["keywords=[yes, on]", "name=", "speech=[/a, /b]"])
    assert (more.keywords, more.name) == (("yes", "on"), "")
    assert more.speech == (Path("/a"), Path("/b"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("epoch: 3", "epoch: unknown key; allowed here: .*epochs"),
        ("epochs: many", "epochs: got 'many'; allowed: a whole number from 1"),
        ("mixture: 3", "mixture: got 3; allowed: a section with keywords, words"),
        ("mixture: {noise: -1}", "mixture.noise: got -1; allowed: a number from 0"),
        ("mixture: {noises: 1}", "mixture.noises: unknown key; allowed here: keywords, "),
        ("context: here", "context: got 'here'; allowed: alone, anywhere"),
        ("features: 3", "features: got 3; allowed: a path"),
        ("front_end: {high_hz: 90000}", "front_end: a front end needs 0 <= low_hz"),
        ("augmentation: {snr_db: [9, 1]}", "augmentation: snr_db is a range from low to high"),
        ("a: [", "line 1: not valid YAML"),
        ("- a", "should hold settings by name"),
        ("extends: nothing", "'nothing' not found"),
    ],
)
def test_a_mistake_is_named(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        with_preset(CONFIG, preset(tmp_path, text))


def test_presets_that_extend_each_other_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("train.presets.FOLDER", tmp_path)
    (tmp_path / "a.yaml").write_text("extends: b")
    (tmp_path / "b.yaml").write_text("extends: a")
    with pytest.raises(ConfigError, match=r"b\.yaml: extends: a extends this one in turn"):
        with_preset(CONFIG, "a")


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("epochs", "--set epochs: should be section.key=value"),
        ("=3", "--set =3: should be section.key=value"),
        ("seed=-1", "--set seed=-1: seed: got -1; allowed: a whole number from 0"),
        ("augmentation.room_probability=2", "room_probability: got 2; allowed: a number from 0 to"),
        ("augmentation.rooms=0", "augmentation.rooms: unknown key"),
        ("seed.x=1", "seed: got {'x': 1}"),
        ("seed=[", "not valid YAML"),
    ],
)
def test_a_mistake_on_the_command_line_is_named(override: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        with_overrides(CONFIG, [override])
    assert message in str(caught.value)


def test_an_unknown_preset_is_named_with_those_that_are(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"'nothing' not found; there are: .*yes-no-up-down"):
        with_preset(CONFIG, "nothing")
    path = tmp_path / "bad.yaml"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match=r"bad\.yaml, line 1: cannot be read"):
        with_preset(CONFIG, str(path))


@given(st.sampled_from([field.name for field in fields(Augmentation)]))
def test_every_augmentation_has_a_switch_of_its_own(name: str) -> None:
    off = getattr(NO_AUGMENTATION, name)
    text = str(list(off) if isinstance(off, tuple) else off).lower()
    config = with_overrides(CONFIG, [f"augmentation.{name}={text}"])
    assert config.augmentation == replace(Augmentation(), **{name: off})
    assert set(get_type_hints(Augmentation)) == {field.name for field in fields(Augmentation)}
