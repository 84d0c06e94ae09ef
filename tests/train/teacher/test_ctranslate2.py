"""Models of CTranslate2."""

import struct
from pathlib import Path

import numpy as np
import pytest

from kws.errors import ModelError
from train.teacher.ctranslate2 import Weights, read_weights

TYPES = {np.dtype(np.float32): 0, np.dtype(np.int8): 1, np.dtype(np.float16): 4}


def write(path: Path, weights: Weights) -> Path:
    """Write a model as CTranslate2 does."""

    def text(said: str) -> bytes:
        return struct.pack("<H", len(said) + 1) + said.encode() + b"\0"

    content = struct.pack("<I", 6) + text("WhisperSpec") + struct.pack("<II", 3, len(weights))
    for name, values in weights.items():
        content += text(name) + struct.pack("<B", values.ndim)
        content += struct.pack(f"<{values.ndim}I", *values.shape)
        content += struct.pack("<BI", TYPES[values.dtype], values.nbytes) + values.tobytes()
    path.write_bytes(content)
    return path


def test_weights_are_read_with_shapes_and_types(tmp_path: Path) -> None:
    weights: Weights = {
        "encoder/a": np.arange(6, dtype=np.float16).reshape(2, 3),
        "encoder/b": np.array([-1, 2], np.int8),
        "scale": np.array(0.5, np.float32),
    }
    read = read_weights(write(tmp_path / "model.bin", weights))
    assert list(read) == list(weights)
    for name, values in weights.items():
        assert read[name].dtype == values.dtype
        np.testing.assert_array_equal(read[name], values)


def test_what_is_cut_short_or_something_else_is_an_error(tmp_path: Path) -> None:
    path = write(tmp_path / "model.bin", {"a": np.zeros(100, np.float32)})
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(ModelError, match="cut short"):
        read_weights(path)
    path.write_bytes(b"something else")
    with pytest.raises(ModelError, match="no model of CTranslate2"):
        read_weights(path)
    with pytest.raises(ModelError, match="cannot be read"):
        read_weights(tmp_path / "nowhere")
