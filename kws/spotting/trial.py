"""A model is run once before it is used: weights can be such that it never detects anything."""

import numpy as np

from kws.errors import ModelError
from kws.spotting.frontend import LogMel
from kws.spotting.model import KeywordModel
from kws.spotting.verifier import Verifier
from kws.typing import Posteriors, Samples


def try_model(model: KeywordModel, origin: str) -> None:
    """Run a model on a window of silence and one of noise.

    Raises:
        ModelError: it gives what is no probability; `origin` stands first.
    """
    frames = LogMel(model.header.front_end)(_silence_and_noise(model.window_samples))
    with np.errstate(all="ignore"):
        _check(model.posteriors(np.ascontiguousarray(frames.swapaxes(1, 2))), origin)


def try_verifier(verifier: Verifier, origin: str) -> None:
    """Run a verifier on a window of silence and one of noise.

    Raises:
        ModelError: as `try_model`.
    """
    with np.errstate(all="ignore"):
        _check(verifier.scores(_silence_and_noise(verifier.window_samples)), origin)


def _silence_and_noise(samples: int) -> Samples:
    noise = np.random.default_rng(0).uniform(-1, 1, samples)
    return np.stack((np.zeros(samples), noise)).astype(np.float32)


def _check(posteriors: Posteriors, origin: str) -> None:
    for name, row in zip(("silence", "noise"), posteriors, strict=True):
        if not (np.isfinite(row).all() and row.min() >= 0 and row.max() <= 1 + 1e-4):
            raise ModelError(
                f"{origin}: what it computes of {name} are no probabilities, so it would detect "
                "nothing; train or export it again"
            )
