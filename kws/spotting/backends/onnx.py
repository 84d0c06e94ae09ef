"""ONNX Runtime, on one thread, and without its telemetry."""

import os

import numpy as np

# Read when ONNX Runtime is first imported. By default it makes an identifier of this machine, keeps
# it in the user's home, and reports to its maker what it runs.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

import onnxruntime

from kws.errors import ModelError
from kws.spotting.graphs import INPUT, OUTPUT
from kws.spotting.model_file import ModelFile
from kws.typing import Posteriors, Windows

_ERRORS_ONLY = 3
_TRIED = 2
"""Windows that a graph has to run with to be accepted: what it declares may be untrue."""


class OnnxBackend:
    """Runs the graph of a model file.

    Args:
        file: checked before: see `kws.spotting.onnx_format.check`.

    Attributes:
        engine: "onnx".
        parameters: number of weights and biases.

    Raises:
        ModelError: ONNX Runtime cannot run it.
    """

    engine = "onnx"

    def __init__(self, file: ModelFile) -> None:
        self.parameters = file.parameters
        options = onnxruntime.SessionOptions()
        # Small networks gain nothing from more, and the other cores are for other processes.
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.enable_cpu_mem_arena = False
        options.log_severity_level = _ERRORS_ONLY
        try:
            self._session = onnxruntime.InferenceSession(
                file.encoded, options, providers=["CPUExecutionProvider"]
            )
            # It would keep them, to start again on another device where this one fails.
            self._session._model_bytes = None
            bands, frames = file.header.front_end.bands, file.header.window_frames
            shape = self.posteriors(np.zeros((_TRIED, bands, frames), np.float32)).shape
        # ONNX Runtime names no base class for what a graph that does not fit raises.
        except Exception as error:
            reason = str(error).strip().splitlines()[0]
            raise ModelError(f"{file.origin}: ONNX Runtime cannot run it: {reason}") from error
        if shape != (_TRIED, len(file.header.classes)):
            raise ModelError(f"{file.origin}: of {_TRIED} windows it gives the shape {shape}")

    def posteriors(self, windows: Windows) -> Posteriors:
        """Posteriors, float32 of shape (n, keywords), of windows, shape (n, bands, frames)."""
        (posteriors,) = self._session.run([OUTPUT], {INPUT: np.ascontiguousarray(windows)})
        result: Posteriors = posteriors
        return result
