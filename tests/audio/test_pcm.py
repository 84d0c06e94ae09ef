"""Bytes to frames, wherever they are cut."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kws.audio.pcm import PcmDecoder
from kws.typing import AudioFormat, PcmFormat, SampleFormat

STEREO = AudioFormat(16_000, 2)
FRAMES = np.array([[0.0, 0.5], [-1.0, 0.25], [0.125, -0.5]], np.float32)


@pytest.mark.parametrize(
    ("samples", "data"),
    [
        ("s16le", (FRAMES * 2**15).astype("<i2").tobytes()),
        ("s32le", (FRAMES.astype(np.float64) * 2**31).astype("<i4").tobytes()),
        ("f32le", FRAMES.astype("<f4").tobytes()),
    ],
)
def test_each_format_has_full_scale_one(samples: SampleFormat, data: bytes) -> None:
    decoder = PcmDecoder(PcmFormat(STEREO, samples))
    assert np.array_equal(decoder.push(data), FRAMES)
    assert decoder.left_over == b""


@given(st.binary(max_size=200), st.lists(st.integers(0, 200), max_size=8))
def test_it_does_not_matter_where_bytes_are_cut(data: bytes, cuts: list[int]) -> None:
    pcm = PcmFormat(STEREO, "s16le")
    whole = PcmDecoder(pcm)
    expected = whole.push(data)
    edges = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    decoder = PcmDecoder(pcm)
    parts = [decoder.push(data[a:b]) for a, b in pairwise(edges)]
    assert np.array_equal(np.concatenate(parts), expected)
    assert decoder.left_over == whole.left_over == data[len(data) - len(data) % 4 :]
