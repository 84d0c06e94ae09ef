"""What may be pushed: other types and scales give the same samples, or an error; never silence."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from kws.spotting.samples import LOUDEST, as_samples
from kws.spotting.spotter import Spotter
from tests.spotting.models import untrained_model

MODEL = untrained_model()
INTEGERS = np.array([-32768, -1, 0, 1, 16384, 32767])


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(
    ("kind", "scale"), [("f4", 2.0**-15), ("f8", 2.0**-15), ("i2", 1), ("i4", 2**16)]
)
def test_floats_and_integers_of_both_byte_orders(kind: str, scale: float, order: str) -> None:
    samples = as_samples((INTEGERS * scale).astype(f"{order}{kind}"))
    assert samples.dtype == np.float32
    assert samples.dtype.isnative
    assert_allclose(samples, INTEGERS / 32768, atol=1e-7)


def test_float32_is_not_copied() -> None:
    samples = np.zeros(16, np.float32)
    assert as_samples(samples) is samples


@pytest.mark.parametrize(
    ("samples", "hint"),
    [
        (np.zeros(4, np.uint8), "astype(np.float32) - 128"),
        (np.zeros(4, np.int8), "divided by their full range"),
        (np.zeros(4, np.uint16), "divided by their full range"),
        (np.zeros(4, np.int64), "divided by their full range"),
        (np.zeros(4, np.float16), "divided by their full range"),
        (np.zeros(4, bool), "divided by their full range"),
        (np.zeros(4, complex), "divided by their full range"),
        (b"\0\0\1\0", "np.frombuffer(data, np.int16)"),
        ("text", "divided by their full range"),
        (None, "divided by their full range"),
    ],
)
def test_other_types_are_refused_with_the_right_call(samples: Any, hint: str) -> None:
    with pytest.raises(TypeError, match="push float32, float64, int16 or int32") as raised:
        Spotter(MODEL).push(samples)
    assert hint in str(raised.value)


@pytest.mark.parametrize("shape", [(), (4, 1), (4, 2), (2, 2, 2)])
def test_only_mono(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"samples\[:, 0\]"):
        Spotter(MODEL).push(np.zeros(shape, np.int16))


@pytest.mark.parametrize("kind", [np.float32, np.float64])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_what_is_no_number_is_refused(kind: type[np.floating[Any]], value: float) -> None:
    spotter = Spotter(MODEL)
    samples = np.zeros(32_000, kind)
    samples[20_000] = value
    with pytest.raises(ValueError, match="no finite numbers"):
        spotter.push(samples)
    assert spotter.position == 0


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_floats_that_are_not_scaled_are_refused(value: float) -> None:
    samples: npt.NDArray[np.float64] = np.array([0.0, value])
    if abs(value) <= LOUDEST:
        assert as_samples(samples)[1] == np.float32(value)
    else:
        with pytest.raises(ValueError, match=r"astype\(np\.int16\)"):
            as_samples(samples)
