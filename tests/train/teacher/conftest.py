"""A small teacher's recordings: those of all tests of the trainer, with a table of them."""

from pathlib import Path

import pytest
import soundfile

from tests.train.recordings import RATE, add_held_out, tone, write_data
from tests.train.teacher.teachers import untrained
from train.data.index import Row, append_rows
from train.scenes.augment import NO_AUGMENTATION
from train.teacher.config import TeacherConfig, TeacherStep
from train.teacher.fit import TeacherTraining
from train.teacher.material import TeacherMaterial, find_material


@pytest.fixture(scope="session")
def listed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Words of ten speakers, noise, near words in two voices, and what is for evaluation."""
    folder = add_held_out(write_data(tmp_path_factory.mktemp("listed")))
    for word, hertz in (("lo", 330.0), ("hi", 1_800.0)):
        for seed, voice in enumerate(("am_adam", "bm_lewis")):
            path = folder / "synthetic" / "near" / word / f"{voice}_nohash_0.wav"
            path.parent.mkdir(parents=True, exist_ok=True)
            soundfile.write(path, tone(hertz, seed), RATE)
    append_rows(folder / "index.csv", list(_rows(folder)))
    return folder


def _rows(folder: Path) -> list[Row]:
    rows = []
    for path in sorted(folder.rglob("*.wav")):
        parts = path.relative_to(folder).parts
        speaker = path.name.split("_nohash_")[0]
        licence = "Apache-2.0"
        if parts[0] == "speech_commands":
            word = parts[1]
            use = "validation" if speaker in ("speaker8", "speaker9") else "training"
            pack = f"speech_commands/{use}/{word}"
            if word.startswith("_"):
                pack = f"speech_commands/background/{path.stem}"
        elif parts[0] == "synthetic":
            pack, word, use = "/".join(parts[:2]), parts[2], "training"
        else:
            pack, word, use = "/".join(parts[:3]), "", parts[1]
        samples = soundfile.info(path).frames
        rows.append(Row(pack, path.name, samples, word, speaker, use, "en", licence))
    return rows


@pytest.fixture(scope="session")
def material(listed: Path) -> TeacherMaterial:
    return find_material([listed], ("low", "high"))


@pytest.fixture(scope="session")
def config() -> TeacherConfig:
    return TeacherConfig(
        keywords=("low", "high"),
        steps=(
            TeacherStep("head", 0, 512, 3, head_rate=1e-2),
            TeacherStep("last block", 1, 512, 2, head_rate=3e-3, encoder_rate=1e-3),
            TeacherStep("all", 2, 512, 1, head_rate=1e-3, encoder_rate=3e-4),
        ),
        cached_blocks=1,
        batch=16,
        augmentation=NO_AUGMENTATION,
    )


@pytest.fixture(scope="session")
def finished(
    config: TeacherConfig, material: TeacherMaterial, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A teacher that has learned its words; its checkpoint and its cache are beside it."""
    output = tmp_path_factory.mktemp("teacher") / "tones.teacher"
    TeacherTraining(config, material, untrained(), output).run()
    return output
