"""Moonshine tiny, a small recogniser of English speech (MIT), on onnxruntime: what a text's
probability is, given sound.

Its weights come from the package moonshine-voice, its tokenizer from useful-moonshine-onnx.
"""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

from kws.errors import ConfigError
from kws.typing import Samples
from train.data.installed import package_folder

SAMPLE_RATE = 16_000
_MISSING = (
    'Moonshine is not installed: pip install ".[synthesis]", then '
    "pip install --no-deps useful-moonshine-onnx==20251121"
)
_BEGIN, _END = 1, 2
_HEADS, _HEAD_WIDTH = 8, 36


class TextScorer(Protocol):
    """Compares texts for one sound."""

    def scores(self, samples: Samples, texts: Sequence[str]) -> list[float]:
        """Log-probability of each text, given 16 kHz sound."""


class Moonshine:
    """The recogniser.

    Raises:
        ConfigError: a package is not installed.
    """

    def __init__(self) -> None:
        try:
            import onnxruntime
            from tokenizers import Tokenizer
        except ImportError as error:
            raise ConfigError(_MISSING) from error
        folder = package_folder("moonshine_voice", _MISSING) / "assets" / "tiny-en"
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        self._encoder, self._decoder = (
            onnxruntime.InferenceSession(str(folder / f"{name}.ort"), options)
            for name in ("encoder_model", "decoder_model_merged")
        )
        self._tokenizer = Tokenizer.from_file(
            str(package_folder("moonshine_onnx", _MISSING) / "assets" / "tokenizer.json")
        )
        past = [each.name for each in self._decoder.get_inputs() if each.name.startswith("past")]
        empty = np.zeros((1, _HEADS, 0, _HEAD_WIDTH), np.float32)
        self._nothing = dict.fromkeys(past, empty)

    def scores(self, samples: Samples, texts: Sequence[str]) -> list[float]:
        """Log-probability of each text, with its end, given 16 kHz sound."""
        encoded = self._encode(samples)
        scores = []
        for text in texts:
            tokens = self._tokenizer.encode(text, add_special_tokens=False).ids
            logits = self._logits(encoded, [_BEGIN, *tokens])
            logits = logits - logits.max(1, keepdims=True)
            log_shares = logits - np.log(np.exp(logits).sum(1, keepdims=True))
            said = [*tokens, _END]
            scores.append(float(log_shares[np.arange(len(said)), said].sum()))
        return scores

    def _encode(self, samples: Samples) -> npt.NDArray[np.float32]:
        sound = np.asarray(samples, np.float32)[None]
        encoded: npt.NDArray[np.float32] = self._encoder.run(
            None, {"input_values": sound, "attention_mask": np.ones(sound.shape, np.int64)}
        )[0]
        return encoded

    def _logits(
        self, encoded: npt.NDArray[np.float32], tokens: list[int]
    ) -> npt.NDArray[np.float32]:
        """Of the token after each, shape (n, tokens)."""
        logits: npt.NDArray[np.float32] = self._decoder.run(
            None,
            {
                "encoder_attention_mask": np.ones(encoded.shape[:2], np.int64),
                "input_ids": np.array([tokens], np.int64),
                "encoder_hidden_states": encoded,
                "use_cache_branch": np.array([False]),
                **self._nothing,
            },
        )[0][0]
        return logits
