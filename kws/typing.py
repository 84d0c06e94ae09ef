"""What arrays of audio are called."""

import numpy as np
import numpy.typing as npt

Samples = npt.NDArray[np.float32]
"""Mono audio of shape (n,), in [-1, 1]."""
Frames = npt.NDArray[np.float32]
"""Audio of shape (n, channels)."""
