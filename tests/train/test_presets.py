"""Presets: settings of a training by name."""

from pathlib import Path

import pytest

from kws.errors import ConfigError
from train.fit import FitConfig
from train.presets import FOLDER, with_preset

CONFIG = FitConfig(words=Path("words"), output=Path("model.pt"))


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.yaml")), ids=lambda path: path.stem)
def test_every_preset_can_be_used(path: Path) -> None:
    config = with_preset(CONFIG, path.stem)
    assert config.words == CONFIG.words
    assert config.name == path.stem
    assert config.licence
    assert config.sources


def test_the_words_yes_and_no_are_words() -> None:
    assert with_preset(CONFIG, "yes-no-up-down").keywords == ("yes", "no", "up", "down")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("epoch: 3", "epoch: unknown key; allowed here: .*epochs"),
        ("epochs: many", "epochs: Expected `int`"),
        ("a: [", "not valid YAML"),
    ],
)
def test_a_mistake_is_named(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "preset.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=message):
        with_preset(CONFIG, str(path))


def test_an_unknown_preset_is_named_with_those_that_are() -> None:
    with pytest.raises(ConfigError, match=r"'nothing' not found; there are: .*yes-no-up-down"):
        with_preset(CONFIG, "nothing")
