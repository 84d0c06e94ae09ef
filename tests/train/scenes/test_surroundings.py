"""What is around a word."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.train.trainings import SETTINGS, tiny_material
from train.scenes.augment import NO_AUGMENTATION, Augmentation
from train.scenes.settings import SceneSettings
from train.scenes.sources import Recordings
from train.scenes.surroundings import BABBLE_VOICES, VOICE_SNR_DB, Surroundings

HOP = 160
NOTHING = Recordings()


def surroundings(data: Path, settings: SceneSettings = SETTINGS) -> Surroundings:
    material = tiny_material(data)
    return Surroundings(settings, material.speech, material.noise)


@pytest.mark.parametrize("near", [(40, None), (None, 90), (40, 90), (-3, 90)])
def test_company_is_beside_a_word_and_nowhere_else(
    data: Path, near: tuple[int | None, int | None]
) -> None:
    company = surroundings(data).company(near, np.random.default_rng(1))
    assert company is not None
    assert company.shape == (SETTINGS.samples,)
    before = max(0, near[0] or 0) * HOP
    after = SETTINGS.samples if near[1] is None else near[1] * HOP
    assert not company[before:after].any()
    for beside in (company[:before], company[after:]):
        assert not len(beside) or np.count_nonzero(beside) > 0.99 * len(beside)


def test_without_room_there_is_no_company(data: Path) -> None:
    draw = np.random.default_rng(1)
    assert surroundings(data).company((-5, 400), draw) is None


def test_noise_is_recorded_coloured_or_people(data: Path) -> None:
    draw = np.random.default_rng(1)
    for settings in (
        Augmentation(coloured_probability=1.0, babble_probability=0.0),
        Augmentation(coloured_probability=0.0, babble_probability=1.0),
        Augmentation(coloured_probability=0.0, babble_probability=0.0),
    ):
        around = surroundings(data, replace(SETTINGS, augmentation=settings))
        noise, snr_db = around.noise(draw)
        low, high = settings.snr_db
        assert low <= snr_db <= high
        assert noise.shape == (SETTINGS.samples,)
        assert noise.any()
    # Without recordings there is still noise.
    assert Surroundings(SETTINGS, NOTHING, NOTHING).noise(draw)[0].any()
    assert not Surroundings(SETTINGS, NOTHING, NOTHING).can_talk


@pytest.mark.parametrize(
    "switched_on",
    ["room_probability", "noise_probability", "band_probability", "clipping_probability"],
)
def test_everything_that_varies_a_scene_has_its_own_switch(data: Path, switched_on: str) -> None:
    scene = np.zeros(SETTINGS.samples, np.float32)
    scene[8_000:16_000] = np.random.default_rng(1).uniform(-0.4, 0.4, 8_000)
    off = replace(NO_AUGMENTATION, shift=True, snr_db=(5.0, 5.0))
    plain = replace(SETTINGS, augmentation=off)
    on: dict[str, Any] = {switched_on: 1.0}
    one = replace(SETTINGS, augmentation=replace(off, **on))
    before = surroundings(data, plain).vary(scene, 0.05, np.random.default_rng(1))
    after = surroundings(data, one).vary(scene, 0.05, np.random.default_rng(1))
    assert before == pytest.approx(scene)
    assert np.abs(before - after).max() > 0.05


def test_no_voice_in_babble_is_loud(data: Path) -> None:
    draw = np.random.default_rng(1)
    settings = Augmentation(babble_probability=1.0, snr_db=(-20.0, -20.0))
    around = surroundings(data, replace(SETTINGS, augmentation=settings))
    levels = [around.noise(draw)[1] for _ in range(40)]
    fewest, most = (VOICE_SNR_DB - 10 * np.log10(voices) for voices in BABBLE_VOICES)
    assert most <= min(levels) < max(levels) <= fewest
