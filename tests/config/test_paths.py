"""Where configuration and models are looked for."""

import os
from pathlib import Path

import pytest

from kws.config import paths as places
from kws.config.paths import (
    bundled_models,
    config_file,
    find_model,
    model_folders,
    state_folder,
    user_folder,
)
from kws.errors import ModelError


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What stands for /etc/kws."""
    folder = tmp_path / "etc"
    monkeypatch.setattr(places, "MACHINE_FOLDER", folder)
    return folder


def touch(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    return path


@pytest.mark.parametrize(
    ("environment", "folder"),
    [
        ({"HOME": "/home/me"}, "/home/me/.config/kws"),
        ({"HOME": "/home/me", "XDG_CONFIG_HOME": "/mine"}, "/mine/kws"),
        ({"HOME": "/home/me", "XDG_CONFIG_HOME": "relative"}, "/home/me/.config/kws"),
    ],
)
def test_the_users_folder(environment: dict[str, str], folder: str) -> None:
    assert user_folder(environment) == Path(folder)


def test_without_a_home_there_is_no_folder() -> None:
    assert user_folder({}) is None


@pytest.mark.parametrize(
    ("environment", "folder"),
    [
        ({"HOME": "/home/me"}, "/home/me/.local/state/kws"),
        ({"HOME": "/home/me", "XDG_STATE_HOME": "/mine"}, "/mine/kws"),
        ({"HOME": "/home/me", "XDG_STATE_HOME": "relative"}, "/home/me/.local/state/kws"),
        ({"HOME": "/root", "STATE_DIRECTORY": "/var/lib/kws:/var/lib/more"}, "/var/lib/kws"),
    ],
)
def test_the_folder_of_what_survives(environment: dict[str, str], folder: str) -> None:
    assert state_folder("", environment) == Path(folder)
    assert state_folder("/elsewhere", environment) == Path("/elsewhere")
    assert state_folder("", {}) is None


def test_the_users_configuration_comes_before_the_machines(tmp_path: Path, machine: Path) -> None:
    environment = {"HOME": str(tmp_path)}
    assert config_file(environment) is None
    general = touch(machine / "config.yaml")
    assert config_file(environment) == general
    own = touch(tmp_path / ".config/kws/config.yaml")
    assert config_file(environment) == own
    assert config_file({}) == general


def test_a_folder_is_no_configuration(tmp_path: Path, machine: Path) -> None:
    (machine / "config.yaml").mkdir(parents=True)
    assert config_file({"HOME": str(tmp_path / "none")}) is None


def test_models_are_found_by_name_in_order(
    tmp_path: Path, machine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "own"))
    monkeypatch.setenv("STATE_DIRECTORY", f"{tmp_path / 'state'}:{tmp_path / 'more'}")
    folders = model_folders(os.environ)
    assert folders == [
        tmp_path / "own/kws/models",
        machine / "models",
        tmp_path / "state/models",
        tmp_path / "more/models",
    ]
    # One's own comes before a bundled one of the same name.
    assert find_model("yes-no-up-down") == bundled_models()["yes-no-up-down"]
    for folder in reversed(folders):
        # A file of kws 0.1 is found as well, but the current one of the same folder comes first.
        for suffix in (".pt", ".onnx"):
            file = touch(folder / f"yes-no-up-down{suffix}")
            assert find_model("yes-no-up-down") == file


def test_a_folder_before_counts_more_than_a_newer_format(
    tmp_path: Path, machine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "own"))
    touch(machine / "models/mine.onnx")
    own = touch(tmp_path / "own/kws/models/mine.pt")
    assert find_model("mine") == own


def test_a_path_is_a_path(tmp_path: Path, machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    touch(machine / "models/sub/mine.onnx")
    file = touch(tmp_path / "here/mine.onnx")
    monkeypatch.chdir(tmp_path)
    assert find_model("here/mine.onnx") == file.relative_to(tmp_path)
    # Names lead into no other folder.
    with pytest.raises(ModelError, match=f"nor a bundled model|{machine}"):
        find_model("sub/mine")
