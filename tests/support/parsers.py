"""All that reads untrusted bytes: each gives a value or an error that it declares, no other."""

import contextlib
import io
import json
import pickle
import tempfile
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import msgspec
import numpy as np
import soundfile

from kws.audio.file import Recording
from kws.audio.stdin import Stdin
from kws.config.load import load_config, parse_override
from kws.config.paths import bundled_models
from kws.config.schema import Config
from kws.config.token import read_secret
from kws.errors import AudioFileError, ConfigError, ModelError
from kws.protocol.requests import (
    BadRequestError,
    message_token,
    parse_history_query,
    parse_mark,
    parse_mute,
    parse_request,
    parse_scores_request,
    parse_sender,
    parse_start,
    parse_start_query,
)
from kws.spotting.header import ModelHeader
from kws.spotting.onnx_file import header_of, metadata_of
from kws.spotting.onnx_format import Model, Property, check
from kws.spotting.protobuf import MalformedError
from kws.spotting.torch_file import MalformedTorchFileError, read_torch
from kws.text import is_plain
from kws.typing import AudioFormat, Frames

LONGEST_S = 10.0
"""Seconds of a recording that are read: a header can promise any number."""
KEYWORDS = ("yes", "no")


@dataclass(frozen=True)
class Parser:
    """Something that reads bytes.

    Attributes:
        read: reads them.
        errors: what it may raise.
        seeds: bytes that it reads well.
    """

    read: Callable[[bytes], object]
    errors: tuple[type[Exception], ...]
    seeds: Callable[[], Sequence[bytes]]

    def run(self, data: bytes) -> None:
        """Read bytes; an error that is declared is none."""
        with contextlib.suppress(*self.errors):
            self.read(data)


class _Sink:
    """A feed that takes some seconds of audio and drops them."""

    ended = False

    def __init__(self, seconds: float) -> None:
        self._left = seconds

    def write_waiting(self, frames: Frames) -> bool:
        """Take frames; false: no more."""
        self._left -= len(frames) / 48_000
        return self._left > 0


@cache
def _scratch() -> Path:
    return Path(tempfile.mkdtemp(prefix="kws-fuzz-")) / "file"


def _read_file(data: bytes) -> None:
    _scratch().write_bytes(data)
    recording = Recording(_scratch())
    recording.open()
    recording.write_to(_Sink(LONGEST_S))  # type: ignore[arg-type]


def _read_stdin(data: bytes) -> None:
    pipe = io.BufferedReader(io.BytesIO(data))
    Stdin(pipe, AudioFormat(16_000, 1), "f32le", 16_000).write_to(
        _Sink(LONGEST_S)  # type: ignore[arg-type]
    )


def _recording(kind: str, subtype: str) -> bytes:
    sound = np.sin(np.arange(800) / 5).astype(np.float32)
    target = io.BytesIO()
    soundfile.write(target, sound, 16_000, format=kind, subtype=subtype)
    return target.getvalue()


@cache
def _streams() -> list[bytes]:
    return [_recording("WAV", "PCM_16"), _recording("WAV", "PCM_32"), bytes(400)]


@cache
def _files() -> list[bytes]:
    others = (("WAV", "FLOAT"), ("WAVEX", "PCM_24"), ("FLAC", "PCM_16"), ("OGG", "VORBIS"))
    return [*_streams()[:2], *(_recording(*each) for each in others)]


def _read_config(data: bytes) -> None:
    _scratch().write_bytes(data)
    load_config(_scratch())


def _read_override(data: bytes) -> None:
    text = data.decode("utf-8", "surrogateescape")
    parse_override(text, Config)
    load_config(overrides=[text])


def _read_token(data: bytes) -> None:
    _scratch().write_bytes(data)
    assert is_plain(read_secret(_scratch(), "token"))


def _read_requests(data: bytes) -> None:
    text = data.decode("utf-8", "replace")
    message_token(text)
    for parse in (
        lambda text: parse_request(text, KEYWORDS),
        parse_start,
        parse_sender,
        parse_scores_request,
        parse_start_query,
        parse_history_query,
        lambda each: parse_mute(each.encode()),
        lambda each: parse_mark(each.encode()),
    ):
        with contextlib.suppress(BadRequestError):
            parse(text)


@cache
def _header_bytes() -> list[bytes]:
    """Metadata of the bundled models, as one JSON object each."""
    seeds = []
    for path in bundled_models().values():
        model = Model.decode(path.read_bytes())
        seeds.append(json.dumps(dict(model.properties)).encode())
    return seeds


def _read_header(data: bytes) -> None:
    try:
        said = msgspec.json.decode(data, type=dict[str, str])
    except ValueError as error:
        raise ModelError("no metadata") from error
    properties = tuple(Property(*each) for each in said.items())
    header = header_of(metadata_of(Model(metadata_props=properties), "x"), ModelHeader, 2, "x")
    assert all(map(is_plain, header.classes))


def _read_onnx(data: bytes) -> None:
    check(Model.decode(data), (40, 98), (4,))


@cache
def _onnx() -> list[bytes]:
    """Bundled models whose weights are cut to a few bytes: what is around them is what is read."""
    seeds = []
    for path in bundled_models().values():
        model = Model.decode(path.read_bytes())
        assert model.graph is not None
        small = tuple(
            replace(each, dims=(1,), raw_data=bytes(each.raw_data[:4]))
            for each in model.graph.initializer
        )
        graph = replace(model.graph, initializer=small)
        seeds.append(replace(model, graph=graph, metadata_props=()).encode())
    return seeds


@cache
def _torch_files() -> list[bytes]:
    """Files as torch writes them, made without it: a header, and one array."""
    call = (
        b"ctorch._utils\n_rebuild_tensor_v2\n((Vstorage\nctorch\nFloatStorage\nV0\nVcpu\nI2\n"
        b"tQI0\n(I2\nt(I1\ntI00\nccollections\nOrderedDict\n(tRtR"
    )
    header = {"format": "kws-model", "version": 1, "header": {"classes": ["yes"]}}
    pickles = [
        pickle.dumps(header, protocol=2),
        b"\x80\x02}Vstate_dict\n}Vweight\n" + call + b"ss.",
    ]
    seeds = []
    for pickled in pickles:
        target = io.BytesIO()
        with zipfile.ZipFile(target, "w") as archive:
            archive.writestr("model/data.pkl", pickled)
            archive.writestr("model/data/0", bytes(8))
        seeds.append(target.getvalue())
    return seeds


@cache
def _configs() -> list[bytes]:
    root = Path(__file__).parents[2]
    return [
        (root / "config.yaml").read_bytes(),
        b"audio: {source: demo}\nserver:\n  port: 0x10\n  allowed_hosts: [a, 'b', \"\\x41\"]\n",
        b"keywords: &k {no: {threshold: 0.9}}\nlog: {level: debug}\n",
    ]


@cache
def _requests() -> list[bytes]:
    return [
        b'{"keywords":["yes"],"min_confidence":0.5,"streams":["a"],"after":{"run":"r","seq":1}}',
        b'{"type":"start","stream":"a","sample_rate":16000,"format":"s16le","channels":2}',
        b'{"type":"gap","seconds":0.5}',
        b'{"type":"end"}',
        b'{"stream":null,"frames":true,"token":"t"}',
        b"stream=desk%201&sample_rate=16000&format=f32le&channels=1&scores=true",
    ]


PARSERS = {
    "audio file": Parser(_read_file, (AudioFileError,), _files),
    "audio on a pipe": Parser(_read_stdin, (AudioFileError,), _streams),
    "configuration": Parser(_read_config, (ConfigError,), _configs),
    "override": Parser(
        _read_override, (ConfigError,), lambda: [b"server.port=1", b"log={level: info}"]
    ),
    "token": Parser(_read_token, (ConfigError,), lambda: [b"secret\n", b"\xef\xbb\xbfx\r\n"]),
    "requests": Parser(_read_requests, (BadRequestError,), _requests),
    "model header": Parser(_read_header, (ModelError,), _header_bytes),
    "model graph": Parser(_read_onnx, (MalformedError,), _onnx),
    "torch file": Parser(read_torch, (MalformedTorchFileError,), _torch_files),
}
"""By name."""
