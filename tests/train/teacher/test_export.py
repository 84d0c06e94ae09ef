"""A teacher as a verifier."""

from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import torch

from kws.errors import ModelError
from kws.spotting.backends.onnx import OnnxVerifier
from kws.spotting.backends.torch import parameter_count
from kws.spotting.verifier_file import VerifierFile, read_verifier, save_verifier
from tests.train.recordings import tone
from tests.train.teacher.teachers import untrained
from train.teacher.examples import placed
from train.teacher.export import export_teacher, teacher_of, verifier_of
from train.teacher.network import TeacherNetwork, in_batches
from train.teacher.teacher_file import TeacherFile, untrained_teacher
from train.teacher.whisper import LICENCE, PACKAGE, SOURCE, pretrained_encoder


def teacher() -> TeacherFile:
    """A small one, whose posteriors for sound differ, as a training leaves it."""
    made = untrained()
    torch.nn.init.normal_(made.network.head.value.weight, std=2)
    made.network.eval()
    return replace(
        made,
        sources={SOURCE: LICENCE, "words": "CC-BY-4.0", "noise": "CC0-1.0", "more": "CC0-1.0"},
        history=({"step": "head", "clean_right": 0.5}, {"step": "all", "clean_right": None}),
        core_s=5_400.0,
        settings={"keywords": ["low", "high"], "batch": 16},
    )


def windows() -> np.ndarray:
    """A tone each."""
    hertz = np.geomspace(150, 3_000, 5)
    return np.stack([placed(tone(each, seed), 0.3) for seed, each in enumerate(hertz)])


def assert_same(file: VerifierFile, network: TeacherNetwork, within: float) -> None:
    sound = windows()
    scores = OnnxVerifier(file).scores(sound)
    expected = in_batches(network, torch.from_numpy(sound)).softmax(1)[:, 1:].numpy()
    np.testing.assert_allclose(scores, expected, atol=within, rtol=0)


def test_a_verifier_gives_its_teachers_posteriors() -> None:
    made = teacher()
    file = verifier_of(made, "tones")
    assert_same(file, made.network, 0.03)
    # Who tells no windows apart tests nothing.
    assert OnnxVerifier(file).scores(windows()).std(0).max() > 0.03


def test_the_header_says_what_the_verifier_is_made_of() -> None:
    header = verifier_of(teacher(), "tones").header
    assert (header.name, header.classes) == ("tones", ("low", "high"))
    assert header.measured == {"step": "all", "clean_right": None}
    assert header.training == {"keywords": ["low", "high"], "batch": 16, "core_hours": 1.5}
    assert header.sources == (
        *(f"{SOURCE}: MIT", "words: CC-BY-4.0"),
        *("noise: CC0-1.0", "more: CC0-1.0"),
    )
    assert header.licence == (
        "Whisper's encoder: MIT, Copyright (c) 2022 OpenAI; recordings: CC-BY-4.0, CC0-1.0"
    )
    own = verifier_of(untrained(), "tones").header
    assert (own.licence, own.measured) == ("recordings: CC0-1.0", {})


def test_a_verifier_gives_a_teacher_to_start_from(tmp_path: Path) -> None:
    made = teacher()
    path = tmp_path / "tones.onnx"
    save_verifier(verifier_of(made, "tones"), path)
    again = teacher_of(path)
    assert (again.keywords, again.sources) == (made.keywords, made.sources)
    assert (again.core_s, again.history) == (made.core_s, made.history[-1:])
    # Its weights are those that the verifier computes with.
    assert_same(read_verifier(path), again.network, 1e-4)


@pytest.mark.skipif(find_spec(PACKAGE) is None, reason=f"{PACKAGE} is not installed")
def test_a_verifier_of_whispers_size_has_less_than_10_mb() -> None:
    made = untrained_teacher(pretrained_encoder(), ["low", "high"], {SOURCE: LICENCE}, seed=1)
    made.network.eval()
    file = verifier_of(made, "tones")
    assert len(file.encoded) < 10_000_000
    assert file.parameters == parameter_count(made.network)
    assert_same(file, made.network, 0.01)


def test_a_teacher_with_weights_that_are_not_finite_is_refused() -> None:
    made = teacher()
    torch.nn.init.constant_(made.network.head.value.weight, torch.nan)
    with pytest.raises(ModelError, match="not finite"):
        verifier_of(made, "tones")


def test_what_is_no_teacher_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ModelError, match="is no teacher"):
        export_teacher(tmp_path / "file", tmp_path / "tones.onnx")
