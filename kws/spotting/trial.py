"""A network is run once before it is used: what its file declares may be untrue, and weights can be
such that it never detects anything."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from kws.errors import ModelError
from kws.spotting.frontend import LogMel
from kws.spotting.model import KeywordModel
from kws.spotting.verifier import Verifier
from kws.typing import Posteriors, Samples


def try_model(model: KeywordModel, origin: str) -> None:
    """Run a model on a window of silence and one of noise.

    Raises:
        ModelError: it cannot be run, or gives what are no probabilities; `origin` stands first.
    """
    with np.errstate(all="ignore"):
        frames = LogMel(model.header.front_end)(_silence_and_noise(model.window_samples))
    windows = np.ascontiguousarray(frames.swapaxes(1, 2))
    _try(model.posteriors, windows, len(model.classes), origin)


def try_verifier(verifier: Verifier, origin: str) -> None:
    """Run a verifier on a window of silence and one of noise.

    Raises:
        ModelError: as `try_model`.
    """
    windows = _silence_and_noise(verifier.window_samples)
    _try(verifier.scores, windows, len(verifier.classes), origin)


def _silence_and_noise(samples: int) -> Samples:
    noise = np.random.default_rng(0).uniform(-1, 1, samples)
    return np.stack((np.zeros(samples), noise)).astype(np.float32)


def _try(
    run: Callable[[npt.NDArray[np.float32]], Posteriors],
    windows: npt.NDArray[np.float32],
    classes: int,
    origin: str,
) -> None:
    try:
        with np.errstate(all="ignore"):
            posteriors = run(windows)
    # ONNX Runtime names no base class for what a graph that does not fit raises.
    except Exception as error:
        reason = str(error).strip().partition("\n")[0]
        raise ModelError(f"{origin}: it cannot be run: {reason}") from error
    if posteriors.shape != (len(windows), classes):
        raise ModelError(f"{origin}: of {len(windows)} windows it gives {posteriors.shape}")
    for name, row in zip(("silence", "noise"), posteriors, strict=True):
        if not (np.isfinite(row).all() and row.min() >= 0 and row.max() <= 1 + 1e-4):
            raise ModelError(
                f"{origin}: what it computes of {name} are no probabilities, so it would detect "
                "nothing; train or export it again"
            )
