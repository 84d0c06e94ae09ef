"""What an epoch of training windows holds."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from kws.errors import ConfigError
from tests.train.recordings import RATE, tone
from tests.train.trainings import KEYWORDS, SETTINGS, tiny_material
from train.data.clips import word_clips
from train.scenes.dataset import ATTEMPTS, Drawings, Drawn, Key, Material, Scenes
from train.scenes.scene import NONE
from train.scenes.settings import Mixture, SceneSettings
from train.scenes.sources import Moment

ONLY = {"keywords": 0.0, "words": 0.0, "speech": 0.0, "noise": 0.0, "hard": 0.0}


def drawings(
    data: Path,
    settings: SceneSettings = SETTINGS,
    material: Material | None = None,
    views: int = 4,
    seed: int = 1,
) -> Drawings:
    return Drawings(Scenes(settings, material or tiny_material(data)), views, seed)


def drawn_in(
    drawings: Drawings, count: int, epoch: int = 0, hard: Moment | None = None
) -> Iterator[Drawn]:
    """The first scenes of an epoch."""
    return (drawings[Key(epoch, number, hard)] for number in range(count))


def only(**shares: float) -> SceneSettings:
    return replace(SETTINGS, mixture=Mixture(**{**ONLY, **shares}))


def test_windows_depend_on_seed_epoch_and_number_only(data: Path) -> None:
    first, again = (drawings(data)[Key(0, 7)] for _ in range(2))
    assert torch.equal(first.windows, again.windows)
    assert torch.equal(first.labels, again.labels)
    others = (
        drawings(data)[Key(0, 8)],
        drawings(data)[Key(1, 7)],
        drawings(data, seed=2)[Key(0, 7)],
    )
    assert not any(torch.equal(first.windows, other.windows) for other in others)


def test_a_scene_is_seen_through_windows(data: Path) -> None:
    for drawn in drawn_in(drawings(data), 60):
        assert drawn.windows.shape == (4, 40, 98)
        assert drawn.windows.dtype == torch.float32
        assert torch.isfinite(drawn.windows).all()
        assert set(drawn.labels.tolist()) <= {NONE, 1, 2}
        assert not drawn.unreadable
        assert not drawn.failed


def test_keywords_come_equally_often_and_as_often_as_they_should(data: Path) -> None:
    mixed = drawings(data, only(keywords=0.5, words=0.25, noise=0.25), views=1)
    counts = Counter(int(drawn.labels) for drawn in drawn_in(mixed, 400))
    # A quarter of the windows that a keyword gives see other parts of its scene.
    assert counts[1] + counts[2] == pytest.approx(0.75 * 200, abs=40)
    assert counts[1] == pytest.approx(counts[2], abs=40)


def test_other_kinds_hold_no_keyword(data: Path) -> None:
    for kind in ("words", "speech", "noise"):
        assert not any(
            drawn.labels.any() for drawn in drawn_in(drawings(data, only(**{kind: 1.0})), 20)
        )


def test_noise_alone_is_sometimes_silence(data: Path) -> None:
    settings = only(noise=1.0)
    settings = replace(settings, augmentation=replace(settings.augmentation, noise_probability=0.0))
    drawn = drawn_in(drawings(data, settings, views=1), 200)
    silent = [bool(each.windows.amax() == each.windows.amin()) for each in drawn]
    assert 0.1 < np.mean(silent) < 0.3


def test_a_hard_moment_is_drawn_with_its_window(data: Path, tmp_path: Path) -> None:
    path = tmp_path / "long.wav"
    samples = np.zeros(10 * RATE, np.float32)
    samples[5 * RATE : 6 * RATE] = tone(1_000, 1)
    soundfile.write(path, samples, RATE)
    settings = only(hard=1.0, noise=1e-9)
    plain = replace(settings.augmentation, noise_probability=0.0, speed_probability=0.0)
    hard = drawings(data, replace(settings, augmentation=plain))
    for drawn in drawn_in(hard, 50, hard=Moment(path, 6 * RATE, 0.9)):
        assert float(drawn.windows.exp().amax()) > 1e-4
        assert not drawn.labels.any()


def test_words_that_only_synthesisers_say_are_drawn_too(data: Path, tmp_path: Path) -> None:
    (tmp_path / "similar").mkdir()
    soundfile.write(tmp_path / "similar/voice_nohash_0.wav", tone(500, 1), RATE)
    spoken = tiny_material(data).recorded
    keywords = np.concatenate([spoken.by_word()[word] for word in KEYWORDS])
    material = replace(
        tiny_material(data), recorded=spoken.take(keywords), synthetic=word_clips(tmp_path)
    )
    (drawn,) = drawn_in(drawings(data, only(words=1.0), material), 1)
    assert not drawn.labels.any()


def test_with_nothing_to_draw_from_the_mixture_is_named(data: Path) -> None:
    with pytest.raises(ConfigError, match="mixture: nothing to train with"):
        Scenes(only(speech=1.0), replace(tiny_material(data), speech=Material().speech))


@pytest.fixture
def damaged(data: Path, tmp_path: Path) -> Material:
    """The small data set with a recording that goes bad after it was found."""
    words = tmp_path / "words"
    for word in ("low", "high", "other"):
        (words / word).mkdir(parents=True)
        for number in range(3):
            path = words / word / f"speaker{number}_nohash_0.wav"
            soundfile.write(path, tone(500, number), RATE)
    material = replace(tiny_material(data), recorded=word_clips(words))
    (words / "low/speaker1_nohash_0.wav").write_bytes(b"")
    return material


def test_what_cannot_be_read_is_reported_and_something_else_drawn(
    data: Path, damaged: Material
) -> None:
    drawn, again = (list(drawn_in(drawings(data, material=damaged), 100)) for _ in range(2))
    unreadable = {message for each in drawn for message in each.unreadable}
    assert unreadable == {f"{damaged.recorded[4].path}: the file is empty"}
    for first, second in zip(drawn, again, strict=True):
        assert len(first.windows) == 4
        assert torch.equal(first.windows, second.windows)
        assert first.unreadable == second.unreadable


def test_without_readable_clips_there_is_an_error(data: Path, damaged: Material) -> None:
    for clip in damaged.recorded:
        clip.path.write_bytes(b"")
    (failed,) = drawn_in(drawings(data, only(keywords=1.0), damaged), 1)
    assert failed.failed
    assert len(failed.unreadable) == ATTEMPTS
    batch = drawings(data).batch([failed, *drawn_in(drawings(data), 1)])
    assert batch.failed
    assert batch.windows.shape == (4, 40, 98)
    assert batch.unreadable == failed.unreadable


def test_a_batch_may_be_empty(data: Path) -> None:
    batch = drawings(data).batch([])
    assert batch.windows.shape == (0, 40, 98)
    assert batch.labels.shape == (0,)
