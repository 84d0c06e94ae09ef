"""ONNX Runtime, on one thread, and without its telemetry."""

import ctypes
import os
from typing import Any

import numpy as np
import numpy.typing as npt

# Read when ONNX Runtime is first imported. By default it makes an identifier of this machine, keeps
# it in the user's home, and reports to its maker what it runs.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

import onnxruntime

from kws.errors import ModelError
from kws.spotting.graphs import INPUT, OUTPUT
from kws.spotting.model_file import ModelFile
from kws.spotting.verifier_file import VerifierFile
from kws.spotting.whisper_mel import log_mel
from kws.typing import Posteriors, Windows

_ERRORS_ONLY = 3
MOST_TOGETHER = 4
"""Windows that go through a verifier at once: larger batches take memory, and no less time."""


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
        self._graph = _Graph(file.encoded, file.origin)

    def posteriors(self, windows: Windows) -> Posteriors:
        """Posteriors, float32 of shape (n, keywords), of windows, shape (n, bands, frames)."""
        return self._graph.run(windows)


class OnnxVerifier:
    """Runs a verifier.

    Args:
        file: checked before, as `read_verifier` does.

    Attributes:
        name: of the file.
        classes: the keywords, in the order of the scores.
        sample_rate: of the windows, Hz.
        window_samples: samples in a window.
        parameters: number of weights and biases.

    Raises:
        ModelError: ONNX Runtime cannot run it.
    """

    def __init__(self, file: VerifierFile) -> None:
        header = file.header
        self.name, self.classes, self.parameters = header.name, header.classes, file.parameters
        self.sample_rate, self.window_samples = header.sample_rate, header.window_samples
        # Beyond the basic optimisations loading takes three times as long, and no run is faster.
        level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
        self._graph = _Graph(file.encoded, file.origin, level)

    def scores(self, windows: npt.NDArray[np.float32]) -> Posteriors:
        """Posteriors of the keywords; the rest to 1 is that of "none".

        Args:
            windows: float32 of shape (n, window_samples), in [-1, 1].

        Returns:
            float32 of shape (n, classes).
        """
        starts = range(0, len(windows), MOST_TOGETHER)
        parts = (windows[start : start + MOST_TOGETHER] for start in starts)
        empty = np.empty((0, len(self.classes)), np.float32)
        return np.concatenate([empty, *(self._graph.run(log_mel(each)) for each in parts)])


class _Graph:
    """A graph in a session of ONNX Runtime.

    Args:
        encoded: the file, in ONNX.
        origin: where it comes from, for messages.
        level: of the graph's optimisation.

    Raises:
        ModelError: ONNX Runtime cannot run it.
    """

    def __init__(
        self,
        encoded: bytes,
        origin: str,
        level: Any = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL,
    ) -> None:
        options = session_options()
        options.graph_optimization_level = level
        try:
            self._session = onnxruntime.InferenceSession(
                encoded, options, providers=["CPUExecutionProvider"]
            )
            # It would keep them, to start again on another device where this one fails.
            self._session._model_bytes = None
        # ONNX Runtime names no base class for what a graph that does not fit raises.
        except Exception as error:
            reason = str(error).strip().splitlines()[0]
            raise ModelError(f"{origin}: ONNX Runtime cannot run it: {reason}") from error
        _return_memory()

    def run(self, inputs: npt.NDArray[np.float32]) -> Posteriors:
        """Posteriors, float32 of shape (n, outputs)."""
        (posteriors,) = self._session.run([OUTPUT], {INPUT: np.ascontiguousarray(inputs)})
        result: Posteriors = posteriors
        return result


def session_options() -> Any:
    """How ONNX Runtime runs every graph."""
    options = onnxruntime.SessionOptions()
    # Small networks gain nothing from more, and the other cores are for other processes.
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.enable_cpu_mem_arena = False
    options.log_severity_level = _ERRORS_ONLY
    return options


def _return_memory() -> None:
    """Return to the system what loading has freed: several times the weights' own size, which
    glibc's heap would keep."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
