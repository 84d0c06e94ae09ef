"""A teacher as a verifier."""

from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import torch

from kws.errors import ConfigError, ModelError
from kws.spotting.backends.onnx import OnnxVerifier
from kws.spotting.verifier_file import read_verifier
from tests.train.recordings import tone
from tests.train.teacher.teachers import ORIGIN, untrained
from train.__main__ import main
from train.teacher.examples import placed
from train.teacher.export import export_teacher, verifier_of
from train.teacher.network import TeacherNetwork, in_batches
from train.teacher.teacher_file import TeacherFile, read_teacher, untrained_teacher
from train.teacher.whisper import LICENCE, PACKAGE, SOURCE, pretrained_encoder


def windows() -> np.ndarray:
    """A tone each, of the words that the small teacher has learned and of others."""
    hertz = np.geomspace(150, 3_000, 12)
    return np.stack([placed(tone(each, seed), 0.3) for seed, each in enumerate(hertz)])


def expected(network: TeacherNetwork, sound: np.ndarray) -> np.ndarray:
    posteriors: np.ndarray = in_batches(network, torch.from_numpy(sound)).softmax(1)[:, 1:].numpy()
    return posteriors


def test_a_verifier_gives_its_teachers_posteriors(finished: Path, tmp_path: Path) -> None:
    output = tmp_path / "made" / "tones.onnx"
    assert main(["teacher", "export", "--teacher", str(finished), "--output", str(output)]) == 0
    teacher, file = read_teacher(finished), read_verifier(output)
    sound = windows()
    scores = OnnxVerifier(file).scores(sound)
    np.testing.assert_allclose(scores, expected(teacher.network, sound), atol=0.05, rtol=0)
    # It has learned something, which another network would not give.
    assert scores.max() > 0.8
    assert scores.min() < 0.2


def test_the_header_says_what_the_verifier_is_made_of(finished: Path) -> None:
    teacher = read_teacher(finished)
    header = verifier_of(teacher, "tones").header
    assert (header.name, header.classes) == ("tones", ("low", "high"))
    assert header.measured == teacher.history[-1]
    assert header.training["core_hours"] == round(teacher.core_s / 3600, 3)
    assert header.training["batch"] == 16
    assert [each["name"] for each in header.training["steps"]] == ["head", "last block", "all"]
    assert "Made for tests: CC0-1.0" in header.sources
    assert "speech_commands/training: Apache-2.0" in header.sources
    assert header.licence == "recordings: Apache-2.0, CC0-1.0"
    sources = {SOURCE: LICENCE, **ORIGIN}
    both = verifier_of(replace(teacher, sources=sources), "tones").header
    assert both.licence == (
        "Whisper's encoder: MIT, Copyright (c) 2022 OpenAI; recordings: CC0-1.0"
    )


@pytest.mark.skipif(find_spec(PACKAGE) is None, reason=f"{PACKAGE} is not installed")
def test_a_verifier_of_whispers_size_has_less_than_10_mb() -> None:
    teacher = untrained_teacher(pretrained_encoder(), ["low", "high"], {SOURCE: LICENCE}, seed=1)
    teacher.network.eval()
    file = verifier_of(teacher, "tones")
    assert len(file.encoded) < 10_000_000
    assert file.parameters == sum(each.numel() for each in teacher.network.parameters())
    sound = windows()[:3]
    np.testing.assert_allclose(
        OnnxVerifier(file).scores(sound), expected(teacher.network, sound), atol=0.02, rtol=0
    )


def test_a_teacher_with_weights_that_are_not_finite_is_refused() -> None:
    teacher: TeacherFile = untrained()
    torch.nn.init.constant_(teacher.network.head.value.weight, torch.nan)
    with pytest.raises(ModelError, match="not finite"):
        verifier_of(teacher, "tones")


def test_the_teacher_is_not_overwritten_and_a_failed_write_is_named(
    finished: Path, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match="would overwrite the teacher"):
        export_teacher(finished, finished)
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="cannot be written"):
        export_teacher(finished, tmp_path / "file" / "tones.onnx")
    with pytest.raises(ModelError, match="is no teacher"):
        export_teacher(tmp_path / "file", tmp_path / "tones.onnx")
