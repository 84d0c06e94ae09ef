"""Reads the weights of a model in the format of CTranslate2 (`model.bin`).

The layout is that of CTranslate2's `models/model.cc`: little-endian; a version, the name and the
revision of the model's kind, then each variable with its name, shape, type and bytes.
"""

import struct
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from kws.errors import ModelError

Weights = dict[str, npt.NDArray[Any]]
_TYPES = {0: np.float32, 1: np.int8, 2: np.int16, 3: np.int32, 4: np.float16}


def read_weights(path: Path) -> Weights:
    """All variables by name, as they are stored.

    Raises:
        ModelError: the file cannot be read, or is no such model.
    """
    try:
        return _Reader(path.read_bytes()).variables()
    except OSError as error:
        raise ModelError(f"{path}: cannot be read: {error.strerror}") from error
    except (struct.error, ValueError, KeyError, UnicodeDecodeError) as error:
        raise ModelError(f"{path}: is no model of CTranslate2, or is cut short") from error


class _Reader:
    def __init__(self, content: bytes) -> None:
        self._content, self._place = content, 0

    def variables(self) -> Weights:
        self._number("I")  # version of the format
        self._text()  # kind of model
        self._number("I")  # its revision
        return dict(self._variable() for _ in range(self._number("I")))

    def _variable(self) -> tuple[str, npt.NDArray[Any]]:
        name = self._text()
        shape = [self._number("I") for _ in range(self._number("B"))]
        kind = _TYPES[self._number("B")]
        values = np.frombuffer(self._bytes(self._number("I")), kind)
        return name, values.reshape(shape)

    def _number(self, kind: str) -> int:
        kind = f"<{kind}"
        number: int
        (number,) = struct.unpack(kind, self._bytes(struct.calcsize(kind)))
        return number

    def _text(self) -> str:
        return self._bytes(self._number("H")).rstrip(b"\0").decode()

    def _bytes(self, count: int) -> bytes:
        taken = self._content[self._place : self._place + count]
        if len(taken) < count:
            raise ValueError("cut short")
        self._place += count
        return taken
