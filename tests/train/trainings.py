"""Small trainings for tests."""

from pathlib import Path
from typing import Any

from tests.train.recordings import RATE
from train.config import FitConfig
from train.data.clips import BACKGROUND, of_split, recordings, word_clips
from train.scenes.dataset import Material
from train.scenes.settings import SceneSettings
from train.scenes.sources import Recordings

KEYWORDS = ("low", "high")
SETTINGS = SceneSettings(KEYWORDS)


def tiny_material(data: Path, **others: Any) -> Material:
    """What there is in the small data set."""
    words = data / "speech_commands"
    return Material(
        recorded=of_split(word_clips(words), "training"),
        speech=Recordings(recordings([data / "negatives" / "training"]), RATE),
        noise=Recordings(recordings([words / BACKGROUND]), RATE),
        **others,
    )


def tiny_config(data: Path, output: Path, **others: Any) -> FitConfig:
    """A training of a few seconds."""
    settings: dict[str, Any] = {
        "words": data / "speech_commands",
        "output": output,
        "keywords": KEYWORDS,
        "speech": (data / "negatives" / "training",),
        "epochs": 2,
        "windows": 256,
        "batch": 32,
        "hard_after": 1,
        "workers": 0,
        "licence": "CC0",
        "sources": ("tones",),
    }
    return FitConfig(**(settings | others))
