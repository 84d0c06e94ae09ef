"""The model file: everything that a keyword model is, in one `.pt` file without code.

The file holds a dictionary that `torch.load(weights_only=True)` reads: a header (`ModelHeader`)
of plain values and a `state_dict` of tensors. Nothing in a file is ever executed.
"""

import math
import shlex
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, get_args

import msgspec
import torch
from torch import Tensor

from kws.config.paths import DEFAULT_MODEL, find_model
from kws.errors import ModelError
from kws.spotting.calibration import Calibration
from kws.spotting.frontend import FrontEndSettings
from kws.spotting.model import ARCHITECTURES, parameter_count, posteriors
from kws.spotting.networks.base import Network
from kws.spotting.trigger import TriggerSettings

FORMAT = "kws-model"
VERSION = 1
Context = Literal["alone", "anywhere"]
BATCH = 32
"""Windows that go through the network at once; more would only grow the memory."""


@dataclass(frozen=True)
class ModelHeader:
    """What a model file says beside its weights.

    Attributes:
        name: name of the vocabulary, for people.
        architecture: name in `ARCHITECTURES`.
        arguments: what builds the network.
        classes: the keywords, in the order of the network's outputs.
        front_end: how samples become frames.
        mean: ln power, per band, that is subtracted from a frame.
        scale: ln power, per band, that a frame is then divided by.
        trigger: settings per keyword.
        window_frames: frames in a window.
        hop_s: hop that the trigger settings were calibrated at, seconds.
        reference_class: whether "none" is the implicit class with logit 0.
        licence: under what the weights may be used.
        sources: what the model was trained on, a line each with its licence.
        training: settings of the training.
        measured: figures that the trainer measured, by name.
        calibration: what other thresholds than those in `trigger` cost, if it was measured.
        context: "anywhere": a keyword is heard wherever it is spoken; "alone": only as a word
            between pauses, not inside running speech.
    """

    name: str
    architecture: str
    arguments: dict[str, int]
    classes: tuple[str, ...]
    front_end: FrontEndSettings
    mean: tuple[float, ...]
    scale: tuple[float, ...]
    trigger: dict[str, TriggerSettings]
    window_frames: int = 98
    hop_s: float = 0.1
    reference_class: bool = True
    licence: str = ""
    sources: tuple[str, ...] = ()
    training: dict[str, Any] = field(default_factory=dict)
    measured: dict[str, Any] = field(default_factory=dict)
    calibration: Calibration | None = None
    context: Context = "anywhere"

    def __post_init__(self) -> None:
        bands = self.front_end.bands
        if not self.classes or len(set(self.classes)) != len(self.classes):
            raise ValueError("classes must be a list of different words")
        if set(self.trigger) != set(self.classes):
            raise ValueError("trigger must have settings for exactly the classes")
        if len(self.mean) != bands or len(self.scale) != bands:
            raise ValueError(f"mean and scale must have {bands} values, one a band")
        if not all(map(math.isfinite, (*self.mean, *self.scale))) or min(self.scale) <= 0:
            raise ValueError("mean and scale must be finite and scale above 0")
        if self.architecture not in ARCHITECTURES:
            known = ", ".join(ARCHITECTURES)
            raise ValueError(f"architecture {self.architecture!r} is not one of: {known}")
        if not (1 <= self.window_frames <= 10_000 and 0 < self.hop_s <= 60):
            raise ValueError("window_frames must be from 1 to 10000 and hop_s above 0 up to 60")
        points = self.calibration.points if self.calibration else ()
        if any(set(point.thresholds) != set(self.classes) for point in points):
            raise ValueError("an operating point must have thresholds for exactly the classes")
        if self.context not in get_args(Context):
            raise ValueError(f"context must be one of: {', '.join(get_args(Context))}")


@dataclass(frozen=True)
class KeywordModel:
    """A header and its network, ready to hear."""

    header: ModelHeader
    network: Network

    @property
    def classes(self) -> tuple[str, ...]:
        """The keywords."""
        return self.header.classes

    @property
    def sample_rate(self) -> int:
        """Samples per second that the model hears."""
        return self.header.front_end.sample_rate

    @property
    def window_samples(self) -> int:
        """Samples that one window spans."""
        return self.header.front_end.samples_in(self.header.window_frames)

    @property
    def parameters(self) -> int:
        """Number of weights and biases."""
        return parameter_count(self.network)

    def trigger_at(self, false_alarms_per_hour: float) -> dict[str, TriggerSettings]:
        """Trigger settings for a `Spotter` that is to give no more false alarms than that.

        Args:
            false_alarms_per_hour: of all keywords together, as measured in calibration.

        Raises:
            ValueError: the model was not calibrated, or its calibration cannot show the rate.
        """
        header = self.header
        if header.calibration is None:
            raise ValueError(f"model {header.name!r} is not calibrated; set thresholds yourself")
        point = header.calibration.at(false_alarms_per_hour)
        return {
            keyword: settings.with_threshold(point.thresholds[keyword])
            for keyword, settings in header.trigger.items()
        }

    @cached_property
    def _normalisation(self) -> tuple[Tensor, Tensor]:
        """Gain and offset, shape (bands, 1), that subtract the mean and divide by the scale."""
        mean = torch.tensor(self.header.mean, dtype=torch.float32)[:, None]
        gain = 1 / torch.tensor(self.header.scale, dtype=torch.float32)[:, None]
        return gain, -mean * gain

    @torch.inference_mode()
    def posteriors(self, windows: Tensor) -> Tensor:
        """Posteriors of windows of log-mel frames.

        Args:
            windows: float32 of shape (n, bands, window_frames), ln mel power.

        Returns:
            float32 of shape (n, keywords), each in [0, 1].
        """
        if not len(windows):
            return torch.empty(0, len(self.classes))
        if len(windows) > BATCH:
            return torch.cat([self.posteriors(each) for each in torch.split(windows, BATCH)])
        gain, offset = self._normalisation
        logits = self.network(torch.addcmul(offset, windows, gain))
        return posteriors(logits, reference_class=self.header.reference_class)


def save_model(model: KeywordModel, path: Path) -> None:
    """Write a model file; an existing one is replaced only by a whole new one.

    Raises:
        OSError: the file cannot be written.
    """
    content = {
        "format": FORMAT,
        "version": VERSION,
        "header": msgspec.to_builtins(model.header),
        "state_dict": model.network.state_dict(),
    }
    partial = path.with_name(path.name + ".partial")
    torch.save(content, partial)
    partial.replace(path)


def load_model(name: str | Path = DEFAULT_MODEL) -> KeywordModel:
    """Read a model file.

    Args:
        name: a model's name, or the path of a model file: see `kws.config.paths.find_model`.

    Raises:
        ModelError: the file is missing, damaged, of another program, or holds anything but
            plain values and tensors (such a file is refused; nothing in it is executed).
    """
    path = find_model(name)
    content = _content(path)
    header = _header(path, content)
    try:
        # On the meta device weights take neither time nor memory until the file's replace them.
        with torch.device("meta"):
            network = ARCHITECTURES[header.architecture](**header.arguments)
        network.load_state_dict(content["state_dict"], assign=True)
        network.eval().requires_grad_(False)
        outputs = network(torch.zeros(1, header.front_end.bands, header.window_frames)).shape[-1]
    except (KeyError, RuntimeError, TypeError, ValueError, AttributeError) as error:
        raise ModelError(
            f"model file {path}: its weights do not fit its architecture "
            f"{header.architecture}: {_first_line(error)}"
        ) from error
    if outputs != len(header.classes):
        raise ModelError(
            f"model file {path}: {len(header.classes)} classes, but the network has {outputs}"
        )
    if not all(torch.isfinite(parameter).all() for parameter in network.parameters()):
        raise ModelError(f"model file {path}: some weights are not finite; train or copy it again")
    return KeywordModel(header, network)


def read_without_code(path: Path, kind: str = "model file") -> Any:
    """What `torch.save` wrote to a file, if it is nothing but plain values and tensors.

    Args:
        path: the file.
        kind: what people call such a file.

    Raises:
        ModelError: it cannot be read, is damaged, or holds anything else; nothing is executed.
    """
    try:
        file = path.open("rb")
    except OSError as error:
        raise ModelError(f"{kind} {path}: cannot be read: {error.strerror}") from error
    with file, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return torch.load(file, map_location="cpu", weights_only=True)
        # torch names no base class for what a foreign, cut or hostile file can raise.
        except Exception as error:
            reason = f"it is damaged, cut short or not a {kind}"
            if "unsupported global" in str(error).lower():
                reason = "it holds code or objects, which are refused"
            raise ModelError(f"{kind} {path}: {reason}; nothing in it was executed") from error


def _content(path: Path) -> Mapping[str, Any]:
    content = read_without_code(path)
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        if (
            isinstance(content, dict)
            and content
            and all(isinstance(value, Tensor) for value in content.values())
        ):
            raise ModelError(
                f"model file {path}: bare weights without their class list; a model file of kws "
                "carries its classes and front end. Make one, naming the classes in the order of "
                "the network's outputs, in a checkout of kws: python -m train export "
                f"--classes yes,no,up,down {shlex.quote(str(path))} OUTPUT.pt"
            )
        raise ModelError(f"model file {path}: written by another program, not by kws")
    if content.get("version") != VERSION:
        raise ModelError(
            f"model file {path}: format version {content.get('version')!r}, "
            f"this kws reads version {VERSION}; upgrade kws or export the model again"
        )
    return content


def _header(path: Path, content: Mapping[str, Any]) -> ModelHeader:
    try:
        return msgspec.convert(content.get("header"), ModelHeader)
    except msgspec.ValidationError as error:
        raise ModelError(f"model file {path}: bad header: {error}") from error


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(":")
