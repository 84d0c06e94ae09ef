"""Raw samples as bytes, in pieces of any length, to frames. Pure."""

import numpy as np

from kws.typing import Frames, PcmFormat

_TYPES = {"s16le": "<i2", "s32le": "<i4", "f32le": "<f4"}
_FULL_SCALE = {"s16le": 2.0**15, "s32le": 2.0**31, "f32le": 1.0}


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
        samples = np.frombuffer(data[:whole], _TYPES[self._pcm.samples])
        frames = samples.reshape(-1, self._pcm.audio.channels).astype(np.float32)
        if self._pcm.samples != "f32le":
            frames /= np.float32(_FULL_SCALE[self._pcm.samples])
        return frames
