"""A teacher's training."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from kws.errors import ConfigError, ModelError
from tests.train.teacher.teachers import ORIGIN, encoder, untrained
from train.fitting.checkpoint import write_checkpoint
from train.teacher import fit
from train.teacher.config import TeacherConfig, read_teacher_preset
from train.teacher.fit import TeacherTraining
from train.teacher.material import TeacherMaterial, find_material
from train.teacher.teacher_file import read_teacher


def test_it_learns(finished: Path) -> None:
    teacher = read_teacher(finished)
    assert teacher.keywords == ("low", "high")
    assert not teacher.network.training
    first, last = teacher.history[0], teacher.history[-1]
    assert last["clean_largest"] > max(0.9, first["clean_largest"])
    assert last["core_hours"] > 0
    assert [line["step"] for line in teacher.history].count("last block") == 2


def test_the_file_names_what_it_was_trained_on_with_licences(finished: Path) -> None:
    assert read_teacher(finished).sources == {
        **ORIGIN,
        "negatives/training/set": "Apache-2.0",
        "noise/training/mixed": "Apache-2.0",
        "speech_commands/background/noise": "Apache-2.0",
        "speech_commands/training": "Apache-2.0",
        "synthetic/near": "Apache-2.0",
    }


def test_interrupted_it_continues_to_the_same_teacher(
    config: TeacherConfig,
    material: TeacherMaterial,
    finished: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    output = tmp_path / "tones.teacher"
    monkeypatch.setattr(fit, "CHECKPOINT_S", 0.0)
    for written in (5, 40, 30):  # in each of the three steps
        training = TeacherTraining(config, material, untrained(), output)
        with monkeypatch.context() as patched:
            patched.setattr(fit, "write_checkpoint", _Interrupting(written))
            with pytest.raises(KeyboardInterrupt):
                training.run()
    TeacherTraining(config, material, untrained(), output).run()
    once, again = read_teacher(finished), read_teacher(output)
    for name, values in once.network.state_dict().items():
        torch.testing.assert_close(again.network.state_dict()[name], values, msg=name)
    assert len(again.history) == len(once.history)


class _Interrupting:
    """Writes so many checkpoints, and then is Ctrl-C."""

    def __init__(self, count: int) -> None:
        self._left = count

    def __call__(self, state: dict[str, Any], path: Path) -> None:
        write_checkpoint(state, path)
        self._left -= 1
        if not self._left:
            raise KeyboardInterrupt


def test_frozen_blocks_stay_as_they_were(
    config: TeacherConfig, material: TeacherMaterial, tmp_path: Path
) -> None:
    output = tmp_path / "tones.teacher"
    step = replace(config.steps[1], passes=1)
    TeacherTraining(replace(config, steps=(step,)), material, untrained(), output).run()
    before, after = encoder().state_dict(), read_teacher(output).network.encoder.state_dict()
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert changed
    assert all(name.startswith(("blocks.1.", "norm.")) for name in changed)


def test_a_checkpoint_of_other_settings_or_recordings_is_refused(
    config: TeacherConfig, material: TeacherMaterial, finished: Path
) -> None:
    with pytest.raises(ConfigError, match="seed was 1 and is 2"):
        TeacherTraining(replace(config, seed=2), material, untrained(), finished)
    fewer = material.training.where(lambda row: row.word != "other")
    with pytest.raises(ConfigError, match="data was"):
        TeacherTraining(config, replace(material, training=fewer), untrained(), finished)


def test_a_teacher_is_trained_from_another(
    config: TeacherConfig, material: TeacherMaterial, finished: Path, tmp_path: Path
) -> None:
    initial = read_teacher(finished)
    output = tmp_path / "more.teacher"
    config = replace(config, steps=config.steps[1:2])
    TeacherTraining(config, material, initial, output).run()
    more = read_teacher(output)
    assert more.history[: len(initial.history)] == initial.history
    assert more.core_s > initial.core_s
    assert more.sources == initial.sources
    # What its first blocks make of examples is not what those of the untrained one made of them.
    assert not (finished.with_name("tones.teacher.cache") / _cache(output)).exists()
    with pytest.raises(ConfigError, match="start from knows low, high"):
        TeacherTraining(replace(config, keywords=("high",)), material, initial, output)


def _cache(output: Path) -> str:
    (folder,) = output.with_name(f"{output.name}.cache").iterdir()
    return folder.name


def test_what_is_no_teacher_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "x.teacher"
    with pytest.raises(ModelError, match="is no teacher"):
        read_teacher(path)
    write_checkpoint({"settings": {}}, path)
    with pytest.raises(ModelError, match="is no teacher"):
        read_teacher(path)


def test_a_keyword_without_recordings_is_an_error(listed: Path) -> None:
    with pytest.raises(ConfigError, match="no recordings to train on of: missing"):
        find_material([listed], ("low", "missing"))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"keywords": ("a", "a")}, "have to be different"),
        ({"steps": ()}, "one at least"),
        ({"batch": 33}, "divide 512"),
        ({"pause_s": (0.5, 0.1)}, "range from low to high"),
        ({"seed": -1}, "seed"),
    ],
)
def test_contradictions_are_found(
    config: TeacherConfig, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        replace(config, **changes).check()


def test_presets_are_read_by_name_and_from_files(tmp_path: Path) -> None:
    preset = read_teacher_preset("commands-10")
    preset.check()
    assert len(preset.keywords) == 10
    path = tmp_path / "mine.yaml"
    path.write_text("keywords: [a]\nsteps: [{name: x, trained_blocks: 0, examples: 1, passes: 1}]")
    assert read_teacher_preset(str(path)).steps[0].name == "x"
    with pytest.raises(ConfigError, match="there are: commands-10"):
        read_teacher_preset("nothing")
