"""Scenes of a word."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kws.spotting.frontend import FrontEndSettings, mel_filters
from tests.train.trainings import SETTINGS, tiny_material
from train.data.clips import SPLITS
from train.data.features import FeatureClip, band_centres
from train.scenes.augment import NO_AUGMENTATION
from train.scenes.scene import NONE
from train.scenes.settings import Mixture, SceneSettings
from train.scenes.surroundings import Surroundings
from train.scenes.word_scenes import WordScenes, add_at

PLAIN = replace(
    SETTINGS,
    augmentation=replace(NO_AUGMENTATION, shift=True),
    mixture=Mixture(company=0.0),
)


def word_scenes(data: Path, settings: SceneSettings = PLAIN) -> WordScenes:
    material = tiny_material(data)
    return WordScenes(settings, Surroundings(settings, material.speech, material.noise))


def image(loud: slice) -> FeatureClip:
    grey = np.full((98, 40), 20, np.uint8)
    grey[loud] = 140
    return FeatureClip(grey, "low", SPLITS[0])


@pytest.mark.parametrize("seed", range(8))
def test_the_word_is_where_the_first_view_sees_it(data: Path, seed: int) -> None:
    draw = np.random.default_rng(seed)
    scenes = word_scenes(data)
    for scene in (
        scenes.of_clip(tiny_material(data).recorded[seed], 1, draw),
        scenes.of_image(image(slice(40, 60)), 1, draw),
    ):
        assert scene.frames.shape == (SETTINGS.frames, 40)
        level = scene.frames.exp().sum(1)
        loudest = int(level.argmax())
        view = scene.views[0]
        assert view.label == 1
        assert view.last <= loudest <= view.first + SETTINGS.window_frames
        for other in scene.views[1:]:
            assert other.label == NONE


def test_the_word_is_anywhere(data: Path) -> None:
    draw = np.random.default_rng(1)
    scenes = word_scenes(data)
    places = {
        int(scenes.of_image(image(slice(40, 60)), 1, draw).frames.sum(1).argmax())
        for _ in range(60)
    }
    assert min(places) < 30
    assert max(places) > 120


def test_another_word_is_none_in_every_window(data: Path) -> None:
    scene = word_scenes(data).of_image(image(slice(40, 60)), NONE, np.random.default_rng(1))
    assert [view.label for view in scene.views] == [NONE]


def test_without_shift_a_clip_stays_where_it_is(data: Path) -> None:
    settings = replace(PLAIN, augmentation=NO_AUGMENTATION)
    scenes = word_scenes(data, settings)
    scene = scenes.of_image(image(slice(40, 60)), 2, np.random.default_rng(1))
    assert scene.frames.shape == (98, 40)
    assert [view.label for view in scene.views] == [2]
    loud = np.flatnonzero(scene.frames.sum(1) > float(scene.frames.sum(1).mean()))
    assert (loud[0], loud[-1]) == (40, 59)


def test_with_speech_beside_it_a_keyword_that_should_stand_alone_is_none(data: Path) -> None:
    labels = {}
    for context in ("alone", "anywhere"):
        settings = replace(PLAIN, context=context, mixture=Mixture(company=1.0))
        scenes = word_scenes(data, settings)
        draw = np.random.default_rng(1)
        labels[context] = [
            scenes.of_image(image(slice(40, 60)), 1, draw).views[0].label for _ in range(60)
        ]
    assert set(labels["anywhere"]) == {1}
    assert set(labels["alone"]) == {NONE, 1}


@given(st.integers(1, 30), st.integers(1, 30), st.integers(-40, 40))
def test_what_is_added_outside_is_left_out(scene: int, clip: int, offset: int) -> None:
    into = np.zeros(scene)
    add_at(into, np.ones(clip), offset)
    wanted = [1.0 if offset <= place < offset + clip else 0.0 for place in range(scene)]
    assert into.tolist() == wanted


def test_bands_have_their_peak_at_their_centre() -> None:
    settings = FrontEndSettings(fft_length=16_384)
    peaks = mel_filters(settings).argmax(0) * settings.sample_rate / settings.fft_length
    assert band_centres(settings) == pytest.approx(peaks, abs=1)
