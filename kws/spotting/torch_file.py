"""Reads what `torch.save` wrote, without torch: the `.pt` files of kws 0.1, and bare weights.

Such a file is a ZIP archive with a pickle and an entry of raw numbers for each array. Of the pickle
only plain values and float or integer arrays are accepted: nothing in a file is ever executed.
"""

import io
import math
import pickle
import zipfile
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

MAGIC = b"PK\x03\x04"
LARGEST = 256 * 2**20
"""Bytes of all entries together."""
_LARGEST_PICKLE = 16 * 2**20
_STORAGES = {
    "DoubleStorage": "<f8",
    "FloatStorage": "<f4",
    "HalfStorage": "<f2",
    "LongStorage": "<i8",
    "IntStorage": "<i4",
}


class MalformedTorchFileError(ValueError):
    """No file of plain values and arrays; says why."""


class ForeignObjectError(MalformedTorchFileError):
    """It holds code or objects."""


def read_torch(data: bytes) -> Any:
    """The plain values and arrays in a file.

    Raises:
        MalformedTorchFileError: it is damaged, too large, or holds anything else.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            sizes = {each.filename: each.file_size for each in archive.infolist()}
            if sum(sizes.values()) > LARGEST:
                raise MalformedTorchFileError(f"it has more than {LARGEST} bytes")
            (pickled,) = (name for name in sizes if name.rpartition("/")[2] == "data.pkl")
            if sizes[pickled] > _LARGEST_PICKLE:
                raise MalformedTorchFileError(f"its header has {sizes[pickled]} bytes")
            return _Unpickler(archive, pickled.removesuffix("data.pkl")).load()
    except MalformedTorchFileError:
        raise
    # A hostile pickle can raise nearly anything: the classes of what it is refused for.
    except Exception as error:
        raise MalformedTorchFileError("it is damaged or cut short") from error


class _Storage(NamedTuple):
    numbers: npt.NDArray[Any]


class _Unpickler(pickle.Unpickler):
    """Accepts no names but those of arrays and of ordered dictionaries."""

    def __init__(self, archive: zipfile.ZipFile, folder: str) -> None:
        super().__init__(io.BytesIO(archive.read(folder + "data.pkl")))
        self._archive, self._folder = archive, folder

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return _ArrayMaker()
        if (module, name) == ("torch._utils", "_rebuild_parameter"):
            return _ParameterMaker()
        if module == "torch" and name in _STORAGES:
            return name
        raise ForeignObjectError("it holds code or objects, which are refused")

    def persistent_load(self, pid: Any) -> _Storage:
        kind, storage, key, _, count = pid
        if kind != "storage" or not isinstance(key, str) or count < 0:
            raise MalformedTorchFileError("it is damaged")
        data = self._archive.read(f"{self._folder}data/{key}")
        return _Storage(np.frombuffer(data, _STORAGES[storage], count))


class _ArrayMaker:
    """Stands for torch's function; without attributes that a pickle could set."""

    __slots__ = ()

    def __call__(
        self,
        storage: _Storage,
        offset: int,
        shape: Sequence[int],
        strides: Sequence[int],
        *_: object,
    ) -> npt.NDArray[Any]:
        numbers = storage.numbers[offset:]
        if min((offset, *shape, *strides)) < 0 or len(shape) != len(strides):
            raise MalformedTorchFileError("it is damaged")
        last = sum((length - 1) * step for length, step in zip(shape, strides, strict=True))
        if math.prod(shape) and last >= len(numbers):
            raise MalformedTorchFileError("it is damaged")
        step = numbers.itemsize
        view = np.lib.stride_tricks.as_strided(numbers, shape, [step * each for each in strides])
        # Copied: strides of zero could make a file of a few bytes as large as the memory.
        if math.prod(shape) > len(numbers):
            raise MalformedTorchFileError("it is damaged")
        return view.copy()


class _ParameterMaker:
    __slots__ = ()

    def __call__(self, array: npt.NDArray[Any], *_: object) -> npt.NDArray[Any]:
        return array
