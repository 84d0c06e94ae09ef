"""Words by speech synthesisers, spoken for real where one is installed."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile

from kws.errors import ConfigError
from train.synthesize import Voice, speak, synthesize, voices

needs_flite = pytest.mark.skipif(not shutil.which("flite"), reason="flite is not installed")


@needs_flite
def test_a_voice_speaks_and_its_pace_counts() -> None:
    slow, quick = (speak("down.", Voice("flite", "slt", pace), 16_000) for pace in (0.7, 1.3))
    assert len(slow) > len(quick) > 2_000
    assert np.abs(slow).max() > 0.01


@needs_flite
def test_clips_are_a_second_long_and_made_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("train.synthesize.voices", lambda: [Voice("flite", "rms")])
    assert synthesize(tmp_path, ["up", "town"]) == 2
    assert synthesize(tmp_path, ["up", "town"]) == 0
    (path,) = (tmp_path / "up").iterdir()
    assert path.name == "flite-rms-100-50_nohash_0.wav"
    assert soundfile.info(path).frames == soundfile.info(path).samplerate == 16_000


@pytest.mark.skipif(not shutil.which("espeak-ng"), reason="espeak-ng is not installed")
def test_a_voice_that_does_not_exist_is_named() -> None:
    with pytest.raises(ConfigError, match="espeak-ng -v nobody"):
        speak("up", Voice("espeak-ng", "nobody"), 16_000)


def test_without_a_synthesiser_the_packages_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda name: None)
    with pytest.raises(ConfigError, match="apt-get install espeak-ng flite"):
        voices()
