"""Raw samples as bytes, in pieces of any length, to frames. Pure."""

from functools import cache

import numpy as np
import numpy.typing as npt

from kws.typing import Frames, PcmFormat, SampleFormat

_FLOATS = {"f32le": "<f4", "f64le": "<f8"}
_INTEGERS = {"s16le": "<i2", "s32le": "<i4"}


class PcmDecoder:
    """Frames out of bytes; what is left of an unfinished frame waits for its rest.

    Args:
        pcm: what the bytes mean.

    Attributes:
        left_over: bytes of a frame that is not whole yet.
    """

    def __init__(self, pcm: PcmFormat) -> None:
        self._pcm = pcm
        self.left_over = b""

    def push(self, data: bytes) -> Frames:
        """Take the next bytes; whole frames, float32 of shape (n, channels), full scale 1."""
        if self.left_over:
            data = self.left_over + data
        whole = len(data) - len(data) % self._pcm.frame_bytes
        self.left_over = data[whole:]
        samples = _decode(data[:whole], self._pcm.samples)
        return samples.reshape(-1, self._pcm.audio.channels)


def _decode(data: bytes, kind: SampleFormat) -> npt.NDArray[np.float32]:
    """Samples of shape (n,) out of the bytes of whole ones."""
    match kind:
        case "f32le" | "f64le":
            with np.errstate(over="ignore"):  # what float32 cannot hold is no sample
                return np.frombuffer(data, _FLOATS[kind]).astype(np.float32)
        case "s16le" | "s32le":
            integers = np.frombuffer(data, _INTEGERS[kind])
            full_scale = 2.0 ** (8 * integers.itemsize - 1)
            return integers.astype(np.float32) / np.float32(full_scale)
        case "s24le":
            wide = np.zeros((len(data) // 3, 4), np.uint8)
            wide[:, 1:] = np.frombuffer(data, np.uint8).reshape(-1, 3)
            return wide.view("<i4")[:, 0].astype(np.float32) / np.float32(2.0**31)
        case "u8":
            unsigned = np.frombuffer(data, np.uint8).astype(np.float32)
            return (unsigned - np.float32(128)) / np.float32(128)
        case "alaw":
            return _a_law()[np.frombuffer(data, np.uint8)]
        case "mulaw":
            return _mu_law()[np.frombuffer(data, np.uint8)]


@cache
def _a_law() -> npt.NDArray[np.float32]:
    """The sample of each byte by ITU-T G.711, A-law: shape (256,)."""
    code = np.arange(256) ^ 0x55
    step, segment = (code & 0x0F) << 4, (code & 0x70) >> 4
    level = np.where(segment == 0, step + 8, (step + 0x108) << np.maximum(segment - 1, 0))
    return (np.where(code & 0x80, level, -level) / 2.0**15).astype(np.float32)


@cache
def _mu_law() -> npt.NDArray[np.float32]:
    """The sample of each byte by ITU-T G.711, mu-law: shape (256,)."""
    code = ~np.arange(256) & 0xFF
    level = ((((code & 0x0F) << 3) + 0x84) << ((code & 0x70) >> 4)) - 0x84
    return (np.where(code & 0x80, -level, level) / 2.0**15).astype(np.float32)
