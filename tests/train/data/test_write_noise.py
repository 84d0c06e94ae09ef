"""Generated noise as recordings."""

from pathlib import Path

import pytest
import soundfile

from kws.errors import ConfigError
from train.data.generated_noise import TRAINING_NOISE
from train.data.index import read_index
from train.data.write_noise import PIECE_S, write_noise

KINDS = {name: TRAINING_NOISE[name] for name in ("hum", "clicks")}
HOURS = 3 * PIECE_S / 3600
"""Two pieces of each kind: there is never less than asked for."""


def test_as_much_as_asked_for_is_written_and_listed(tmp_path: Path) -> None:
    assert write_noise(tmp_path, KINDS, HOURS, use="evaluation", seed=5) == 4
    listed = read_index(tmp_path / "index.csv", tmp_path)
    assert {each.row.use for each in listed} == {"evaluation"}
    assert sorted(each.row.speaker for each in listed) == ["clicks", "clicks", "hum", "hum"]
    for each in listed:
        info = soundfile.info(each.path)
        assert (info.frames, info.samplerate) == (each.row.samples, 16_000)


def test_what_is_listed_is_left_alone(tmp_path: Path) -> None:
    write_noise(tmp_path, KINDS, HOURS / 3, use="training", seed=5)
    before = (tmp_path / "index.csv").read_text()
    assert write_noise(tmp_path, KINDS, HOURS / 3, use="training", seed=5) == 0
    assert (tmp_path / "index.csv").read_text() == before
    assert write_noise(tmp_path, KINDS, HOURS, use="training", seed=5) == 2


def test_a_folder_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "noise").write_text("in the way")
    with pytest.raises(ConfigError, match="cannot be written"):
        write_noise(tmp_path, KINDS, HOURS, use="training", seed=5)
