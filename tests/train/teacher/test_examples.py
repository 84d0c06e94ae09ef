"""Windows that a teacher is trained with."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from kws.errors import ConfigError
from kws.spotting.whisper_mel import SAMPLE_RATE
from tests.train.recordings import RATE, TONES, tone
from train.data.index import IMAGES, Recording, Row, TrainingRecordings
from train.scenes.augment import NO_AUGMENTATION
from train.scenes.sources import Moment
from train.teacher.config import TeacherConfig, TeacherMixture
from train.teacher.examples import TeacherExamples, placed
from train.teacher.material import TeacherMaterial, find_material
from train.teacher.network import WINDOW_SAMPLES
from train.teacher.proposed import with_proposed

NOTHING = TeacherMixture(0, 0, 0, 0, 0, 0, 0, 0)


def only(config: TeacherConfig, **shares: float) -> TeacherConfig:
    """Windows of one kind, as they are."""
    mixture = replace(NOTHING, apart=0.0, **shares)
    return replace(config, mixture=mixture, augmentation=NO_AUGMENTATION)


def loudest_hertz(samples: np.ndarray) -> float:
    spectrum = np.abs(np.fft.rfft(samples))
    return float(spectrum.argmax() * SAMPLE_RATE / len(samples))


def test_a_keyword_ends_a_pause_before_the_window_does(
    config: TeacherConfig, material: TeacherMaterial
) -> None:
    config = replace(only(config, keywords=1.0), pause_s=(0.2, 0.4))
    examples = TeacherExamples(config, material)
    labels = set()
    for seed in range(20):
        window, label = examples.draw(np.random.default_rng(seed))
        assert window.shape == (WINDOW_SAMPLES,)
        assert window.dtype == np.float32
        assert loudest_hertz(window) == pytest.approx(TONES[("low", "high")[label - 1]], rel=0.02)
        loud = np.flatnonzero(np.abs(window) > 0.05)
        pause_s = (WINDOW_SAMPLES - loud[-1]) / SAMPLE_RATE
        # The tones fade in and out: what is loud ends a little before the word does.
        assert 0.2 <= pause_s <= 0.4 + 0.08
        labels.add(label)
    assert labels == {1, 2}


@pytest.mark.parametrize("kind", ["company", "partial", "near", "words", "speech", "noise"])
def test_everything_but_a_keyword_alone_is_none(
    kind: str, config: TeacherConfig, material: TeacherMaterial
) -> None:
    examples = TeacherExamples(only(config, **{kind: 1.0}), material)
    for seed in range(10):
        window, label = examples.draw(np.random.default_rng(seed))
        assert label == 0
        assert window.shape == (WINDOW_SAMPLES,)


def test_a_share_of_the_words_is_sound_of_images(
    tmp_path: Path, config: TeacherConfig, material: TeacherMaterial
) -> None:
    made = []
    for word, hertz in (("low", 700.0), ("other", 2_300.0)):
        path = tmp_path / word / "x_nohash_0.wav"
        path.parent.mkdir()
        soundfile.write(path, tone(hertz, 1), RATE)
        made.append(Recording(Row(IMAGES, path.name, RATE, word, "x", "training", "", "MIT"), path))
    more = replace(material, training=TrainingRecordings((*material.training, *made)))
    drawn = {}
    for kind, own in (("keywords", 700.0), ("words", 2_300.0)):
        for images in (0.0, 0.5, 1.0):
            examples = TeacherExamples(only(config, **{kind: 1.0}, images=images), more)
            found = [loudest_hertz(examples.draw(np.random.default_rng(s))[0]) for s in range(60)]
            drawn[kind, images] = np.mean([abs(each - own) < 50 for each in found])
    assert drawn["keywords", 0.0] == drawn["words", 0.0] == 0
    # There is no image of "high", the other keyword.
    assert 0.1 < drawn["keywords", 0.5] < 0.4 < drawn["keywords", 1.0] < 0.75
    assert 0.3 < drawn["words", 0.5] < 0.7
    assert drawn["words", 1.0] == 1


def test_little_of_a_partial_keyword_is_in_the_window(
    config: TeacherConfig, material: TeacherMaterial
) -> None:
    whole = TeacherExamples(only(config, keywords=1.0), material)
    part = TeacherExamples(only(config, partial=1.0), material)
    energies = [
        np.mean([np.square(each.draw(np.random.default_rng(s))[0]).sum() for s in range(20)])
        for each in (whole, part)
    ]
    assert energies[1] < 0.4 * energies[0]


def test_near_words_of_held_out_voices_are_never_drawn(material: TeacherMaterial) -> None:
    assert {each.row.speaker for each in material.held_out} == {"bm_lewis"}
    assert not any(each.row.new_voice for each in material.training)


def test_speech_with_a_keyword_in_its_transcript_is_no_negative(
    listed: Path, tmp_path: Path, config: TeacherConfig
) -> None:
    copy = tmp_path / "data"
    copy.symlink_to(listed, target_is_directory=True)
    negatives = listed / "negatives" / "transcripts.csv"
    negatives.write_text(
        "pack,clip,text\nnegatives/training/set,noise.wav,Take it low.\n"
        "negatives/training/set,other.wav,Take it slowly.\n"
    )
    try:
        found = find_material([copy], config.keywords)
        assert found.spoken == {"negatives/training/set/noise.wav"}
        assert not TeacherExamples(config, found)._speech
    finally:
        negatives.unlink()


def test_a_clip_is_placed_with_a_pause_behind_it() -> None:
    window = placed(tone(800.0, 1), 0.3)
    loud = np.flatnonzero(np.abs(window) > 0.05)
    assert (WINDOW_SAMPLES - loud[-1]) / SAMPLE_RATE == pytest.approx(0.34, abs=0.04)


def test_what_a_model_takes_for_a_keyword_is_none(
    config: TeacherConfig, material: TeacherMaterial
) -> None:
    recording = next(each for each in material.training if each.row.word == "lo")
    moments = (Moment(recording.path, RATE // 2, 0.9),)
    examples = TeacherExamples(only(config, proposed=1.0), replace(material, proposed=moments))
    window, label = examples.draw(np.random.default_rng(1))
    assert label == 0
    assert loudest_hertz(window) == pytest.approx(330.0, rel=0.02)


def test_without_such_moments_there_are_none_of_their_examples(
    config: TeacherConfig, material: TeacherMaterial
) -> None:
    assert not material.proposed
    with pytest.raises(ConfigError, match="nothing to train with"):
        TeacherExamples(only(config, proposed=1.0), material)


def test_the_proposer_is_asked_about_what_is_no_keyword(
    config: TeacherConfig, material: TeacherMaterial, caplog: pytest.LogCaptureFixture
) -> None:
    assert with_proposed(material, config) is material
    caplog.set_level("INFO")
    with_proposed(material, replace(config, proposer="yes-no-up-down"))
    asked = material.training.where(
        lambda row: (
            row.word not in (*config.keywords, "_background_noise_")
            and not row.pack.startswith("noise/")
        )
    )
    assert f"moments of {len(asked)} recordings" in caplog.text
