"""A verifier for tests: a small function of the window instead of a trained network."""

from dataclasses import dataclass

import numpy as np

from kws.spotting.verifier import Verification
from kws.typing import Posteriors, Samples


@dataclass(frozen=True)
class LevelVerifier:
    """Scores each keyword by the level of another part of the window.

    Attributes:
        classes: the keywords.
        window_samples: of a window.
    """

    classes: tuple[str, ...] = ("yes", "no", "up", "down")
    window_samples: int = 24_000
    name: str = "levels"
    sample_rate: int = 16_000
    parameters: int = 0

    def scores(self, windows: Samples) -> Posteriors:
        """Shape (n, classes), each in (0, 1)."""
        parts = np.array_split(np.abs(windows), len(self.classes), axis=1)
        levels = np.stack([part.mean(axis=1) for part in parts], axis=1)
        scores: Posteriors = levels / (levels + levels.mean(axis=1, keepdims=True) + 1e-9)
        return scores.astype(np.float32)


def verification(
    threshold: float = 0.55, lookahead_s: float = 0.2, classes: tuple[str, ...] = ()
) -> Verification:
    """A verification by levels, with one threshold for all keywords."""
    verifier = LevelVerifier(classes) if classes else LevelVerifier()
    thresholds = dict.fromkeys(("yes", "no", "up", "down"), threshold)
    return Verification(verifier, lookahead_s, thresholds)
