"""What callers give as samples, checked, since a wrong type or scale means silence or noise."""

from typing import Any

import numpy as np
import numpy.typing as npt

from kws.typing import Samples

LOUDEST = 8.0
"""Absolute value above which floats are no samples in [-1, 1], but most likely unscaled integers.
"""
_FULL_SCALE = {"int16": 2.0**15, "int32": 2.0**31}
_FLOATS = ("float32", "float64")
_INSTEAD = {
    "uint8": "8-bit samples as (samples.astype(np.float32) - 128) / 128",
    "bytes": "bytes as np.frombuffer(data, np.int16)",
}


def as_samples(samples: npt.ArrayLike) -> Samples:
    """Float32 samples in [-1, 1], shape (n,), out of such, or out of integers.

    Args:
        samples: shape (n,): float32 or float64, or int16 or int32, which are scaled by their full
            range.

    Raises:
        TypeError: samples of another type.
        ValueError: another shape, values that are not finite, or floats above `LOUDEST`.
    """
    array = np.asarray(samples)
    name = array.dtype.name  # the same in both byte orders
    if name not in _FULL_SCALE and name not in _FLOATS:
        raise TypeError(_wrong_type(array))
    if array.ndim != 1:
        raise ValueError(
            f"samples of shape {array.shape}; push mono samples of shape (n,): one channel, as "
            "samples[:, 0], or the mean of all, samples.mean(axis=1)"
        )
    if name in _FULL_SCALE:
        return array.astype(np.float32) / np.float32(_FULL_SCALE[name])
    # One test finds both what is too large and what is no number.
    if array.size and not (array.max() <= LOUDEST and array.min() >= -LOUDEST):
        if not np.isfinite(array).all():
            raise ValueError(
                "samples that are no finite numbers; mend what they come from, or push "
                "np.nan_to_num(samples, nan=0.0, posinf=0.0, neginf=0.0)"
            )
        raise ValueError(
            f"samples up to {np.abs(array).max():g}; floats should be in [-1, 1]: push 16-bit "
            "values as samples.astype(np.int16), others divided by their full range"
        )
    return array.astype(np.float32, copy=False)


def _wrong_type(array: npt.NDArray[Any]) -> str:
    """What to push instead of an array of a type that no samples have."""
    name = "bytes" if array.dtype.kind == "S" else array.dtype.name
    instead = _INSTEAD.get(name, "others as floats in [-1, 1], divided by their full range")
    return f"samples of type {name}; push float32, float64, int16 or int32: {instead}"
