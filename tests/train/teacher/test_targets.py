"""Soft targets."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from kws.errors import ConfigError
from tests.train.recordings import RATE
from train.data.index import TrainingRecordings, read_index
from train.data.samples import read_samples
from train.teacher.material import TeacherMaterial
from train.teacher.network import WINDOW_SAMPLES, TeacherNetwork
from train.teacher.targets import read_targets, targets_path, window_ends, write_targets
from train.teacher.teacher_file import TeacherFile
from train.teacher.whisper import WhisperEncoder


@pytest.fixture(scope="module")
def teacher() -> TeacherFile:
    torch.manual_seed(1)
    network = TeacherNetwork(WhisperEncoder(64, 1), 2).eval()
    return TeacherFile(network, ("low", "high"), {}, ())


def test_every_recording_to_train_on_has_targets_and_no_other(
    teacher: TeacherFile, material: TeacherMaterial, listed: Path, tmp_path: Path
) -> None:
    assert write_targets(teacher, material.training, tmp_path) == len(material.training)
    got = {
        each.row.name
        for each in material.training
        if each.row.place in read_targets(targets_path(tmp_path, each.row.pack)).clips
    }
    near = read_targets(targets_path(tmp_path, "synthetic/near")).clips
    assert len(set(near.tolist())) == len(near)
    index = read_index(listed / "index.csv", listed)
    allowed = {each.row.name for each in index if each.row.refusal is None}
    assert got == allowed
    packs = {each.row.pack for each in index if each.row.use != "training"}
    assert packs
    assert not any(targets_path(tmp_path, pack).exists() for pack in packs)


def test_recordings_for_evaluation_cannot_be_handed_over(listed: Path) -> None:
    everything = read_index(listed / "index.csv", listed)
    for use in ("validation", "calibration", "evaluation"):
        some = tuple(each for each in everything if each.row.use == use)
        assert some
        with pytest.raises(ConfigError, match=f"its use is {use}"):
            TrainingRecordings(some)


def test_targets_are_the_teachers_logits_for_the_windows(
    teacher: TeacherFile, material: TeacherMaterial, tmp_path: Path
) -> None:
    speech = material.training.where(lambda row: row.pack == "noise/training/mixed")
    write_targets(teacher, speech, tmp_path)
    targets = read_targets(targets_path(tmp_path, "noise/training/mixed"))
    ends, logits = targets.of(0)
    assert len(ends) > 10
    samples = read_samples(speech.recordings[0].path, RATE)
    end = int(ends[10])
    assert WINDOW_SAMPLES < end < len(samples)
    with torch.no_grad():
        window = torch.from_numpy(samples[end - WINDOW_SAMPLES : end])[None]
        expected = teacher.network(window)[0].numpy()
    np.testing.assert_allclose(logits[10], expected, atol=2e-3)


def test_a_word_has_one_window_with_a_pause_behind_it() -> None:
    samples = np.zeros(RATE, np.float32)
    samples[4_000:8_000] = 0.5
    assert window_ends(samples, word=True) == [8_000 + int(0.3 * RATE)]


def test_running_speech_has_windows_up_to_its_end() -> None:
    ends = window_ends(np.zeros(10 * RATE, np.float32), word=False)
    assert ends[0] == RATE // 2
    assert set(np.diff(ends)) == {int(0.2 * RATE)}
    assert 10 * RATE <= ends[-1] <= 10.2 * RATE


def test_what_was_written_is_left_alone(
    teacher: TeacherFile, material: TeacherMaterial, tmp_path: Path
) -> None:
    near = material.training.where(lambda row: row.pack == "synthetic/near")
    assert write_targets(teacher, near, tmp_path) == len(near) > 0
    assert write_targets(replace(teacher, keywords=("x", "y")), near, tmp_path) == 0
    assert read_targets(targets_path(tmp_path, "synthetic/near")).keywords == ("low", "high")


def test_what_is_no_target_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "x.npz"
    for content in (None, b"nonsense"):
        if content:
            path.write_bytes(content)
        with pytest.raises(ConfigError, match="no targets to read"):
            read_targets(path)
